# SPDX-License-Identifier: GPL-2.0-only
"""What is printed and what is kept: figures, the goal beside each, build/bench.json."""

import dataclasses
import json

_WIDTHS = (44, 34, 26)


class Result:
    """Grows from figure to figure; what is there so far is printed at once."""

    def __init__(self, about):
        self.values = dict(about)
        self.values["spread"] = {}
        self.values["goals"] = {}
        self.values["cannot_run"] = {}

    def section(self, title):
        """A heading."""
        print(f"\n{title}", flush=True)

    def note(self, text):
        """A line that has no goal."""
        print(f"  {text}", flush=True)

    def row(self, what, value, goal="", is_met=None):
        """One line of the table; is_met None: there is no goal."""
        cells = "  ".join(f"{cell:<{width}}" for cell, width
                          in zip((what, value, goal), _WIDTHS))
        mark = {None: "", True: "met", False: "NOT MET"}[is_met]
        print(f"  {cells}  {mark}".rstrip(), flush=True)
        if is_met is not None:
            self.values["goals"][what] = bool(is_met)

    def keep(self, key, value):
        """For bench.json: of an interval the median, its spread beside it."""
        if dataclasses.is_dataclass(value):
            self.values["spread"][key] = dataclasses.asdict(value)
            value = value.median
        self.values[key] = value

    def cannot_run(self, tool, why):
        """A tool that this kernel or this machine does not take."""
        self.values["cannot_run"][tool] = why
        self.note(f"{tool}: cannot run here: {why}")

    def write(self, path):
        """As JSON."""
        path.write_text(json.dumps(self.values, indent=1) + "\n", encoding="utf-8")

    def summary(self):
        """The last line."""
        goals = self.values["goals"]
        missed = [what for what, is_met in goals.items() if not is_met]
        said = f"{len(goals) - len(missed)} of {len(goals)} goals met"
        return said + (f"; not met: {'; '.join(missed)}" if missed else "")
