# SPDX-License-Identifier: GPL-2.0-only
"""What is written down of every stop: is one finding too many seen, a prediction without reason?"""

import pytest

from lab import expected, kinds, outcomes, prediction, scenario
from lab.example import LINE
from lab.seen import Seen
from lab.server import MIXED

def _finding(name, severity):
    return {"id": name, "severity": severity}


def _row(outcome, *findings, server="http.server", details=(), refused=0):
    row = scenario.Row(server, "TERM", MIXED)
    row.record = {
        "outcome": outcome, "processes": [], "findings": list(findings), "connections": {
            "inbound": {"refused": refused, "refused_handshakes": 0}, "details": list(details)}}
    return row


def test_expected_findings():
    """One too few, one too many; what is good to know and what is a race do not matter."""
    names = outcomes.of("http.server", "TERM", MIXED).findings
    right = [_finding(name, "error") for name in sorted(names)]
    assert not list(expected.disagreements(_row("lossy", *right, _finding(
        "late_arrivals", "info"), _finding("accept_queue_dropped", "error"))))
    assert list(expected.disagreements(_row(
        "clean", *right[1:], _finding("oom_killed", "error")))) == [
            "outcome: clean, expected lossy", f"findings: {right[0]['id']} not found",
            "findings: oom_killed found"]


def test_unexpected_stop():
    """What nobody wrote down is not passed over."""
    assert list(expected.disagreements(_row("clean", server="another"))) == [
        "findings of this stop are not written down (lab/outcomes.py)"]


def test_every_stop_is_expected():
    """And none of a server, or by a signal, that is not in the lab."""
    stops = {(kind.name, how.name, what) for kind, how, what in kinds.stops()}
    assert stops <= outcomes.written()
    assert {stop[:2] for stop in stops} | {("victims", "TERM/all")} == outcomes.TABLE.keys()


def _said(outcome, **facts):
    return prediction.Said(outcome, **{"unit_error": None, "queued": 0, "cut": 0, "asked_ns": 100,
                                       **facts})


def _lost(outcome="cut", at_signal="in_flight", **fields):
    """(details, the client's lines) of one that was lost."""
    seen = Seen({**LINE, "connect_ns": 50, **fields})
    return [{"direction": "inbound", "outcome": outcome, "at_signal": at_signal,
             "peer": seen.local}], [seen]


_HALF = {"state": "half_request", "requests": 0, "request_ns": None}
_LATER = {"state": "flow", "connect_ns": 200, "connected_ns": 201}


@pytest.mark.parametrize("server, lost, is_known", [
    ("uvicorn", _lost(**_HALF), True),                # it has this habit
    ("redis", _lost(**_HALF), False),                 # this one has not
    ("uvicorn", _lost(), False),                      # a whole request
    ("node-none", _lost(), True),
    ("uvicorn", _lost("late_reset", "idle", late_request_ns=950), True),
    ("uvicorn", _lost("reset", "idle"), False),
    ("node-reset", _lost("reset", "idle"), True),
    ("uvicorn", _lost("unaccepted", "new", **_LATER), True),
    ("uvicorn", _lost("unaccepted", "queued", **{**_LATER, "connect_ns": 50}), False),
    ("uvicorn", (_lost()[0], []), False),             # nobody's
])
def test_why_lossy(server, lost, is_known):
    """The audit said clean: what was the client doing that was lost?"""
    details, seen = lost
    row = _row("lossy", server=server, details=details)
    assert bool(prediction.why_not(row, seen, _said("clean"))) == is_known
    both = prediction.why_not(_row("lossy", server=server, details=details, refused=1), seen,
                              _said("clean"))
    assert len(both) == (2 if is_known else 0)


@pytest.mark.parametrize("server, said, outcome, killer, is_known", [
    ("uvicorn", _said("lossy", queued=3), "clean", None, True),
    ("uvicorn", _said("lossy", queued=3, cut=1), "clean", None, False),
    ("uvicorn", _said("lossy"), "clean", None, False),
    ("uvicorn", _said("clean"), "forced", 1, True),
    ("uvicorn", _said("clean"), "forced", None, False),
    ("uvicorn", _said("clean"), "forced", 812, False),       # by its own master, which has none
    ("gunicorn sync", _said("clean"), "forced", 812, True),
    ("gunicorn sync", _said("clean"), "forced", 1, False),   # it outlived its master's patience
    ("postgres", _said("draining"), "forced", 1, True),
    ("postgres", _said("clean"), "forced", 1, False),
    ("postgres", _said("lossy"), "forced", 1, True),
    ("uvicorn", _said("lossy", unit_error="No such file or directory"), "partial", None, True),
    ("uvicorn", _said("lossy"), "partial", None, False),
    ("uvicorn", _said("unaffected"), "lossy", None, False),
    ("uvicorn", _said("unaffected", is_frozen=True), "lossy", None, True),
    ("uvicorn", _said("clean"), "crashed", None, False),
])
def test_why_otherwise(server, said, outcome, killer, is_known):
    """All other disagreements."""
    row = _row(outcome, server=server)
    kill = {"signal": "SIGKILL", "sender": {"pid": killer}}
    row.record["processes"] = [{"pid": 812, "signals": [kill] * bool(killer)}]
    row.why_not = prediction.why_not(row, [], said)
    assert bool(row.why_not) == is_known
    unexplained = f"audit: {said.outcome}, it came {outcome}, and no fact explains it"
    assert (unexplained in prediction.disagreements(row, said)) != is_known


@pytest.mark.parametrize("server, said, is_right", [
    ("uvicorn", _said("clean"), True),
    ("uvicorn", _said("lossy"), False),
    ("uvicorn", _said("lossy", queued=1), True),      # one of the flow, at that moment
    ("uvicorn", _said("clean", queued=1), False),
    ("http.server", _said("lossy", cut=2), True),
    ("http.server", _said("clean", cut=2), False),
    ("uvicorn", _said("unaffected"), False),
    ("uvicorn", _said("unaffected", is_frozen=True), True),
    ("uvicorn", _said("lossy", is_frozen=True), False),
    ("podman-uvicorn", _said("forced", is_frozen=True), True),
])
def test_what_the_audit_should_say(server, said, is_right):
    """It is written down as well: an audit that is wrong fails, however it came."""
    row = _row(said.outcome, server=server)
    assert not list(prediction.disagreements(row, said)) == is_right
