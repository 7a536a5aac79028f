# SPDX-License-Identifier: GPL-2.0-only
"""shutwatch itself: started, waited for, its records read."""

import json
import os
import pathlib

from kit.process import Program

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("SHUTWATCH_BUILD", ROOT / "build"))
SHUTWATCH = BUILD / "shutwatch"

# How long the tests let shutwatch wait for late resets.
SETTLE = "500ms"

# Exit statuses.
FINE, FAILED, USAGE, NO_TRACING = 0, 1, 2, 77


class Watch(Program):
    """`shutwatch watch --json …`, or `record FILE` with the same output."""

    def __init__(self, args, cgroup, command=("watch",), program=SHUTWATCH, **options):
        super().__init__([*map(str, (program, *command, *args))], cgroup, **options)
        self.count = None  # of records, after which it ends by itself
        self._taken = 0

    def wait_watching(self, timeout=30.0):
        """Until it says that it is armed. Returns itself."""
        if self.err.wait(lambda line: line.startswith(b"watching"), timeout) is None:
            raise RuntimeError(f"shutwatch ended before it was armed\n{self.describe()}")
        return self

    def record_line(self, timeout=20.0):
        """The next record, as the bytes that were printed."""
        number = self._taken
        self.out.wait(lambda _: len(self.out.so_far()) > number, timeout)
        lines = self.out.so_far()
        if len(lines) <= number:
            raise AssertionError(f"shutwatch ended without a record\n{self.describe()}")
        self._taken += 1
        return lines[number]

    def record(self, timeout=20.0):
        """The next record. After the last of -n records it must end by itself, and well."""
        record = json.loads(self.record_line(timeout))
        if self._taken == self.count and self.wait() != FINE:
            raise AssertionError(f"shutwatch: exit status {self.wait()}\n{self.describe()}")
        return record
