# SPDX-License-Identifier: GPL-2.0-only
"""The table of truth: a row per stop, what could not be decided and why, and one last line."""

from collections import Counter
from statistics import median

_WIDTHS = (("server", -26), ("signal", -9), ("scenario", -9), ("outcome", -10), ("audit", -10),
           ("connections", 11), ("judged", 7), ("mismatches", 10), ("not as written", 14),
           ("not decidable", 13),
           ("drain error", 11), ("total error", 11))
_SHOWN = 20  # told of one row, of each of the two


def _line(cells):
    return "  ".join(f"{cell:<{-width}}" if width < 0 else f"{cell:>{width}}"
                     for cell, (_, width) in zip(cells, _WIDTHS, strict=True)).rstrip()


def head():
    """The first line."""
    return _line([name for name, _ in _WIDTHS])


def _error(ns):
    return "-" if ns is None else f"{ns / 1e6:+.2f} ms"


def line(row):
    """One row."""
    undecided = sum(row.undecidable.values())
    return _line([row.server, row.signal, row.scenario, row.outcome, row.predicted or "-",
                  row.connections, row.judged, len(row.mismatches), len(row.unwritten),
                  undecided or "-", _error(row.drain_error_ns), _error(row.total_error_ns)])


def _told(said, what):
    """Not more of it than anybody reads."""
    more = len(said) - _SHOWN
    return [f"    {what}{one}" for one in said[:_SHOWN]] + (
        [f"    {what}… and {more} more"] if more > 0 else [])


def mismatches(row):
    """What disagrees with the client, and what with that which was written down, line by line."""
    return _told(row.mismatches, "") + _told(row.unwritten, "not as written: ")


def errors_ns(rows):
    """How far all known times are off, without sign."""
    return [abs(ns) for row in rows for ns in (row.drain_error_ns, row.total_error_ns)
            if ns is not None]


def untimed(rows):
    """Why times of some rows are not compared."""
    counts = Counter(why for row in rows for why in row.untimed)
    return [f"no error of {why}: {count} rows" for why, count in counts.most_common()]


def undecidable(rows):
    """Why, and how many."""
    counts = sum((Counter(row.undecidable) for row in rows), Counter())
    return [f"not decidable: {count} {why}" for why, count in counts.most_common()]


def audit(rows):
    """How often the audit was right; why not, where it was not."""
    asked = [row for row in rows if row.predicted]
    right = sum(row.predicted == row.outcome for row in asked)
    reasons = Counter(why for row in asked if row.predicted != row.outcome
                      for why in row.why_not or ("unexplained",))
    return ([f"audit: {right} of {len(asked)} outcomes as predicted; "
             "of the others, for one reason or several:"] if asked else []) + [
        f"audit: {count}: {why}" for why, count in reasons.most_common()]


def last(rows):
    """The sum of all."""
    errors = errors_ns(rows)
    said = (f"{len(rows)} stops, {sum(row.connections for row in rows)} connections, "
            f"{sum(row.judged for row in rows)} judged one by one, "
            f"{sum(len(row.mismatches) for row in rows)} mismatches, "
            f"{sum(len(row.unwritten) for row in rows)} not as written, "
            f"{sum(sum(row.undecidable.values()) for row in rows)} not decidable")
    if errors:
        said += (f"; times are off by {median(errors) / 1e6:.2f} ms in the median, "
                 f"{max(errors) / 1e6:.2f} ms at most ({len(errors)} times)")
    return said
