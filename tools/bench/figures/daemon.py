# SPDX-License-Identifier: GPL-2.0-only
"""The daemon that waits: wake-ups while clients come and go, memory, the timers it has set."""

import contextlib
import pathlib
import re

from kit.daemon import Daemon

from . import programs, running
from .interval import interval

_RSS_MIB = 12


def _switches(pid):
    """How often its threads went to sleep of their own accord: as often they had woken."""
    status = [path.read_text(encoding="ascii", errors="replace")
              for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in status)


def _timers(pid):
    """Seconds until each timer that is set goes off."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # what it held of a process that has ended
            value = re.search(r"^it_value: \((\d+), (\d+)\)", path.read_text(), re.MULTILINE)
            if value and (int(value[1]) or int(value[2])):
                found.append(int(value[1]))
    return sorted(found)


def _resident(pid):
    """MiB by kind, as /proc/PID/smaps has it."""
    kinds = {"ring buffers": 0, "libraries and program": 0, "heap and stacks": 0}
    kind = None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            kind = ("ring buffers" if "bpf" in line else
                    "libraries and program" if re.search(r" /\S+$", line) else "heap and stacks")
        elif line.startswith("Rss:"):
            kinds[kind] += int(line.split()[1]) / 1024
    return kinds


def _start(stage):
    """Ready, and has told the first scraper all it knows."""
    daemon = stage.enter(contextlib.closing(Daemon(stage))).start()
    daemon.metrics()
    return daemon


_EVENTS = "shutwatch_events_total"
_TRIES = 3  # of windows, for each that is wanted


def _wake_ups(daemon, windows, seconds):
    """A minute, for each window in which nobody else on this host gave cause; and those left out.

    Whoever starts to listen or stops wakes the daemon, and rightly so.
    """
    counts, left_out = [], 0
    while len(counts) < windows and len(counts) + left_out < _TRIES * windows:
        events = daemon.metrics()[_EVENTS]
        running.window(0.1)  # the thread that answered sleeps again
        before = _switches(daemon.pid)
        waited = running.window(seconds)
        woken = _switches(daemon.pid) - before
        if daemon.metrics()[_EVENTS] == events:
            counts.append(woken * 60 / waited)
        else:
            left_out += 1
    if not counts:
        raise RuntimeError("this host does not rest: others start to listen all the time")
    return interval(counts), left_out


def _tell_wake_ups(result, daemon, windows, seconds):
    wake_ups, left_out = _wake_ups(daemon, windows, seconds)
    result.judge("daemon_wakeups", wake_ups.median == 0,
                 "wake-ups a minute", wake_ups.text(1), "0 but for timers")
    result.keep("idle_wakeups_per_min", wake_ups)
    if left_out:
        result.note(f"{left_out} windows more left out: others began to listen or stopped in them")
    timers = _timers(daemon.pid)
    result.keep("idle_timers_s", timers)
    result.note("timers that are set: " + (
        ", ".join(f"in {left} s" for left in timers) + " (the store's retention, once an hour)"
        if timers else "none"))


def run(stage, result, is_quick):
    """The section."""
    windows, seconds = (5, 2) if is_quick else (10, 6)
    result.section(f"5. The idle daemon: {windows} windows of {seconds} s, while nginx answers "
                   "short connections")
    server = running.start_web(stage)
    running.start_requests(stage, server)
    daemon = _start(stage)
    running.window(2)  # the service that has begun to listen is looked at
    _tell_wake_ups(result, daemon, windows, seconds)
    rss = running.status_kib(daemon.pid, "VmRSS") / 1024
    result.judge("daemon_rss", rss < _RSS_MIB,
                 "resident memory", f"{rss:.2f} MiB", f"under {_RSS_MIB} MiB")
    kinds = _resident(daemon.pid)
    result.note("of it: " + ", ".join(f"{kind} {mib:.1f}" for kind, mib in kinds.items()))
    maps = programs.map_bytes(daemon.pid) / 2 ** 20
    result.row("maps in the kernel, rings included", f"{maps:.1f} MiB")
    result.keep("idle_rss_mib", round(rss, 2))
    result.keep("idle_rss_kinds_mib", kinds)
    result.keep("map_mib", round(maps, 1))
