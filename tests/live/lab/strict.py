# SPDX-License-Identifier: GPL-2.0-only
"""What the lab demands of a record besides the judge: nothing omitted, times that fit, the rest.

And of the set-up: a row is worth nothing if the server was not in the state that it names.
"""

import signal

from kit.clock import SECOND
from kit.judge import at_ns, details_of
from lab import times
from lab.server import LOAD, LONG, MIXED, QUEUE

# How much later than it happened a client may see something: hundreds of connections that one
# thread reads, while hundreds of processes end, take their time on two processors.
_LATE_NS = 150_000_000
_LATE_OF_MANY_NS = 2 * SECOND
_MANY = 100
_LIVES = ("open", "handed_over")


def _slack_ns(stopped):
    told = len(stopped.record["connections"]["details"])
    return _LATE_OF_MANY_NS if told > _MANY else _LATE_NS


def _trigger(stopped):
    trigger, sent = stopped.record["trigger"], signal.Signals(stopped.stop.signal).name
    if (trigger["kind"], trigger["signal"]) != ("signal", sent):
        yield f"trigger is {trigger['kind']} {trigger['signal']}, {sent} was sent"


def _missing(stopped):
    return stopped.pids - {process["pid"] for process in stopped.record["processes"]}


def undecidable(stopped):
    """{why: how many}: what neither the record nor we can know."""
    count = len(_missing(stopped) & stopped.leaving)
    why = "a process that serves one connection ended while the signal was sent, or just before"
    return {why: count} if count else {}


def _whole(stopped):
    record = stopped.record
    if not record["complete"]:
        yield f"not complete: {record['loss']}"
    if record["connections"]["details_omitted"]:
        yield f"{record['connections']['details_omitted']} details omitted, all were asked for"
    if missing := _missing(stopped) - stopped.leaving:
        yield f"processes {sorted(missing)} were there at the signal, and are not in the record"


def _verdict(stopped):
    """What it says in one word follows from its own figures."""
    inbound = stopped.record["connections"]["inbound"]
    lost = inbound["aborted"] + inbound["refused"] + inbound["refused_handshakes"]
    outcome = stopped.record["outcome"]
    if outcome == "clean" and lost:
        yield f"clean, and {lost} were lost"
    if outcome == "lossy" and not lost and not stopped.record["connections"]["outbound"]["aborted"]:
        yield "lossy, and nobody was lost"
    if inbound["undecided"] != inbound["outcomes"].get("undecided", 0):
        yield f"undecided is {inbound['undecided']}"
    signals = [s for p in stopped.record["processes"] for s in p["signals"]]
    if outcome == "forced" and not any(s["signal"] == "SIGKILL" for s in signals):
        if sum(not s["sender"] or s["sender"]["pid"] == stopped.stop.sender for s in signals) < 2:
            yield "forced, and nobody killed it"


def _owners(stopped):
    """Each connection was in the hands of a process that the record knows."""
    pids = {process["pid"] for process in stopped.record["processes"]}
    for detail in stopped.record["connections"]["details"]:
        if detail["pid"] is not None and detail["pid"] not in pids:
            yield f"{detail['peer']} belonged to {detail['pid']}, which is no process of the record"


def _handshakes(stopped):
    """Cut-off handshakes are clients that saw an RST and are no connections of the record."""
    details = details_of(stopped.record)
    found = stopped.record["connections"]["inbound"]["refused_handshakes"]
    seen = sum(c.end in ("rst", "open") and c.local not in details
               for c in stopped.connections)
    if found > seen:
        yield f"refused_handshakes is {found}, {seen} clients at most saw such an end"


def _closed(stopped):
    """When a connection left, and when its client saw that."""
    slack_ns = _slack_ns(stopped)
    details = details_of(stopped.record)
    for connection in stopped.connections:
        detail = details.get(connection.local)
        if not detail or detail["outcome"] in _LIVES:
            continue
        if detail["closed_at_s"] is None:
            yield f"{connection.local}: {detail['outcome']}, and closed_at_s is null"
        elif connection.end in ("fin", "rst") and connection.kind != "reading":
            # What is unacknowledged when it leaves, the kernel delivers before the FIN.
            seen_ns = connection.ended_ns - at_ns(stopped.record, detail["closed_at_s"])
            if seen_ns > slack_ns and not detail["unacked_bytes"]:
                yield (f"{connection.local}: closed_at_s {detail['closed_at_s']}, its client saw "
                       f"the end {seen_ns / 1e6:.1f} ms later")


def _state(stopped, scenario):
    """Was it as the scenario says when the signal came?"""
    signal_ns = stopped.stop.before_ns
    in_flight = [c for c in stopped.connections if c.kind == "in_flight"]
    if scenario in (LONG, LOAD, MIXED) and in_flight:
        if not any(c.states_at(signal_ns, 0) == {True} for c in in_flight):
            yield "set-up: nothing was in flight at the signal"
    if scenario == QUEUE and any(c.is_accepted for c in stopped.connections):
        yield "set-up: some had been accepted before the signal"
    flow = [c for c in stopped.connections if c.kind == "arriving"]
    if flow and not any(c.connect_ns > signal_ns for c in flow):
        yield "set-up: nobody arrived after the signal"


def disagreements(stopped, scenario):
    """All of them, as sentences."""
    for check in (_trigger, _whole, _verdict, _owners, _handshakes, _closed, times.disagreements):
        yield from check(stopped)
    yield from _state(stopped, scenario)
