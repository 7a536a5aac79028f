# SPDX-License-Identifier: GPL-2.0-only
"""CLOCK_BOOTTIME, and how exact a time in a record must be: said here and nowhere else."""

import calendar
import os
import re
import time

MS = 1_000_000
SECOND = 1_000_000_000

# How much longer than on this machine everything takes where the tests run, in an emulated one.
SLOWNESS = int(os.environ.get("SHUTWATCH_SLOWNESS", "1"))
# A time in a record may differ by this much from the truth (a noisy machine with two cores).
TOLERANCE_NS = 5 * MS * SLOWNESS
# "answered" comes from the kernel in steps of a jiffy: 4 ms at Debian's HZ=250.
JIFFY_NS = 4 * MS
# What happened this close to T0 may be counted on either side of it.
EDGE_NS = 20 * MS
# One event seen by two clocks reads: order holds but for this.
CAUSALITY_NS = 1 * MS


def now_ns():
    """CLOCK_BOOTTIME, as the victims and the kernel use it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wall_offset_ns():
    """CLOCK_REALTIME minus CLOCK_BOOTTIME, from the tightest of a few bracketed reads."""
    best = None
    for _ in range(5):
        before = now_ns()
        wall = time.time_ns()
        after = now_ns()
        if best is None or after - before < best[0]:
            best = (after - before, wall - (before + after) // 2)
    return best[1]


def parse_wall_ns(text):
    """"2026-11-22T19:30:13.123456789Z" in nanoseconds since the epoch."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", text)
    if not found:
        raise ValueError(f"not a time in UTC with nanoseconds: {text!r}")
    seconds = calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * SECOND + int(found[2])


def wait_until(condition, what, timeout=10.0, step=0.005):
    """Looks at a condition that nobody announces (/proc) until it holds."""
    deadline = time.monotonic() + timeout * SLOWNESS
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout * SLOWNESS} s for: {what}")
        time.sleep(step)
    return result
