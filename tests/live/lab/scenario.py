# SPDX-License-Identifier: GPL-2.0-only
"""One stop of one server: brought into a state, told to stop, watched, judged."""

import dataclasses
import json
import os
import select
import signal
import time

from kit.clock import EDGE_NS, SECOND
from kit.judge import Judge, t0_ns, tell_apart
from kit.noise import Noise
from kit.sockets import overflows
from lab import crowd, expected, prediction, strict, times
from lab.ending import Ending
from lab.load import Load
from lab.look import Killed, Look, is_leaving
from lab.seen import Seen
from lab.server import BURST, IDLE, LATE, LOAD, LONG, MANY, MIXED, QUEUE, TERM_ALL
from lab.slack import LOOK_NS, slack_ns

_GRACE_S = 4          # then SIGKILL to all that is left …
_LOAD_PATH = "/5000/10"
_LOAD_GRACE_S = 20    # … a little later where 10,000 are to be closed
_SETTLE = "2s"        # refused connections and late ends count that long after the end
_BEFORE_S = 0.3       # parts of the scenarios: how long things go on before the signal …
_FROZEN_S = 0.2       # … between the signal and the thaw …
_AFTER_S = 0.3        # … and after the end
_RESUME = ("--half-response-bytes=65536", "--half-response-resume=1300ms")
_GUARD = "--duration=25s"


@dataclasses.dataclass
class Row:
    """What became of one stop."""

    server: str
    signal: str
    scenario: str
    outcome: str = ""
    predicted: str = ""                 # by the audit; "": not asked
    why_not: tuple = ()                 # the reasons why it came differently
    connections: int = 0                # of the client's lines
    judged: int = 0                     # of them, told by the record, one by one
    mismatches: list = dataclasses.field(default_factory=list)   # record against client
    unwritten: list = dataclasses.field(default_factory=list)    # against lab/outcomes.py
    undecidable: dict = dataclasses.field(default_factory=dict)  # why: how many
    drain_error_ns: int | None = None   # the record's minus the client's; None: nothing to compare
    total_error_ns: int | None = None
    untimed: list = dataclasses.field(default_factory=list)      # why there is no error
    record: dict = dataclasses.field(default_factory=dict)

    def is_right(self):
        """Nothing disagrees, neither with the client nor with what was written down."""
        return not self.mismatches and not self.unwritten


def _mixed(load, states):
    """The flow is the client that goes on; all others end by themselves."""
    counts = {"idle": 4, "in_flight": 4, "half_response": 2, "half_request": 2, "silent": 2,
              "stream": 2}
    words = [f"--{name.replace('_', '-')}={count}" for name, count in counts.items()
             if name in states]
    flow = load.add("--flow=50") if "flow" in states else None
    load.add(*words, *(_RESUME if "half_response" in states else ()), _GUARD)
    if "finishing" in states:
        load.add("--half-request=2", "--half-request-finish=1s", _GUARD)
    return flow


def _idle(load, states):
    load.add(*["--idle=4"] * ("idle" in states), *["--silent=2"] * ("silent" in states), _GUARD)


def _queue(load, states):
    load.add("--queued=3", *["--silent=3"] * ("silent" in states), _GUARD,
             paths={"queued": load.paths["flow"]})


def _long(load, _):
    load.add("--in-flight=4", _GUARD, paths={"in_flight": load.paths["long"]})


def _burst(load, states):
    """Many arrive at once, again and again, while it drains."""
    words = [f"--{name.replace('_', '-')}=4" for name in ("in_flight", "idle") if name in states]
    if words:
        load.add(*words, _GUARD)
    return load.add("--burst=100@200ms")


def _many(load, states):
    load.add("--in-flight=20", *["--idle=400"] * ("idle" in states),
             *["--silent=80"] * ("silent" in states), _GUARD)


def _load(load, _):
    """10,000 connections, and 500 new ones a second."""
    # Opening so many may take longer than a handler usually does.
    load.add("--idle=9300", "--in-flight=500", "--half-request=100", "--silent=100",
             "--duration=60s", paths={"in_flight": _LOAD_PATH})
    # An address of its own: it would get ports that the others have left by then.
    return load.add("--flow=500", "--source=127.0.0.2")


def _late(load, _):
    """Idle ones overlook the server's FIN and ask once more: too late."""
    load.add("--idle=6", "--late-request=20ms", _GUARD)


_OPENINGS = {MIXED: _mixed, IDLE: _idle, LATE: _late, QUEUE: _queue, LONG: _long, BURST: _burst,
             MANY: _many, LOAD: _load}


def wait_end(running, ending, watch, grace_s):
    """Until all ended, or a record is made because they won't; killed when the grace is over.

    Returns Killed.
    """
    deadline = time.monotonic() + grace_s
    killed = None
    while ending.at_ns is None and not watch.out.so_far():
        if killed is None and time.monotonic() > deadline:
            killed = Killed()
            killed.kill(running.pids())
        select.select([], [], [], 0.005)
    return killed or Killed()


@dataclasses.dataclass
class Told:
    """What there is to be judged."""

    record: dict
    connections: list
    stop: object
    ended_ns: int | None   # the last process
    pids: frozenset = frozenset()  # at the signal
    leaving: frozenset = frozenset()
    said: object = None    # by the audit
    how: object = None
    look: object = None
    late_ns: int = 0
    status: int | None = None
    killed: Killed = dataclasses.field(default_factory=Killed)
    stays_queued: bool = False


class Stopped:
    """One stop as it happened."""

    def __init__(self, stage, running, how, scenario, states):
        words = running.watch or (f"--pid={running.pid}",)
        self.watch = stage.shutwatch("--json", "-n", "1", "--settle", _SETTLE, "--details", "all",
                                     *words).wait_watching()
        self.how = how
        self.stays_queued = False
        self._ending = Ending(running.cgroup)
        self._load = Load(stage, running)
        before = overflows(running.netns)
        try:
            self._run(stage, running, how, scenario, states)
        finally:
            self._ending.close()
        self.ended_ns = self._ending.at_ns
        self.status = running.status(self.ended_ns)
        self.record = json.loads(self.watch.record_line(40))
        self.overflows = overflows(running.netns) - before
        self._load.end_all()
        self.connections = self._load.lines()
        for connection in self.connections:
            # Of one that came later somebody else may have had the port.
            was_there = (connection.established_ns or self.stop.after_ns) < self.stop.before_ns
            side = self.look.sides.get(connection.local) if was_there else None
            connection.is_accepted = side.is_accepted if side else None
            connection.is_taken = bool(side and side.is_accepted and not side.unread)

    def _run(self, stage, running, how, scenario, states):
        is_frozen = scenario == QUEUE
        if is_frozen:
            for pid in running.pids():
                os.kill(pid, signal.SIGSTOP)
        flow = _OPENINGS[scenario](self._load, states)
        time.sleep(_BEFORE_S)  # the scenario: in flight for that long
        self.said = prediction.predict(stage, running, how)
        self.look = Look.at(running)
        self.pids = frozenset(pid for pid in running.pids() if not is_leaving(pid))
        with Noise() as noise:
            self._stop(running, how, scenario)
        self.late_ns = round(noise.latest_s * SECOND)
        time.sleep(_AFTER_S)  # the scenario: clients go on arriving, and are refused
        if flow:
            self._load.end(flow)

    def _stop(self, running, how, scenario):
        self.stop = running.stop(how)
        self.leaving = frozenset(filter(is_leaving, self.pids))  # by the signal, or before it
        if scenario == QUEUE:
            time.sleep(_FROZEN_S)  # the scenario: what is queued stays so until shutwatch looks
            for pid in running.pids():
                os.kill(pid, signal.SIGCONT)
        self.killed = wait_end(running, self._ending, self.watch,
                               _LOAD_GRACE_S if scenario == LOAD else _GRACE_S)


def _apart(kind, stopped):
    """Those who are no connections of this shutdown, by the nature of the server."""
    who = _of_the_survivor(stopped) if kind.survives else {"absent": []}
    if kind.defers_accept:
        who["absent"] += [c for c in stopped.connections if c.kind == "silent"]
    return who


def _of_the_survivor(stopped):
    """Who arrived at a server that nobody told to stop: of no shutdown. (absent, maybe)"""
    signal_ns = t0_ns(stopped.record)
    arrived = [c for c in stopped.connections if c.kind == "arriving" and c.established_ns]
    return {"absent": [c for c in arrived if c.established_ns > signal_ns + EDGE_NS],
            "maybe": [c for c in arrived if abs(c.established_ns - signal_ns) <= EDGE_NS]}


def _hold_prediction(row, stopped):
    """Against what came."""
    if not stopped.said:
        return
    row.predicted = stopped.said.outcome
    if row.predicted != row.outcome:
        row.why_not = prediction.why_not(row, stopped.connections, stopped.said)
    row.unwritten += prediction.disagreements(row, stopped.said)


def _judged(row, stopped, **who):
    tell_apart(stopped.record, stopped.connections)
    judge = Judge(stopped.record, stopped.connections, stopped.stop, **who)
    judge.counts_undecidable = True
    # A manager thaws what it stops at once.
    stopped.stays_queued = row.scenario == QUEUE and stopped.stop.sender is not None
    judge.stays_queued = stopped.stays_queued
    judge.looks_within_ns = LOOK_NS + stopped.late_ns
    judge.half_closes_ns = slack_ns(stopped.record) + stopped.late_ns
    row.mismatches = [*judge.disagreements(),
                      *strict.disagreements(stopped, row.scenario, judge.undecidable)]
    row.undecidable = dict(judge.undecidable)
    row.record = stopped.record
    row.unwritten += expected.disagreements(row)
    row.outcome = stopped.record["outcome"]
    _hold_prediction(row, stopped)
    row.connections = len(stopped.connections)
    row.judged = sum(c.local in judge.details for c in stopped.connections)
    row.drain_error_ns, no_drain = times.drain_error(stopped)
    row.total_error_ns, no_total = times.total_error(stopped)
    row.untimed = [f"{name}: {why}" for name, why in (("drain", no_drain), ("total", no_total))
                   if why]
    return row


def run(stage, kind, how, scenario):
    """Starts the server, stops it, judges. Returns the Row."""
    row = Row(kind.name, how.name, scenario)
    stopped = Stopped(stage, kind.start(stage), how, scenario, kind.states)
    if not kind.forks:
        stopped.leaving = frozenset()
    return _judged(row, stopped, overflows=stopped.overflows,
                   **_apart(kind, stopped))


def run_crowd(stage, total):
    """So many connections of several processes, stopped at once."""
    with Noise() as noise:
        record, lines, stop, ended_ns, look = crowd.run_crowd(stage, total)
    told = Told(record, [Seen(line) for line in lines], stop, ended_ns, how=TERM_ALL, look=look,
                late_ns=round(noise.latest_s * SECOND))
    for connection in told.connections:
        connection.is_taken = connection.is_accepted = True  # the crowd's set-up saw to that
    return _judged(Row("victims", "TERM/all", "crowd"), told)
