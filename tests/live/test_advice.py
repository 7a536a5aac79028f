# SPDX-License-Identifier: GPL-2.0-only
"""The quick part of `make advice`: does what shutwatch advises make the next stop better?"""

import types

import pytest

from kit.stage import IS_BLIND
from lab import proof
from lab.advice import CASES

pytestmark = pytest.mark.skipif(IS_BLIND, reason="there is nothing in here for the blind")


@pytest.mark.parametrize("name", [case.name for case in CASES if case.is_slow])
def test_only_in_make_advice(name):
    """So that the summary names what the quick part leaves out."""
    pytest.skip(f"{name} takes its time: make advice has it")


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_slow],
                         ids=lambda case: case.name)
def test_advice(case):
    """The finding is there before the advice was taken and gone after, and its figure is less."""
    if missing := case.missing():
        pytest.skip(f"{case.name}: not installed: {', '.join(missing)}")
    proven = proof.prove(case)
    print(proof.head(), *proof.lines(proven), sep="\n")
    assert not proven.against


def _side(lost, *findings):
    record = {"findings": [{"id": name, "severity": "error"} for name in findings]}
    return proof.Side("TERM", "lossy", record, 1.0, lost, 0)


@pytest.mark.parametrize("after, advice, against", [
    (_side(0), "Wait for 3 s.", 0),
    (_side(0, "requests_cut"), "Wait for 3 s.", 0),  # another one
    (_side(0, "no_handler"), "Wait for 3 s.", 1),
    (_side(4), "Wait for 3 s.", 1),
    (_side(0), "Wait for 4 s.", 1),
    (_side(5, "no_handler"), "", 3),
])
def test_judge(after, advice, against):
    """What is not better, not gone or not said is against the advice."""
    case = proof.Case("a", "no_handler", "for {value} s", "lost", None, None, None)
    tried = proof.Proof(case, _side(4, "no_handler"), after, advice)
    assert len(list(proof.judge(tried, 3))) == against


@pytest.mark.parametrize("seen, is_lost", [
    ({}, False), ({"end": "refused"}, True), ({"end": "rst"}, True), ({"asked": 2}, True),
    ({"is_part": True}, True), ({"end": "open", "asked": 2}, False),
    ({"said": {"protocol": "http", "status": 503}}, True),
    ({"said": {"protocol": "postgres", "status": "57P01"}}, False)])
def test_is_lost(seen, is_lost):
    """Refused, reset, without an answer or with one that says no: by the client's own line."""
    line = {"end": "fin", "asked": 1, "answered": 1, "is_part": False,
            "said": {"protocol": "http", "status": 200}}
    assert proof.is_lost(types.SimpleNamespace(**{**line, **seen})) == is_lost


def test_every_case_has_its_name():
    """A case is chosen by its name."""
    assert len({case.name for case in CASES}) == len(CASES)
