# SPDX-License-Identifier: GPL-2.0-only
"""Findings and what they are held against: one situation in which each fires, one it just misses.

A situation is a function of the stage that returns the record; one that fires returns beside it
what client and victim saw, by the names of the evidence: a number or text that must be the same,
or a Span of seconds between which it must be.
"""

import contextlib
import dataclasses
import signal
from collections.abc import Callable

import pytest

from kit.clock import SECOND, TOLERANCE_NS
from kit.daemon import Daemon
from kit.stage import IS_BLIND


@dataclasses.dataclass(frozen=True)
class Expected:
    """One row of the table of findings."""

    severity: str
    fires: Callable      # (stage) -> (record, {key of the evidence: value})
    near_miss: Callable  # (stage) -> record


@dataclasses.dataclass(frozen=True)
class Span:
    """Seconds, between two moments of one thing that was seen from outside."""

    low_s: float
    high_s: float

    def __contains__(self, seconds):
        slack_s = TOLERANCE_NS / SECOND
        return self.low_s - slack_s <= seconds <= self.high_s + slack_s


def between(start, end):
    """From one moment to another, each known as (not before, not after) in ns."""
    return Span((end[0] - start[1]) / SECOND, (end[1] - start[0]) / SECOND)


def since(stop, *moments_ns):
    """From the signal to something that was between the first and the last of these moments."""
    return between((stop.before_ns, stop.after_ns), (moments_ns[0], moments_ns[-1]))


def found(record, name):
    """The finding with that id; None: it was not found."""
    findings = [finding for finding in record["findings"] if finding["id"] == name]
    assert len(findings) <= 1, findings
    return findings[0] if findings else None


def _status(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        line, = [line for line in status if line.startswith(f"{key}:")]
    return line.split()[1:]


def ids_of(pid):
    """The pids of a process, in our namespace first, in its own last."""
    return [int(number) for number in _status(pid, "NSpid")]


def is_caught(pid, number):
    """Has the process a handler for that signal?"""
    mask, = _status(pid, "SigCgt")
    return bool(int(mask, 16) & 1 << number - 1)


def wrong(record):
    """The ids of all that is not merely good to know."""
    return {finding["id"] for finding in record["findings"] if finding["severity"] != "info"}


def _assert_found(record, name, severity, evidence):
    finding = found(record, name)
    assert finding, [other["summary"] for other in record["findings"]]
    assert finding["severity"] == severity
    assert evidence and evidence.keys() <= finding["evidence"].keys(), finding
    for key, value in evidence.items():
        told = finding["evidence"][key]
        assert told in value if isinstance(value, Span) else told == value, (key, value, finding)
    assert finding["summary"] and finding["advice"]


def make_tests(table):
    """The tests of {id: Expected}: each fires, and each near miss is none."""
    names = pytest.mark.parametrize("name", table)
    blind = pytest.mark.skipif(IS_BLIND, reason="there is nothing in here for the blind")

    @blind
    @names
    def test_fires(stage, name):
        record, evidence = table[name].fires(stage)
        _assert_found(record, name, table[name].severity, evidence)

    @blind
    @names
    def test_near_miss(stage, name):
        record = table[name].near_miss(stage)
        assert found(record, name) is None, found(record, name)

    return test_fires, test_near_miss


class Service:
    """A service under watch, and its client; told to stop, it is seen to the end."""

    def __init__(self, stage, victim, *words, pid=None, open_clients=None, **watch):
        """words: of shutwatch. open_clients(client): brings connections into a state."""
        self.victim = victim
        self.pid = pid or victim.pid
        self._stage = stage
        self._watch = stage.watch(self.pid, *words, **watch)
        self.client = stage.client(victim.port)
        self.stop = None
        if open_clients:
            open_clients(self.client)
            self.client.wait_taken(self.pid)

    def tell(self, number=signal.SIGTERM, pid=None):
        """The stop signal. Returns the service."""
        self.stop = self._stage.send(pid or self.pid, number)
        return self

    def kill_after(self, ms, pid=None):
        """The patience of somebody else is over. Returns when it was."""
        self.client.run_for(ms)
        return self._stage.send_by_another(pid or self.pid, signal.SIGKILL)

    def record(self, lives_on=False):
        """Once all clients have seen their end; lives_on: part of the service has them still."""
        if not lives_on:
            self.client.wait_ended()
        return self._watch.record()

    def seen(self, ending, kind=None):
        """How many connections ended so: "none+fin", "idle+rst", …"""
        tally = self.client.tally(self.stop.before_ns, kind)
        return sum(count for key, count in tally.items() if key.split(": ")[1] == ending)


def stop_server(stage, *args, open_clients=None, number=signal.SIGTERM, **options):
    """The victim "server" told to stop, seen to its end. Returns (record, Service)."""
    service = Service(stage, stage.server(*args, **options), open_clients=open_clients)
    service.tell(number)
    return service.record(), service


def killed_with_grace(stage, grace_ms, ms):
    """The same, killed by another process after ms, with requests in flight.

    A daemon watches it, whose configuration knows its grace period. Returns the record.
    """
    victim = stage.server()
    daemon = Daemon(stage, "reopen_window: 1s\nservices:\n"
                           f"  - {{match: {{port: {victim.port}}}, grace: {grace_ms}ms}}\n")
    stage.enter(contextlib.closing(daemon))
    daemon.start()
    client = stage.client(victim.port)
    client.in_flight(2, "/9000/1")
    client.wait_taken(victim.pid)
    stage.send(victim.pid)
    client.run_for(ms)
    stage.send_by_another(victim.pid, signal.SIGKILL)
    client.wait_ended()
    assert victim.wait() == -signal.SIGKILL
    record = daemon.wait_records()[0]
    assert (record["outcome"], record["timing"]["grace_s"]) == ("forced", grace_ms / 1000)
    return record
