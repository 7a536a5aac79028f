# SPDX-License-Identifier: GPL-2.0-only
"""A median and how sure it is."""

import dataclasses
import math
from statistics import median


@dataclasses.dataclass
class Interval:
    """The median of some runs, with its 95 % confidence interval (of few runs: their range)."""

    median: float
    low: float
    high: float
    runs: int

    def text(self, digits=0, unit="", sign=""):
        """For the table; sign "+": also of what is positive."""
        spread = f"[{self.low:.{digits}f}–{self.high:.{digits}f}]"
        return f"{self.median:{sign}.{digits}f} {spread}{unit}"


def interval(values):
    """By order statistics: how many of n runs lie below the true median is binomial."""
    ordered = sorted(values)
    count = len(ordered)
    below, outside = 0, 0.0  # of the runs; of the probability, on one side
    for k in range(count // 2):
        outside += math.comb(count, k) / 2 ** count
        if outside > 0.025:
            break
        below = k + 1
    below = max(0, below - 1)
    return Interval(median(ordered), ordered[below], ordered[count - 1 - below], count)
