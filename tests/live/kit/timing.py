# SPDX-License-Identifier: GPL-2.0-only
"""The times of a record against what the victims told: each truth is an interval, not a guess."""

from kit.clock import EDGE_NS, JIFFY_NS, SECOND, TOLERANCE_NS
from kit.judge import t0_ns

# A time that is not compared, where the truth is not known.
UNKNOWN = object()


def _span(line):
    return line["before_ns"], line["after_ns"]


def _all(victims, event):
    return [line for victim in victims for line in victim.all_truth(event)]


def _first_action(victims, t0):
    """Closed a listener or a connection, or signalled a member."""
    spans = [_span(line) for event in ("listener_closed", "closed", "let_go")
             for line in _all(victims, event)]
    spans += [(line["at_ns"], line["at_ns"]) for line in _all(victims, "passes_on")]
    return min((span for span in spans if span[1] > t0), default=UNKNOWN)


def _in_flight(victims, connections, t0):
    """The last of those in flight at T0: answered, else closed."""
    spans = []
    for connection in connections:
        states = connection.states_at(t0, EDGE_NS)
        if connection.established_ns is None or states == {False}:
            continue
        if len(states) > 1 or not connection.is_taken:
            return UNKNOWN
        ends = [_span(line) for event in ("answered", "closed") for line in _all(victims, event)
                if line["peer"] == connection.local and line["after_ns"] > t0]
        if not ends:
            return UNKNOWN
        spans.append(min(ends))
    return max(spans) if spans else None


def told_times(record, victims, connections):
    """{"react_s": (earliest ns, latest ns), …} of victims of ours that ended by themselves."""
    t0 = t0_ns(record)
    told = [line["at_ns"] for line in _all(victims, "signal")]
    closed = [_span(line) for event in ("closed", "let_go") for line in _all(victims, event)
              if line["after_ns"] > t0]
    exits = max(line["at_ns"] for line in _all(victims, "exiting"))
    return {
        "react_s": (min(told), min(told)) if told else None,
        "first_action_s": _first_action(victims, t0),
        "accepting_s": max((_span(line) for line in _all(victims, "listener_closed")),
                           default=UNKNOWN),
        "in_flight_s": _in_flight(victims, connections, t0),
        "drain_s": max(closed) if closed else None,
        "total_s": (exits, max(victim.reaped_ns for victim in victims)),
    }


def disagreements(record, truth):
    """truth: {field: (earliest ns, latest ns), None for null, or UNKNOWN}."""
    t0 = t0_ns(record)
    for field, span in truth.items():
        value = record["timing"][field]
        if span is UNKNOWN:
            continue
        if span is None or value is None:
            if span is not value:
                yield f"{field} is {value}, the truth is {_describe(span, t0)}"
            continue
        slack = TOLERANCE_NS + (JIFFY_NS if field == "in_flight_s" else 0)
        if not span[0] - slack <= t0 + value * SECOND <= span[1] + slack:
            yield f"{field} is {value}, the truth is {_describe(span, t0)}"
    yield from _order(record["timing"])


def _describe(span, t0):
    if span is None:
        return "null"
    return " to ".join(f"{(ns - t0) / SECOND:.6f}" for ns in span)


def _order(timing):
    """cleanup_s follows from the others; nothing happens after the end."""
    total = timing["total_s"]
    if total is None:
        if timing["cleanup_s"] is not None:
            yield "cleanup_s without total_s"
        return
    ends = [timing[name] for name in ("accepting_s", "drain_s") if timing[name] is not None]
    cleanup = max(0.0, total - max(ends, default=0.0))
    if timing["cleanup_s"] is None or abs(timing["cleanup_s"] - cleanup) > 2e-6:
        yield f"cleanup_s is {timing['cleanup_s']}, should be {cleanup:.6f}"
    for name in ("react_s", "first_action_s", "accepting_s", "in_flight_s", "drain_s"):
        if timing[name] is not None and timing[name] > total + 1e-6:
            yield f"{name} {timing[name]} is later than total_s {total}"


def assert_times(record, truth):
    """The same as an assertion."""
    found = list(disagreements(record, truth))
    if found:
        raise AssertionError("times: " + "; ".join(found))
