# SPDX-License-Identifier: GPL-2.0-only
"""The times of a record: against its own details, against its clients, and how far they are off."""

from kit.clock import EDGE_NS, JIFFY_NS, MS, SECOND
from kit.judge import at_ns, details_of, plain_name, t0_ns
from kit.timing import disagreements as time_disagreements
from lab.slack import slack_ns

_SAME_S = 2e-6
# A cgroup is empty a little after the exit event: the memory is freed in between (a JVM: 30 ms).
_TEARDOWN_NS = 80 * MS
_NOBODY = "no connection of the shutdown was ended by the server, as its clients saw it"
_OPEN = "a client saw no end"
_HIDDEN = "the last one left while bytes were on their way, and its client saw the end after them"
_LIVES = "part of the service lives on"


def _inbound(record):
    return [d for d in record["connections"]["details"] if d["direction"] == "inbound"]


def _left_ns(connection):
    """When the server let go of it, as its client saw it: a late reset is not the end."""
    if connection.end == "fin+rst":
        return connection.fin_ns
    return connection.ended_ns


def _sees_the_end(connection, detail):
    """Not if it closed first, nor if bytes that nobody acknowledged came before the FIN."""
    return connection.end != "closed" and not detail["unacked_bytes"]


def drain_error(stopped):
    """(the record's end of the drain minus the last end that a client saw, None) or (None, why)."""
    details = details_of(stopped.record)
    drain_s = stopped.record["timing"]["drain_s"]
    told = [(c, details[c.local]) for c in stopped.connections if c.local in details]
    if any(c.ended_ns is None for c, _ in told):
        return None, _OPEN
    ends = {c.local: _left_ns(c) for c, detail in told if _sees_the_end(c, detail)}
    if drain_s is None or not ends:
        return None, _NOBODY
    known_s = max(details[name]["closed_at_s"] or 0 for name in ends)
    if known_s < max(detail["closed_at_s"] or 0 for detail in details.values()):
        return None, _HIDDEN
    return at_ns(stopped.record, drain_s) - max(ends.values()), None


def _late_ns(stopped):
    """How much later than it happened the client may have seen the last end."""
    ended = [c for c in stopped.connections if c.ended_ns]
    return max(ended, key=_left_ns).late_ns if ended else 0


def total_error(stopped):
    """The same of the end of all, as the kernel told the lab."""
    total_s = stopped.record["timing"]["total_s"]
    if stopped.ended_ns is None:
        return None, _LIVES
    if total_s is None:
        return None, None
    return at_ns(stopped.record, total_s) - stopped.ended_ns, None


def _hidden_drain(stopped):
    """Between the last end that is sure and the last that was seen."""
    details, slack = details_of(stopped.record), slack_ns(stopped.record)
    told = [(c, details[c.local]) for c in stopped.connections if c.local in details]
    low = max(_left_ns(c) for c, detail in told if _sees_the_end(c, detail))
    drain_ns = at_ns(stopped.record, stopped.record["timing"]["drain_s"])
    if not low - slack <= drain_ns <= max(_left_ns(c) for c, _ in told) + slack:
        yield f"drain_s is {stopped.record['timing']['drain_s']}, its clients say otherwise"


def _errors(stopped):
    if drain_error(stopped)[1] == _HIDDEN:
        yield from _hidden_drain(stopped)
    slack = slack_ns(stopped.record)
    for name, (error_ns, _), early_ns in (("drain_s", drain_error(stopped), slack),
                                          ("total_s", total_error(stopped), slack + _TEARDOWN_NS)):
        if name == "drain_s":
            early_ns = max(early_ns, _late_ns(stopped))
        if error_ns is not None and not -early_ns <= error_ns <= slack:
            yield f"{name} is {error_ns / 1e6:+.1f} ms off"
    if stopped.ended_ns and stopped.record["timing"]["total_s"] is None:
        yield "total_s is null, and all have ended"


def _same(name, value, due):
    """Two places of one record that say the same, or both nothing."""
    if (value is None) != (due is None) or (due is not None and abs(value - due) > _SAME_S):
        yield f"{name} is {value}, its own details say {due}"


def _actions(record):
    """Everything that the service did about the signal, as RECORD.md has it."""
    pids = {process["pid"] for process in record["processes"]}

    def is_passed_on(process, told):
        """By a member, and not to itself: so it dies of what it has caught."""
        return told["sender"] and told["sender"]["pid"] in pids - {process["pid"]}

    yield from (listener["closed_at_s"] for listener in record["listeners"])
    # Who came after the signal and is served as ever is no action.
    yield from (d["closed_at_s"] for d in record["connections"]["details"]
                if d["at_signal"] != "new" and (d["closed_by"] == "exit" or (
                    # Nor is the close that follows the client's own.
                    d["closed_by"] == "app" and d["outcome"] != "peer_closed")))
    for process in record["processes"]:
        yield process["exit"] and process["exit"]["at_s"]
        yield from (s["at_s"] for s in process["signals"] if is_passed_on(process, s))


def _reached(record):
    """When a signal reached a handler."""
    return [s["delivered_at_s"] for process in record["processes"] for s in process["signals"]
            if s["disposition"] == "handler" and s["delivered_at_s"] is not None]


def _over(record):
    """When the last process ended, or the last socket was closed for it. None: not all have."""
    exits = [process["exit"] for process in record["processes"]]
    if None in exits or not exits:
        return None
    return max([end["at_s"] for end in exits] + [
        d["closed_at_s"] or 0 for d in record["connections"]["details"]
        if d["closed_by"] in ("exit", "kernel")
    ] + [listener["closed_at_s"] or 0 for listener in record["listeners"]])


def _within(record):
    """The times are those of the things that they sum up."""
    timing = record["timing"]
    closed = [listener["closed_at_s"] for listener in record["listeners"]]
    left = [d["closed_at_s"] for d in _inbound(record) if d["closed_at_s"] is not None]
    yield from _same("react_s", timing["react_s"], min(_reached(record), default=None))
    yield from _same("first_action_s", timing["first_action_s"], min(
        (at_s for at_s in _actions(record) if at_s is not None and at_s >= 0), default=None))
    yield from _same("accepting_s", timing["accepting_s"],
                     None if None in closed else max(closed, default=None))
    if any(d["outcome"] == "open" for d in _inbound(record)):
        left = []
    yield from _same("drain_s", timing["drain_s"], max(left, default=None))
    yield from _same("total_s", timing["total_s"], _over(record))


def _answered_ns(connection, signal_ns):
    """(not before, not after): what was in flight at the signal was answered, or it was over.

    To the kernel whatever is sent is an answer: a part of one, and what comes after it unasked.
    """
    left_ns = _left_ns(connection)
    came = [ns for ns, event in connection.events
            if event in ("part", "answered") and ns > signal_ns]
    is_whole = any(event == "answered" and ns > signal_ns for ns, event in connection.events)
    return (max(came) if is_whole else min(came, default=left_ns),
            max(came) if is_whole and not connection.said["unasked_bytes"] else left_ns)


def _unanswered(record):
    """Never answered: in flight until they were closed."""
    value = record["timing"]["in_flight_s"]
    for detail in _inbound(record):
        if detail["at_signal"] == "in_flight" and not detail["unacked_bytes"] and \
                detail["outcome"] in ("cut", "abandoned", "reset"):
            if value is None or (detail["closed_at_s"] or 0) > value + _SAME_S:
                yield f"in_flight_s is {value}, {detail['peer']} was closed unanswered after that"


def _in_flight(stopped):
    """The last of those that were in flight at the signal, as its client saw it."""
    record, signal_ns = stopped.record, t0_ns(stopped.record)
    details, value = details_of(record), record["timing"]["in_flight_s"]
    ends = [(*_answered_ns(c, signal_ns), _sees_the_end(c, details[c.local]))
            for c in stopped.connections
            if c.local in details and details[c.local]["at_signal"] == "in_flight"]
    if any(high is None for _, high, _ in ends):
        return
    if (value is None) != (not ends):
        yield f"in_flight_s is {value}, {len(ends)} were in flight"
    elif ends:
        slack = slack_ns(record) + JIFFY_NS + stopped.late_ns
        # Unacknowledged when it was closed: until then it was in flight.
        low = max([signal_ns, *(low for low, _, is_sure in ends if is_sure),
                   *(at_ns(record, d["closed_at_s"] or 0) for d in _inbound(record)
                     if d["at_signal"] == "in_flight" and d["unacked_bytes"])])
        high = max(high for _, high, _ in ends)
        if not low - slack <= at_ns(record, value) <= high + slack:
            yield (f"in_flight_s is {value}, its clients say {(low - signal_ns) / SECOND:.6f} "
                   f"to {(high - signal_ns) / SECOND:.6f}")


def _span(stopped, name, low_ns, high_ns):
    value, slack = stopped.record["timing"][name], slack_ns(stopped.record)
    if value is None:
        yield f"{name} is null"
    elif not low_ns - EDGE_NS <= at_ns(stopped.record, value) <= high_ns + slack:
        yield (f"{name} is {value}, its clients say "
               f"{(low_ns - t0_ns(stopped.record)) / SECOND:.3f} to "
               f"{(high_ns - t0_ns(stopped.record)) / SECOND:.3f}")


def _is_held_outside(stopped):
    """Somebody else has the listener too, or some of the service lives on with it."""
    return stopped.record["outcome"] == "partial" or stopped.ended_ns is None


def _accepting(stopped):
    """Who was refused came after the listener had closed, who was taken before."""
    refused = [c.ended_ns for c in stopped.connections if c.end == "refused"]
    if refused and not _is_held_outside(stopped):
        yield from _span(stopped, "accepting_s", stopped.stop.before_ns, min(refused))
    accepting_s = stopped.record["timing"]["accepting_s"]
    served = [c.established_ns for c in stopped.connections if c.answered and c.established_ns]
    if accepting_s is not None and served:
        late_ns = max(served) - at_ns(stopped.record, accepting_s)
        if late_ns > slack_ns(stopped.record):
            yield f"accepting_s is {accepting_s}, one was taken {late_ns / 1e6:.1f} ms later"


def _clients(stopped):
    """Those that clients bound."""
    if stopped.record["outcome"] == "partial":  # it goes on
        return
    signal_ns, slack = stopped.stop.before_ns, slack_ns(stopped.record)
    if stopped.ended_ns:
        yield from _span(stopped, "total_s", stopped.ended_ns - slack - _TEARDOWN_NS,
                         stopped.ended_ns)
    names = {plain_name(d["peer"]) for d in _inbound(stopped.record) if d["at_signal"] != "new"}
    ended = [c for c in stopped.connections if c.kind != "arriving" and c.local in names
             and c.ended_ns and c.ended_ns > signal_ns and c.end in ("fin", "rst", "fin+rst")]
    if ended:
        yield from _span(stopped, "first_action_s", signal_ns,
                         min(c.fin_ns or c.ended_ns for c in ended))
        yield from _span(stopped, "drain_s", signal_ns,
                         stopped.ended_ns or max(c.ended_ns for c in ended))
    if _reached(stopped.record):
        first = [c.fin_ns or c.ended_ns for c in ended]
        yield from _span(stopped, "react_s", signal_ns,
                         min(first, default=stopped.ended_ns or signal_ns))


def disagreements(stopped):
    """All of them, as sentences."""
    yield from time_disagreements(stopped.record, {})  # the order of all
    yield from _within(stopped.record)
    yield from _unanswered(stopped.record)
    for check in (_errors, _in_flight, _accepting, _clients):
        yield from check(stopped)
