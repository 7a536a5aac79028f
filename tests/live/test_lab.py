# SPDX-License-Identifier: GPL-2.0-only
"""The lab itself: does its judge find what is wrong, and count what cannot be decided?"""

import copy
import runpy

import pytest

from kit.judge import Judge, details_of, t0_ns, tell_apart
from kit.shutwatch import ROOT
from kit.stage import Stage
from lab import outcomes, scenario, strict, table, times
from lab.ending import Ending
from lab.ends import Ends
from lab.seen import Seen
from lab.server import IDLE, MIXED, TERM, Kind, Running

_LINE = {
    "id": 1, "state": "in_flight", "protocol": "http", "local": "127.0.0.1:40000",
    "peer": "127.0.0.1:80", "family": "inet", "connect_ns": 10, "connected_ns": 20,
    "first_request_ns": 30, "answered_ns": None, "request_ns": 30, "first_byte_ns": None,
    "last_byte_ns": None, "fin_ns": 900, "reset_ns": None,
    "error_ns": None, "late_request_ns": None, "late_reset_ns": None, "closed_ns": None,
    "sent_bytes": 40, "received_bytes": 0, "unasked_bytes": 0, "requests": 1, "answers": 0,
    "last": "none", "status": None, "says_close": False, "malformed": False, "end": "fin",
    "late_reset": False, "errno": 0,
}


def _saw(**fields):
    seen = Seen({**_LINE, **fields})
    return seen.saw(500, 1), seen.end


@pytest.mark.parametrize("fields, saw", [
    ({}, ({"none"}, "fin")),
    ({"last": "part", "first_byte_ns": 600}, ({"part"}, "fin")),
    ({"last": "whole", "answers": 1, "first_byte_ns": 600, "last_byte_ns": 700},
     ({"whole"}, "fin")),
    ({"last": "whole", "answers": 1, "first_byte_ns": 60, "last_byte_ns": 70, "end": "rst",
      "reset_ns": 900}, ({"idle"}, "rst")),
    ({"state": "half_request", "requests": 0, "request_ns": None}, ({"half"}, "fin")),
    ({"state": "half_request", "requests": 0, "request_ns": None, "unasked_bytes": 9},
     ({"told"}, "fin")),
    ({"state": "silent", "requests": 0, "sent_bytes": 0, "request_ns": None}, ({"idle"}, "fin")),
    ({"state": "idle", "answers": 1, "late_request_ns": 950, "late_reset": True,
      "late_reset_ns": 960}, ({"none"}, "fin+rst")),
    ({"end": "closed_by_us", "last": "whole", "answers": 1, "first_byte_ns": 600,
      "last_byte_ns": 700, "closed_ns": 800}, ({"whole"}, "closed")),
])
def test_seen(fields, saw):
    """A line of the client in the judge's words."""
    assert _saw(**fields) == saw


def test_seen_reset_at_once():
    """Established and reset before the client looked: a connection all the same."""
    seen = Seen({**_LINE, "connected_ns": None, "request_ns": None, "requests": 0, "sent_bytes": 0,
                 "fin_ns": None, "reset_ns": 90, "end": "rst"})
    assert (seen.established_ns, seen.ended_ns, seen.end) == (90, 90, "rst")


def test_seen_in_flight():
    """Was a request in flight? Before and after it was asked, and answered."""
    seen = Seen({**_LINE, "last": "whole", "answers": 1, "first_byte_ns": 600,
                 "last_byte_ns": 700})
    assert [seen.states_at(ns, 1) for ns in (25, 500, 800)] == [{False}, {True}, {False}]


def _start_victim(stage):
    group = stage.subgroup()
    server = stage.server(cgroup=group)
    return Running(server.pid, f"127.0.0.1:{server.port}", group.path)


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
            *outcomes.stop("lossy").too_many(judge.undecidable)]


_BY_EXIT = {"closed_by": "exit"}


@pytest.mark.parametrize("change", [
    _become("completed", "left_open", **_BY_EXIT), _become("completed", "abandoned", **_BY_EXIT),
    _become("idle", "left_open", **_BY_EXIT), _become("cut", "abandoned", **_BY_EXIT),
    _become("cut", "reset", wire="rst"), _become("completed", "peer_closed", closed_by="peer"),
    _become("cut", "unaccepted", closed_by="kernel", wire="rst", pid=None),
    _become("idle", "handed_over", closed_by=None, wire="none", closed_at_s=None),
    _become("idle", "idle", pid=1), _become("idle", "idle", pid=None),
    _become("completed", "completed", pid=None), _become("idle", "idle", closed_at_s=-0.001)])
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


_LATE_RESET = {"state": "idle", "answers": 1, "answered_ns": None, "late_request_ns": 950,
               "late_reset": True, "late_reset_ns": 960}


@pytest.mark.parametrize("fields, late_ns, found, counted", [
    ({}, 0, 0, 0), ({"fin_ns": 50_000_000}, 0, 1, 0), ({"fin_ns": 50_000_000}, 40_000_000, 0, 1),
    ({**_LATE_RESET, "fin_ns": 50_000_000}, 0, 1, 0), ({**_LATE_RESET, "fin_ns": 9_000}, 0, 0, 0),
    ({"state": "half_response", "last": "part", "first_byte_ns": 600, "last_byte_ns": 600,
      "fin_ns": 50_000_000}, 0, 1, 0),
])
def test_late_close(stopped, fields, late_ns, found, counted):
    """What the client saw later than 20 ms: only where the machine was late, and counted then."""
    other, offset_ns = copy.copy(stopped), t0_ns(stopped.record)
    line = {**_LINE, **fields}
    seen = Seen({key: value + offset_ns if key.endswith("_ns") and value else value
                 for key, value in line.items()})
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


def test_port_used_again():
    """Two connections of one port, one after the other: each detail finds its own."""
    ends = [2_000_000_000, 6_000_000_000]
    two = [Seen({**_LINE, "id": i, "fin_ns": ns}) for i, ns in enumerate(ends)]
    details = [{"direction": "inbound", "peer": "127.0.0.1:40000", "closed_at_s": s}
               for s in (6.0, 2.0)]
    record = {"trigger": {"at": "1970-01-01T00:00:00.000000000Z"},
              "connections": {"details": details}}
    offset_ns = t0_ns(record)
    for connection in two:
        connection.ended_ns += offset_ns
    tell_apart(record, two)
    assert [c.local for c in two] == ["127.0.0.1:40000#1", "127.0.0.1:40000#2"]
    assert [d["peer"] for d in details] == ["127.0.0.1:40000#2", "127.0.0.1:40000#1"]


def test_undecidable(stage):
    """An answer cut by the application itself: not decidable, and counted, not passed over."""
    seen = Seen({**_LINE, "last": "part", "first_byte_ns": 600, "received_bytes": 9})
    detail = {"outcome": "completed", "closed_by": "app", "wire": "fin", "local": "127.0.0.1:80",
              "pid": 1}
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
