# SPDX-License-Identifier: GPL-2.0-only
"""What the lab demands of a record besides the judge: nothing omitted, times that fit, the rest.

And of the set-up: a row is worth nothing if the server was not in the state that it names.
"""

import signal
from collections import Counter

from kit.judge import details_of
from lab import processes, times
from lab.ends import Ends
from lab.server import QUEUE

_GONE = "a process that serves one connection ended while the signal was sent, or just before"


def _trigger(stopped):
    trigger, sent = stopped.record["trigger"], signal.Signals(stopped.stop.signal).name
    if (trigger["kind"], trigger["signal"]) != ("signal", sent):
        yield f"trigger is {trigger['kind']} {trigger['signal']}, {sent} was sent"


def _whole(stopped, undecidable):
    record = stopped.record
    if not record["complete"]:
        yield f"not complete: {record['loss']}"
    if record["connections"]["details_omitted"]:
        yield f"{record['connections']['details_omitted']} details omitted, all were asked for"
    missing = stopped.pids - {process["pid"] for process in record["processes"]}
    if gone := missing & stopped.leaving:
        undecidable[_GONE] += len(gone)
    if missing := missing - stopped.leaving:
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


def _handshakes(stopped):
    """Cut-off handshakes are clients that saw an RST and are no connections of the record."""
    details = details_of(stopped.record)
    found = stopped.record["connections"]["inbound"]["refused_handshakes"]
    seen = sum(c.end in ("rst", "open") and c.local not in details
               for c in stopped.connections)
    if found > seen:
        yield f"refused_handshakes is {found}, {seen} clients at most saw such an end"


def state(stopped, scenario):
    """Was it as the scenario says when the signal came?"""
    signal_ns = stopped.stop.before_ns
    in_flight = [c for c in stopped.connections if c.kind == "in_flight"]
    waits = sum(c.states_at(signal_ns, 0) == {True} for c in in_flight)
    if 2 * waits <= len(in_flight) and in_flight:
        yield f"set-up: {waits} of {len(in_flight)} were in flight at the signal"
    if scenario == QUEUE:
        if any(c.is_accepted for c in stopped.connections):
            yield "set-up: some had been accepted before the signal"
        if not all(c.is_accepted is False for c in in_flight):
            yield "set-up: some were not seen in the queue before the signal"
    flow = [c for c in stopped.connections if c.kind == "arriving"]
    if flow and not any(c.connect_ns > signal_ns for c in flow):
        yield "set-up: nobody arrived after the signal"


def disagreements(stopped, scenario, undecidable=None):
    """All of them, as sentences. undecidable: a Counter of {why: how many}, added to."""
    undecidable = Counter() if undecidable is None else undecidable
    for check in (_trigger, _verdict, _handshakes, times.disagreements, processes.disagreements):
        yield from check(stopped)
    yield from _whole(stopped, undecidable)
    yield from Ends(stopped, undecidable).disagreements()
    yield from state(stopped, scenario)
