# SPDX-License-Identifier: GPL-2.0-only
"""The quick part of the truth lab: every server that starts fast, with all states mixed."""

import pytest

from lab import kinds, scenario, table
from lab.server import MIXED

_QUICK = [(kind, how) for kind in kinds.KINDS if not kind.is_slow and MIXED in kind.scenarios
          for how in kind.hows]


_SLOW = sorted({kind.name for kind in kinds.KINDS if kind.is_slow})


@pytest.mark.parametrize("name", _SLOW)
def test_only_in_make_truth(name):
    """So that the summary names what the quick part leaves out."""
    pytest.skip(f"{name} takes its time: make truth has it")


@pytest.mark.parametrize("kind, how", _QUICK, ids=[f"{k.name}-{h.name}" for k, h in _QUICK])
def test_truth(stage, kind, how):
    """What shutwatch says of every connection is what its client saw."""
    if missing := kind.missing():
        pytest.skip(f"{kind.name}: not installed: {', '.join(missing)}")
    row = scenario.run(stage, kind, how, MIXED)
    print(table.head(), table.line(row), sep="\n")
    assert row.is_right(), "\n".join(table.mismatches(row))
    assert row.connections > 0
