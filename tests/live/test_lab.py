# SPDX-License-Identifier: GPL-2.0-only
"""The lab itself: does its judge find what is wrong, and count what cannot be decided?"""

import copy
import runpy

import pytest

from kit.clock import MS
from kit.judge import Judge, at_ns, details_of, t0_ns
from kit.pairs import CUT_OFF
from kit.shutwatch import ROOT
from kit.stage import Stage
from lab import outcomes, processes, scenario, strict, table, times
from lab.ending import Ending
from lab.ends import Ends
from lab.example import LINE
from lab.look import Killed
from lab.seen import Seen
from lab.server import IDLE, MIXED, QUEUE, TERM, Kind, Running

def _start_victim(stage):
    group = stage.subgroup()
    server = stage.server(cgroup=group)
    return Running(server.pid, f"127.0.0.1:{server.port}", group.path, program=server)


_VICTIM = Kind("victim", (), _start_victim)


@pytest.fixture(scope="module", name="stopped")
def _stopped():
    """One stop, judged again and again."""
    stage = Stage("lab")
    try:
        yield scenario.Stopped(stage, _start_victim(stage), TERM, MIXED, _VICTIM.states)
    finally:
        stage.close()


def _judged(stopped, change=lambda record: None):
    record = copy.deepcopy(stopped.record)
    change(record)
    return list(Judge(record, stopped.connections, stopped.stop).disagreements())


def test_agrees(stopped):
    """As it was made."""
    assert not _judged(stopped)
    assert {c.kind for c in stopped.connections} >= {"idle", "in_flight", "reading", "half",
                                                     "silent", "arriving"}


def _of(record, outcome):
    return next(d for d in record["connections"]["details"] if d["outcome"] == outcome)


def _swap(was, becomes):
    """One connection of another outcome, in the counts as well."""
    def change(record):
        inbound = record["connections"]["inbound"]
        _of(record, was)["outcome"] = becomes
        inbound["outcomes"][was] -= 1
        inbound["outcomes"][becomes] = inbound["outcomes"].get(becomes, 0) + 1
        inbound["aborted"] += (becomes in ("cut", "reset")) - (was in ("cut", "reset"))
    return change


def _drop(record):
    record["connections"]["details"].remove(_of(record, "idle"))
    record["connections"]["inbound"]["outcomes"]["idle"] -= 1
    record["connections"]["inbound"]["open_at_signal"] -= 1


def _refuse(record):
    record["connections"]["inbound"]["refused"] += 1


def _shift(record):
    _of(record, "completed")["closed_at_s"] += 60


def _set(path, value):
    """Another value at that place."""
    def change(record):
        *way, last = path.split(".")
        place = record
        for name in way:
            place = place[int(name)] if name.isdigit() else place[name]
        place[last] = value
    return change


def _become(was, becomes, **fields):
    """One connection of another outcome, and of all that goes with it."""
    def change(record):
        _of(record, was).update(fields)
        _swap(was, becomes)(record)
    return change


def _omit(record):
    inbound = record["connections"]["inbound"]
    record["connections"]["details"].remove(_of(record, "idle"))
    record["connections"]["details_omitted"] += 1
    assert inbound["outcomes"]["idle"]


def _too_early(record):
    for detail in record["connections"]["details"]:
        detail["closed_at_s"] = 0.0


@pytest.mark.parametrize("change", [
    _omit, _too_early, _set("trigger.signal", "SIGHUP"), _set("trigger.kind", "exit"),
    _set("outcome", "clean"), _set("complete", False), _set("processes", []),
    _set("connections.inbound.refused_handshakes", 5), _set("connections.inbound.undecided", 9),
    _set("connections.details.0.pid", 1), _set("connections.details.0.closed_at_s", None),
    *[_set(f"timing.{name}", value) for name in ("total_s", "drain_s", "first_action_s")
      for value in (77.0, None)], _set("timing.accepting_s", 77.0)])
def test_planted_elsewhere(stopped, change):
    """What the judge leaves to the lab."""
    other = copy.copy(stopped)
    other.record = copy.deepcopy(stopped.record)
    assert not list(strict.disagreements(stopped, MIXED))
    change(other.record)
    assert list(strict.disagreements(other, MIXED))


def _add(name, seconds):
    """One time, earlier or later than it was."""
    def change(record):
        record["timing"][name] += seconds
    return change


def _drain_later(record):
    """All that depends on it as well: only the client knows better."""
    last = max(record["connections"]["details"], key=lambda d: d["closed_at_s"])
    last["closed_at_s"] += 0.05
    record["timing"]["drain_s"] = last["closed_at_s"]
    record["timing"]["total_s"] += 0.05


def _found(stopped, change):
    """By the judge or the lab."""
    other = copy.copy(stopped)
    other.record = copy.deepcopy(stopped.record)
    change(other.record)
    judge = Judge(other.record, stopped.connections, stopped.stop)
    judge.counts_undecidable = True
    return [*judge.disagreements(), *strict.disagreements(other, MIXED, judge.undecidable),
            *outcomes.stop("lossy").too_many(MIXED, judge.undecidable)]


_BY_EXIT = {"closed_by": "exit"}


@pytest.mark.parametrize("change", [
    _become("completed", "left_open", **_BY_EXIT), _become("completed", "abandoned", **_BY_EXIT),
    _become("idle", "left_open", **_BY_EXIT), _become("cut", "abandoned", **_BY_EXIT),
    _become("cut", "reset", wire="rst"), _become("completed", "peer_closed", closed_by="peer"),
    _become("cut", "unaccepted", closed_by="kernel", wire="rst", pid=None),
    _become("idle", "handed_over", closed_by=None, wire="none", closed_at_s=None),
    _become("idle", "idle", pid=1), _become("idle", "idle", pid=None),
    _become("completed", "completed", pid=None), _become("idle", "idle", closed_at_s=-0.001),
    _become("idle", "idle", unacked_bytes=1), _become("idle", "idle", arrived_at_s=0.1)])
def test_planted_hand(stopped, change):
    """Closed by the hand of another, or in those of another."""
    assert not _found(stopped, lambda record: None)
    assert _found(stopped, change)


@pytest.mark.parametrize("shift_s", [-0.05, 0.05])
def test_planted_close(stopped, shift_s):
    """A close 50 ms early or late, of each connection; the client cannot see it of unread bytes."""
    shifted = 0
    for number, detail in enumerate(stopped.record["connections"]["details"]):
        if detail["unacked_bytes"]:
            continue
        shifted += 1
        assert _found(stopped, _set(f"connections.details.{number}.closed_at_s",
                                    detail["closed_at_s"] + shift_s)), detail
    assert shifted > 10


def _kill(record):
    for told in record["processes"][0]["signals"]:
        told["signal"] = "SIGKILL"


_SIGNAL = "processes.0.signals.0"


@pytest.mark.parametrize("change", [
    _set("processes.0.exit.code", 1), _set("processes.0.exit", None), _kill,
    _set("processes.0.exit.signal", "SIGTERM"), _set("processes.0.signals", []),
    _set(f"{_SIGNAL}.sender", None), _set(f"{_SIGNAL}.sender.pid", 1),
    _set(f"{_SIGNAL}.sender.comm", "another"), _set(f"{_SIGNAL}.sender.uid", 1),
    _set(f"{_SIGNAL}.at_s", 0.5), _set(f"{_SIGNAL}.signal", "SIGHUP"),
    _set("listeners", []), _set("listeners.0.port", 1), _set("listeners.0.address", "10.0.0.1"),
    _set("listeners.0.family", "inet6"), _set("listeners.0.queued_at_signal", 99)])
def test_planted_process(stopped, change):
    """What the lab knows because it did it: the start, the signal, the connections."""
    other = copy.copy(stopped)
    other.record = copy.deepcopy(stopped.record)
    assert not list(processes.disagreements(other))
    change(other.record)
    assert list(processes.disagreements(other))


def test_planted_kill(stopped):
    """Killed by the lab, and nobody says so."""
    other = copy.copy(stopped)
    other.killed = Killed({other.stop.pid: other.stop.before_ns})
    assert list(processes.disagreements(other))


@pytest.mark.parametrize("away_ms, opened_ms, is_counted", [
    (0, 1, True), (0, 200, False), (200, 201, False), (-200, 1, False)])
def test_cut_off_handshake(stopped, away_ms, opened_ms, is_counted):
    """Not in the record: what was reset as the listener closed is a handshake cut off."""
    record = copy.deepcopy(stopped.record)
    record["connections"]["inbound"]["refused_handshakes"] = 1
    record["listeners"][0]["closed_at_s"] = 0.3
    closed_ns = at_ns(record, 0.3)
    ended_ns = closed_ns + away_ms * MS
    seen = Seen({**LINE, "end": "rst", "fin_ns": None, "reset_ns": ended_ns,
                 "connect_ns": ended_ns - opened_ms * MS, "request_ns": None,
                 "connected_ns": ended_ns - opened_ms * MS})
    judge = Judge(record, [*stopped.connections, seen], stopped.stop)
    judge.counts_undecidable = True
    found = list(judge.disagreements())
    assert judge.undecidable == ({CUT_OFF: 1} if is_counted else {})
    assert bool(found) != is_counted


def test_set_up(stopped):
    """Half of those meant to be in flight are not; nobody looked who was in the queue."""
    assert not list(strict.state(stopped, MIXED))
    other = copy.copy(stopped)
    other.connections = [copy.copy(c) for c in stopped.connections]
    in_flight = [c for c in other.connections if c.kind == "in_flight"]
    for connection in in_flight[::2]:
        connection.events = []
    assert list(strict.state(other, MIXED))
    for connection in other.connections:
        connection.is_accepted, connection.events = None, [(1, "asked")]
    assert any("queue" in said for said in strict.state(other, QUEUE))
    for connection in other.connections:
        connection.is_accepted = False
    assert not list(strict.state(other, QUEUE))


_LATE_RESET = {"state": "idle", "answers": 1, "answered_ns": None, "late_request_ns": 950,
               "late_reset": True, "late_reset_ns": 960}


@pytest.mark.parametrize("fields, late_ns, found, counted", [
    ({}, 0, 0, 0), ({"fin_ns": 50_000_000}, 0, 1, 0), ({"fin_ns": 50_000_000}, 40_000_000, 0, 1),
    ({"fin_ns": 50_000_000, "late_ns": 40_000_000}, 0, 0, 1),  # the client itself
    ({"fin_ns": 50_000_000, "late_ns": 10_000_000}, 0, 1, 0),
    ({**_LATE_RESET, "fin_ns": 50_000_000}, 0, 1, 0), ({**_LATE_RESET, "fin_ns": 9_000}, 0, 0, 0),
    ({"state": "half_response", "last": "part", "first_byte_ns": 600, "last_byte_ns": 600,
      "fin_ns": 50_000_000}, 0, 1, 0),
])
def test_late_close(stopped, fields, late_ns, found, counted):
    """What the client saw later than 20 ms: only where the machine was late, and counted then."""
    other, offset_ns = copy.copy(stopped), t0_ns(stopped.record)
    line = {**LINE, **fields}
    seen = Seen({key: value + offset_ns if key.endswith("_ns") and key != "late_ns" and value
                 else value for key, value in line.items()})
    other.record = copy.deepcopy(stopped.record)
    other.late_ns, other.connections = late_ns, [seen]
    detail = {**_of(other.record, "idle"), "peer": seen.local, "closed_at_s": 0.000001}
    other.record["connections"]["details"] = [detail]
    undecidable = table.Counter()
    assert len(list(Ends(other, undecidable).disagreements())) == found
    assert sum(undecidable.values()) == counted


@pytest.mark.parametrize("change", [
    *[_set(f"timing.{name}", value)
      for name in ("react_s", "first_action_s", "accepting_s", "in_flight_s", "drain_s", "total_s")
      for value in (None, 0.0)],
    *[_add(name, seconds) for name in ("accepting_s", "in_flight_s", "drain_s", "total_s")
      for seconds in (0.05, -0.05)], _drain_later])
def test_planted_time(stopped, change):
    """A time that is null, none at all, or 50 ms off."""
    other = copy.copy(stopped)
    other.record = copy.deepcopy(stopped.record)
    change(other.record)
    assert list(times.disagreements(other))


def test_no_error(stopped):
    """Why a time is compared with nothing."""
    assert None not in (times.drain_error(stopped)[0], times.total_error(stopped)[0])
    other = copy.copy(stopped)
    other.connections = [copy.copy(c) for c in stopped.connections]
    known = details_of(stopped.record)
    next(c for c in other.connections if c.local in known).ended_ns = other.ended_ns = None
    assert times.drain_error(other) == (None, "a client saw no end")
    assert times.total_error(other) == (None, "part of the service lives on")


@pytest.mark.parametrize("change", [
    _swap("completed", "cut"), _swap("idle", "completed"), _swap("cut", "idle"),
    _swap("completed", "reset"), _drop, _refuse, _shift],
    ids=["completed-cut", "idle-completed", "cut-idle", "completed-reset", "one missing",
         "one refused too many", "closed too late"])
def test_planted(stopped, change):
    """One thing wrong in an otherwise right record."""
    assert _judged(stopped, change)


def test_undecidable(stage):
    """An answer cut by the application itself: not decidable, and counted, not passed over."""
    seen = Seen({**LINE, "last": "part", "first_byte_ns": 600, "received_bytes": 9})
    detail = {"outcome": "completed", "closed_by": "app", "wire": "fin", "local": "127.0.0.1:80",
              "pid": 1, "unacked_bytes": 0, "unread_bytes": 0}
    judge = Judge.__new__(Judge)
    judge.t0_ns, judge.undecidable, judge.truth = 500, table.Counter(), type("T", (), {
        "owners": {}, "closed": {}})
    judge.counts_undecidable = False
    assert "only the protocol knows" in "".join(judge._pair(seen, detail))
    judge.counts_undecidable = True
    assert not list(judge._pair(seen, detail))
    assert sum(judge.undecidable.values()) == 1


def test_ending(stage):
    """The end of the last process of a cgroup, while one that ended before is unreaped."""
    group = stage.subgroup()
    stage.program(["sleep", "0.05"], cgroup=group)
    last = stage.program(["sleep", "0.2"], cgroup=group)
    ending = Ending(group.path)
    last.wait()
    ending.close()
    assert abs(ending.at_ns - last.reaped_ns) < 50_000_000


def test_row(stage, monkeypatch):
    """A whole stop, and what the table says of it."""
    monkeypatch.setitem(outcomes.TABLE, ("victim", "TERM"), {IDLE: outcomes.stop("clean")})
    row = scenario.run(stage, _VICTIM, TERM, IDLE)
    assert row.is_right(), table.mismatches(row)
    assert row.connections == 6 and row.outcome == "clean"
    assert abs(row.drain_error_ns) < 50_000_000 and abs(row.total_error_ns) < 50_000_000
    assert ("1 stops, 6 connections, 6 judged one by one, 0 mismatches, 0 not as written, 0 not"
            in table.last([row]))


def test_not_as_written(stage, monkeypatch):
    """Another outcome than was written down: apart from what disagrees with the client."""
    monkeypatch.setitem(outcomes.TABLE, ("victim", "TERM"), {IDLE: outcomes.stop("lossy")})
    row = scenario.run(stage, _VICTIM, TERM, IDLE)
    assert not row.mismatches, row.mismatches
    assert row.unwritten[0] == "outcome: clean, expected lossy"
    assert not row.is_right()
    assert f"0 mismatches, {len(row.unwritten)} not as written" in table.last([row])
    assert "    not as written: outcome: clean, expected lossy" in table.mismatches(row)


@pytest.mark.parametrize("fields, status", [
    ({}, 0), ({"mismatches": ["planted"]}, 1), ({"unwritten": ["planted"]}, 1)])
def test_status(fields, status):
    """Both are told by the exit status."""
    truth = runpy.run_path(str(ROOT / "tests/live/truth"))
    assert truth["status"]([scenario.Row("server", "TERM", MIXED, **fields)], False) == status
    assert truth["status"]([], False) == 1
