# SPDX-License-Identifier: GPL-2.0-only
"""Is what came of a stop, and what is said to be wrong with it, what had been written down?"""

from kit.findings import wrong
from lab import outcomes


def disagreements(row):
    """Another outcome, what was found and is not so, and what was not found."""
    stop = outcomes.of(row.server, row.signal, row.scenario)
    if not stop:
        yield "findings of this stop are not written down (lab/outcomes.py)"
        return
    yield from stop.too_many(row.scenario, row.undecidable)
    if row.record["outcome"] not in stop.outcomes:
        yield f"outcome: {row.record['outcome']}, expected {' or '.join(stop.outcomes)}"
    found = wrong(row.record)
    if missing := stop.findings - found:
        yield f"findings: {', '.join(sorted(missing))} not found"
    if more := found - stop.findings - stop.maybe - outcomes.races_of(row.scenario):
        yield f"findings: {', '.join(sorted(more))} found"
