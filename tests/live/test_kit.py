# SPDX-License-Identifier: GPL-2.0-only
"""The judge must find what is wrong: a right record made by hand, then falsified in one place."""

import copy
import time

import pytest

from kit.clock import MS, now_ns, parse_wall_ns, wall_offset_ns
from kit.http import Answer
from kit.judge import Judge
from kit.line import Line
from kit.stage import Stop
from kit.timing import disagreements

_T0 = now_ns()


def _line(local, end, ended_ms, events, **more):
    """A client's line; times in milliseconds from T0."""
    line = Line("test", "127.0.0.1:80", _T0 - 101 * MS)
    line.established_ns = _T0 - 100 * MS
    line.local, line.end = local, end
    line.ended_ns = line.fin_ns = _T0 + ended_ms * MS
    line.events = [(_T0 + ms * MS, event) for ms, event in events]
    line.asked = sum(event == "asked" for _, event in events)
    line.answered = sum(event == "answered" for _, event in events)
    line.sent_bytes, line.received_bytes, line.is_taken = 30, 40, True
    vars(line).update(more)
    return line


def _lines():
    return [
        _line("127.0.0.1:1001", "fin", 200, [(-90, "asked"), (-80, "answered")]),
        _line("127.0.0.1:1002", "fin", 300, [(-90, "asked"), (300, "answered")]),
        _line("127.0.0.1:1003", "rst", 201, [(130, "asked")], established_ns=_T0 + 120 * MS,
              connect_ns=_T0 + 119 * MS, fin_ns=None, is_taken=False),
        _line(None, "refused", 400, [], established_ns=None, fin_ns=None),
    ]


def _detail(port, at_signal, outcome, closed_by, wire, closed_s, **more):
    return {"direction": "inbound", "pid": 7, "local": "127.0.0.1:80",
            "peer": f"127.0.0.1:{port}", "at_signal": at_signal, "arrived_at_s": None,
            "closed_at_s": closed_s, "closed_by": closed_by, "wire": wire, "outcome": outcome,
            "received_bytes": 30, "sent_bytes": 40, **more}


def _record():
    wall = _T0 + wall_offset_ns()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall // 10**9)) + f".{wall % 10**9:09d}Z"
    assert parse_wall_ns(at) == wall
    return {
        "schema": "shutwatch.shutdown/1", "complete": True, "loss": {"events": 0, "by_cause": {}},
        "trigger": {"at": at, "sender": {"pid": 42}},
        "timing": {"react_s": 0.001, "first_action_s": 0.1995, "accepting_s": 0.1995,
                   "in_flight_s": 0.2995, "drain_s": 0.2995, "total_s": 0.35,
                   "cleanup_s": 0.0505},
        "connections": {
            "inbound": {"open_at_signal": 2, "in_flight_at_signal": 1, "late": 1, "aborted": 1,
                        "refused": 1, "refused_handshakes": 0,
                        "outcomes": {"idle": 1, "completed": 1, "unaccepted": 1, "cut": 0}},
            "outbound": {"open_at_signal": 0, "late": 0, "aborted": 0, "outcomes": {}},
            "details": [
                _detail(1001, "idle", "idle", "app", "fin", 0.1995),
                _detail(1002, "in_flight", "completed", "app", "fin", 0.2995),
                _detail(1003, "new", "unaccepted", "kernel", "rst", 0.1995, arrived_at_s=0.12)],
            "details_omitted": 0}}


def _judge(record, lines=None):
    stop = Stop(15, 7, 42, _T0 - 20_000, _T0 + 20_000)
    return Judge(record, lines or _lines(), stop).disagreements()


def test_right_record():
    """Nothing to say about a record that is right."""
    assert _judge(_record()) == []


def _set(path, value):
    def falsify(record):
        *way, last = path.split(".")
        for key in way:
            record = record[int(key) if key.isdigit() else key]
        record[last] = value
    return falsify


def _forget_detail(record):
    del record["connections"]["details"][0]
    record["connections"]["inbound"]["outcomes"]["idle"] = 0
    record["connections"]["inbound"]["open_at_signal"] = 1


def _double_detail(record):
    record["connections"]["details"].append(copy.deepcopy(record["connections"]["details"][0]))
    record["connections"]["inbound"]["outcomes"]["idle"] = 2
    record["connections"]["inbound"]["open_at_signal"] = 3


def _invent_detail(record):
    _double_detail(record)
    record["connections"]["details"][-1]["peer"] = "127.0.0.1:9999"


@pytest.mark.parametrize("falsify, complaint", [
    (_set("schema", "x/1"), "schema"),
    (_set("trigger.sender.pid", 43), "trigger.sender"),
    (_set("trigger.at", "2020-01-01T00:00:00.000000000Z"), "trigger.at"),
    (_set("connections.inbound.late", 0), "open_at_signal + late"),
    (_set("connections.inbound.aborted", 0), "aborted is 0"),
    (_set("connections.inbound.refused", 0), "refused is 0"),
    (_set("connections.inbound.in_flight_at_signal", 2), "in_flight_at_signal is 2"),
    (_set("connections.outbound.outcomes", {"idle": 1}), "outbound"),
    (_set("connections.details_omitted", 1), "details (with those omitted)"),
    (_set("loss.events", 3), "yet lost"),
    (_forget_detail, "127.0.0.1:1001 is missing"),
    (_double_detail, "is there 2 times"),
    (_invent_detail, "no client's"),
    (_set("connections.details.0.outcome", "cut"), "cut, the client saw"),
    (_set("connections.details.2.outcome", "late_reset"), "closed_by kernel"),
    (_set("connections.details.1.wire", "rst"), "wire rst"),
    (_set("connections.details.1.local", "127.0.0.1:81"), "local is"),
    (_set("connections.details.0.at_signal", "in_flight"), "at_signal is in_flight"),
    (_set("connections.details.2.at_signal", "idle"), "at_signal is idle"),
    (_set("connections.details.2.arrived_at_s", 0.3), "arrived_at_s"),
    (_set("connections.details.0.closed_at_s", 0.25), "the client saw the end"),
    (_set("connections.details.0.received_bytes", 29), "received_bytes"),
    (_set("connections.details.1.sent_bytes", 41), "sent_bytes"),
])
def test_false_record(falsify, complaint):
    """One falsified place, one sentence that names it."""
    record = _record()
    falsify(record)
    assert any(complaint in sentence for sentence in _judge(record))


def test_false_client():
    """The same record, and a client that was answered where it says "unaccepted"."""
    lines = _lines()
    lines[2].end, lines[2].answered = "fin", 1
    lines[2].events.append((_T0 + 140 * MS, "answered"))
    assert any("unaccepted, the client saw" in sentence for sentence in _judge(_record(), lines))


@pytest.mark.parametrize("field, span, is_right", [
    ("react_s", (1 * MS, 1 * MS), True), ("react_s", (8 * MS, 8 * MS), False),
    ("in_flight_s", (307 * MS, 308 * MS), True), ("drain_s", (307 * MS, 308 * MS), False),
    ("react_s", None, False), ("total_s", (300 * MS, 360 * MS), True),
])
def test_times(field, span, is_right):
    """5 ms from the truth, for answers one jiffy more; null is no time."""
    truth = {field: span and (_T0 + span[0], _T0 + span[1])}
    assert (list(disagreements(_record(), truth)) == []) is is_right


def test_times_follow_from_each_other():
    """cleanup_s is what is left of total_s."""
    record = _record()
    record["timing"]["cleanup_s"] = 0.1
    assert list(disagreements(record, {})) != []


@pytest.mark.parametrize("parts, is_whole", [
    ([b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", b"c"], True),
    ([b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 3\r\n\r\nab"], False),
    ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"0\r\n\r\n"], True),
    ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"0\r\n"], False),
    ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], True),
])
def test_answers(parts, is_whole):
    """Is an answer whole?"""
    answer = Answer()
    for part in parts:
        answer.feed(part)
    assert answer.is_whole() is is_whole
