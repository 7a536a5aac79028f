# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel counts of BPF programs and maps, by the process that holds them."""

import contextlib
import dataclasses
import json
import pathlib
import subprocess

_STATS = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")


@dataclasses.dataclass(frozen=True)
class Runs:
    """Of one program, or of several together."""

    count: int = 0
    ns: int = 0
    missed: int = 0

    def __sub__(self, other):
        return Runs(self.count - other.count, self.ns - other.ns, self.missed - other.missed)

    def each_ns(self):
        """The mean of these runs; None: there was none."""
        return self.ns / self.count if self.count else None


@contextlib.contextmanager
def statistics():
    """Lets the kernel take the time of every run: two looks at the clock. Restored afterwards."""
    before = _STATS.read_text(encoding="ascii")
    _STATS.write_text("1", encoding="ascii")
    try:
        yield
    finally:
        _STATS.write_text(before, encoding="ascii")


def _descriptors(pid):
    """What the kernel tells of each open file, as {field: text}."""
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield dict(line.split(":\t", 1) for line in path.read_text().splitlines()
                       if ":\t" in line)


def names():
    """{id: name} of all programs that are loaded."""
    said = subprocess.run(["bpftool", "--json", "prog", "show"], check=True, capture_output=True)
    return {shown["id"]: shown.get("name", "?") for shown in json.loads(said.stdout)}


def ids(pid):
    """The programs that a process holds."""
    return {int(told["prog_id"]) for told in _descriptors(pid) if "run_cnt" in told}


def is_attached(pid):
    """Does it hold a link?"""
    return any("link_id" in told for told in _descriptors(pid))


def runs(pid):
    """{id: Runs} of the programs of a process."""
    return {int(told["prog_id"]): Runs(int(told["run_cnt"]), int(told["run_time_ns"]),
                                       int(told["recursion_misses"]))
            for told in _descriptors(pid) if "run_cnt" in told}


def total_ns(pid, only=None):
    """Time of all its programs, or of those with these ids."""
    return sum(run.ns for number, run in runs(pid).items() if only is None or number in only)


def map_bytes(pid):
    """Memory of its maps as the kernel accounts for it, each map once."""
    found = {told["map_id"]: int(told["memlock"]) for told in _descriptors(pid)
             if "memlock" in told and "map_id" in told}
    return sum(found.values())
