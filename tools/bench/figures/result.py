# SPDX-License-Identifier: GPL-2.0-only
"""What is printed and what is kept: figures, the goal beside each, build/bench.json.

The file grows by sections: one that is measured again replaces what it had left there, and all
others stay. `sections` tells of each when, where and how it was measured, and what is its own.
"""

import dataclasses
import json

_WIDTHS = (44, 34, 26)
_TABLES = ("sections", "spread", "goals")


class Result:
    """Grows from figure to figure; what is there so far is printed at once."""

    def __init__(self, path, about):
        self.values = {**_read(path), **about}
        for table in _TABLES:
            self.values.setdefault(table, {})
        self._path = path
        self._about = about
        self._section = None
        self._judged = {}  # in this run: what a goal is about, and whether it is met

    def begin(self, name):
        """A section. What it has left in the file before goes."""
        earlier = self.values["sections"].pop(name, {"figures": [], "goals": []})
        for key in earlier["figures"]:
            self.values.pop(key, None)
            self.values["spread"].pop(key, None)
        for key in earlier["goals"]:
            self.values["goals"].pop(key, None)
        self._section = {**self._about, "figures": [], "goals": [], "cannot_run": {}}
        self.values["sections"][name] = self._section

    def end(self, seconds, error=None):
        """The section is in the file, as far as it came."""
        self._section.update(seconds=round(seconds, 1), error=error)
        self._path.write_text(json.dumps(self.values, indent=1) + "\n", encoding="utf-8")

    def section(self, title):
        """A heading."""
        print(f"\n{title}", flush=True)

    def note(self, text):
        """A line that has no goal."""
        print(f"  {text}", flush=True)

    def row(self, what, value, goal="", mark=""):
        """One line of the table."""
        cells = "  ".join(f"{cell:<{width}}" for cell, width
                          in zip((what, value, goal), _WIDTHS))
        print(f"  {cells}  {mark}".rstrip(), flush=True)

    def judge(self, key, is_met, *row):
        """The same with a goal, which bench.json has under a key that no measurement changes."""
        self.row(*row, mark="met" if is_met else "NOT MET")
        self.values["goals"][key] = bool(is_met)
        self._section["goals"].append(key)
        self._judged[key] = (row[0].strip(), bool(is_met))

    def keep(self, key, value):
        """For bench.json: of an interval the median, its spread beside it."""
        if dataclasses.is_dataclass(value):
            self.values["spread"][key] = dataclasses.asdict(value)
            value = value.median
        self.values[key] = value
        if key not in self._section["figures"]:
            self._section["figures"].append(key)

    def keep_missing(self, *keys):
        """Those that could not be measured are null."""
        for key in keys:
            self.keep(key, self.values.get(key))

    def cannot_run(self, tool, why):
        """A tool that this kernel or this machine does not take."""
        self._section["cannot_run"][tool] = why
        self.note(f"{tool}: cannot run here: {why}")

    def are_goals_met(self):
        """All of this run."""
        return all(is_met for _, is_met in self._judged.values())

    def summary(self):
        """The last line."""
        missed = [what for what, is_met in self._judged.values() if not is_met]
        said = f"{len(self._judged) - len(missed)} of {len(self._judged)} goals met"
        return said + (f"; not met: {'; '.join(missed)}" if missed else "")


def _read(path):
    """What is there; nothing of a file that knows no sections."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if "sections" in values else {}
