# SPDX-License-Identifier: GPL-2.0-only
"""What a fault must come to: a record that is right, or one that says that it is not complete."""

import dataclasses
import os
from collections import Counter

from kit.judge import Judge, Truth
from kit.shutwatch import BUILD

FAULTY = BUILD / "tests" / "faulty.so"
RIGHT, INCOMPLETE, REFUSED = "right", "says incomplete", "gave up in words"
_WIDTHS = (-40, 6, 6, 11, 8, 6)
_HEAD = ("fault", "stops", "right", "incomplete", "gave up", "wrong")
_SHOWN = 10


def faulty(**faults):
    """The environment of a shutwatch with these: map="events:4096", tick_us=500, …"""
    return {**os.environ, "LD_PRELOAD": str(FAULTY),
            **{f"FAULTY_{name.upper()}": str(value) for name, value in faults.items()}}


@dataclasses.dataclass
class Row:
    """One fault, over all stops that it was tried on."""

    name: str
    results: Counter = dataclasses.field(default_factory=Counter)
    wrong: list = dataclasses.field(default_factory=list)
    causes: Counter = dataclasses.field(default_factory=Counter)  # of what was lost

    def note(self, what):
        """One stop more."""
        self.results[what] += 1

    def fail(self, why):
        """One stop more, and what is wrong."""
        self.results["wrong"] += 1
        self.wrong.append(why)

    def refused(self, watch, when):
        """It ended without a record: by itself, and it says why."""
        status = watch.wait()
        if status > 0 and watch.err.all():
            self.note(REFUSED)
        else:
            self.fail(f"{when}: exit status {status}, stderr {watch.err.all()}")

    def require(self, holds, why):
        """A condition on the whole row."""
        if not holds:
            self.wrong.append(why)

    def judge(self, record, clients, stop, victims=(), must_be_right=False):
        """A record against what client and victim saw."""
        if record["complete"]:
            seen = [connection for client in clients for connection in client.connections]
            found = Judge(record, seen, stop, Truth(victims)).disagreements()
            if found:
                self.fail("called complete: " + "; ".join(map(str, found[:5])))
            else:
                self.note(RIGHT)
            return
        lost = {cause: n for cause, n in record["loss"]["by_cause"].items() if n}
        self.causes.update(lost)
        if must_be_right or not 0 < record["loss"]["events"] <= sum(lost.values()):
            self.fail(f"incomplete, loss: {record['loss']}")
        else:
            self.note(INCOMPLETE)

    def line(self):
        """Of the table."""
        cells = (self.name, sum(self.results.values()), self.results[RIGHT],
                 self.results[INCOMPLETE], self.results[REFUSED],
                 max(self.results["wrong"], len(self.wrong)))
        causes = ", ".join(f"{cause} {n}" for cause, n in self.causes.most_common())
        return _line(cells) + (f"  lost: {causes}" if causes else "")

    def faults(self):
        """What is wrong, line by line."""
        more = len(self.wrong) - _SHOWN
        return [f"    {why}"[:2000] for why in self.wrong[:_SHOWN]] + (
            [f"    … and {more} more"] if more > 0 else [])


def _line(cells):
    return "  ".join(f"{cell:<{-width}}" if width < 0 else f"{cell:>{width}}"
                     for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def head():
    """The first line of the table."""
    return _line(_HEAD)
