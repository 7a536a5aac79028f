# SPDX-License-Identifier: GPL-2.0-only
"""The quick part of `make advice`: does what shutwatch advises make the next stop better?"""

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


def test_every_case_has_its_name():
    """A case is chosen by its name."""
    assert len({case.name for case in CASES}) == len(CASES)
