# SPDX-License-Identifier: GPL-2.0-only
"""Idle cost: the time that a run of each program takes while nothing stops.

From the kernel's statistics. They cost two looks at the clock a run, which is why as many empty
programs run on the same hooks. First these alone, then, at once, beside the tools that people use:
ratios to them are of the same windows.
"""

import dataclasses

from . import programs, running
from .interval import interval

_ABOVE_EMPTY_NS = 30
_TIMES_CHEAPER = 100


@dataclasses.dataclass(frozen=True)
class _Hook:
    """What one event costs is the sum of the programs on its hook."""

    event: str
    key: str
    load: str
    ours: tuple
    empty: tuple


_HOOKS = (
    _Hook("TCP state change", "tcp_state", "requests",
          ("on_tcp_state_by_owner", "on_tcp_state_by_packet"),
          ("empty_tcp_state_1", "empty_tcp_state_2")),
    _Hook("end of a TCP socket", "tcp_destroyed", "requests",
          ("on_tcp_destroyed",), ("empty_tcp_destroyed",)),
    _Hook("signal", "signal_generate", "storm",
          ("on_signal_generate",), ("empty_signal_generate",)),
    _Hook("signal taken", "signal_deliver", "storm",
          ("on_signal_deliver",), ("empty_signal_deliver",)),
    _Hook("exit", "process_exit", "storm", ("on_process_exit",), ("empty_process_exit",)),
    _Hook("fork", "process_fork", "storm", ("on_process_fork",), ("empty_process_fork",)),
)
_PEER_LOAD = {"tcpstates": "requests", "tcplife": "requests", "sigsnoop": "storm",
              "exitsnoop": "storm"}


def _start_storm(stage):
    storm = stage.victim("storm", 200)
    storm.tell(b"\n" * 50_000)
    return storm


def _start_requests(stage):
    return running.start_requests(stage, stage.web)


_LOADS = {"requests": _start_requests, "storm": _start_storm}


def _windows(pids, count, seconds):
    """For each window {(pid, name): Runs}."""
    names = programs.names()

    def sample():
        return {(pid, names[number]): run for pid in pids
                for number, run in programs.runs(pid).items()}

    found, before = [], sample()
    for _ in range(count):
        running.window(seconds)
        after = sample()
        found.append({key: after[key] - before[key] for key in after})
        before = after
    return found


def _each_ns(windows, pid, names=None):
    """Interval of the sum of the means of these programs (None: all that ran). None: none ran."""
    sums = []
    for window in windows:
        ran = [run for (owner, name), run in window.items()
               if owner == pid and run.count and (names is None or name in names)]
        if ran and (names is None or len(ran) == len(names)):
            sums.append(sum(run.ns for run in ran) / max(run.count for run in ran)
                        if names is None else sum(run.each_ns() for run in ran))
    return interval(sums) if sums else None


def _measure(stage, pids, count, seconds):
    """{load: windows}"""
    found = {}
    for name, start in _LOADS.items():
        load = start(stage)
        running.window(0.3)
        found[name] = _windows(pids, count, seconds)
        load.kill()
    return found


def _tell_ours(result, windows, watch, empty):
    """A row a hook; the first one also as idle_ns and empty_ns."""
    kept = {}
    for hook in _HOOKS:
        ours = _each_ns(windows[hook.load], watch.pid, hook.ours)
        nothing = _each_ns(windows[hook.load], empty.pid, hook.empty)
        if not ours or not nothing:
            result.note(f"{hook.event}: did not happen in these windows")
            continue
        above = ours.median - nothing.median
        count = f" ({len(hook.ours)} programs)" if len(hook.ours) > 1 else ""
        result.judge(f"idle_above_{hook.key}", above <= _ABOVE_EMPTY_NS, f"{hook.event}{count}",
                     f"{ours.text()} ns, empty {nothing.text()} ns",
                     f"{above:+.0f} ns; at most +{_ABOVE_EMPTY_NS}")
        kept[hook.event] = {"ns": ours.median, "empty_ns": nothing.median}
        if hook is _HOOKS[0]:
            result.keep("idle_ns", ours)
            result.keep("empty_ns", nothing)
    result.keep("idle", kept)


def _tell_peers(result, windows, watch, empty, peers):
    """Beside ours in the same windows."""
    kept = {}
    for name, peer in peers.items():
        load = _PEER_LOAD[name]
        hook = next(hook for hook in _HOOKS if hook.load == load)
        if name == "exitsnoop":
            hook = next(hook for hook in _HOOKS if hook.event == "exit")
        took = _each_ns(windows[load], peer.pid)
        ours = _each_ns(windows[load], watch.pid, hook.ours)
        nothing = _each_ns(windows[load], empty.pid, hook.empty)
        if not took or not ours or not nothing:
            result.cannot_run(name, "attached, but its programs did not run")
            continue
        times = took.median / ours.median
        net = (took.median - nothing.median) / max(ours.median - nothing.median, 1)
        row = (f"{name}, {hook.event}", f"{took.text()} ns, ours {ours.text()} ns",
               f"{times:.0f} times, net {net:.0f}")
        if name == "tcpstates":
            result.judge("idle_tcpstates_times", times >= _TIMES_CHEAPER, *row[:2],
                         f"{row[2]}; at least {_TIMES_CHEAPER} times")
        else:
            result.row(*row)
        result.keep(f"{name}_ns", took)
        kept[name] = {"ns": took.median, "ours_ns": ours.median, "times": times, "times_net": net}
    result.keep("idle_peers", kept)
    result.keep_missing("tcpstates_ns")


def run(stage, result, is_quick):
    """The section."""
    count, seconds = (7, 0.4) if is_quick else (21, 0.7)
    result.section("1. Idle: ns an event, statistics included (median and 95 % interval of "
                   f"{count} windows)")
    stage.web = running.start_web(stage)
    watch, empty = running.start_watch(stage, "--pid", stage.web.pid), running.start_empty(stage)
    with programs.statistics():
        _tell_ours(result, _measure(stage, [watch.pid, empty.pid], count, seconds), watch, empty)
        peers = running.start_peers(stage, result)
        pids = [watch.pid, empty.pid, *(peer.pid for peer in peers.values())]
        _tell_peers(result, _measure(stage, pids, count, seconds), watch, empty, peers)
