# SPDX-License-Identifier: GPL-2.0-only
"""Idle cost: the time that a run of each program takes while nothing stops.

From the kernel's statistics. They cost two looks at the clock a run, which is why as many empty
programs run on the same hooks. Programs on a hook run in the order in which they were attached, and
the first one finds cold caches, so there are empty ones before ours and after them: what counts is
the mean of both. First these alone, then, at once, beside the tools that people use. Every
difference and ratio is of one window.
"""

import dataclasses
from statistics import mean

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
_HOOK_OF = {"tcpstates": "tcp_state", "tcplife": "tcp_state", "sigsnoop": "signal_generate",
            "exitsnoop": "process_exit"}


@dataclasses.dataclass(frozen=True)
class _Watchers:
    """Whose programs run on each hook, in this order: the pids."""

    before: int
    ours: int
    after: int


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


def _event_ns(window, pid, names):
    """The sum of the means of these programs; None: not all of them ran."""
    ran = [run for (owner, name), run in window.items()
           if owner == pid and name in names and run.count]
    return sum(run.each_ns() for run in ran) if len(ran) == len(names) else None


def _tool_ns(window, pid):
    """All programs of a tool, an event being a run of the busiest one; None: none ran."""
    ran = [run for (owner, _), run in window.items() if owner == pid and run.count]
    return sum(run.ns for run in ran) / max(run.count for run in ran) if ran else None


@dataclasses.dataclass(frozen=True)
class _Paired:
    """What an event cost in windows in which everybody ran."""

    ours: list
    before: list  # the empty programs that are attached before ours
    after: list
    tool: list    # of somebody else, if asked for

    @property
    def empty(self):
        """The mean of those before and after."""
        return list(map(mean, zip(self.before, self.after)))

    @property
    def above(self):
        """What ours cost above the empty ones."""
        return [ours - empty for ours, empty in zip(self.ours, self.empty)]


def _paired(windows, watchers, hook, tool=None):
    """None: it did not happen."""
    rows = [(_event_ns(window, watchers.ours, hook.ours),
             _event_ns(window, watchers.before, hook.empty),
             _event_ns(window, watchers.after, hook.empty),
             _tool_ns(window, tool) if tool else 0) for window in windows[hook.load]]
    rows = [row for row in rows if None not in row]
    return _Paired(*map(list, zip(*rows))) if rows else None


def _measure(stage, pids, count, seconds):
    """{load: windows}"""
    found = {}
    for name, start in _LOADS.items():
        load = start(stage)
        running.window(0.3)
        found[name] = _windows(pids, count, seconds)
        load.kill()
    return found


def _tell_ours(result, windows, watchers):
    """A row a hook; the first one also as idle_ns and empty_ns."""
    kept = {}
    for hook in _HOOKS:
        paired = _paired(windows, watchers, hook)
        if not paired:
            result.note(f"{hook.event}: did not happen in these windows")
            continue
        ours, empty, above = map(interval, (paired.ours, paired.empty, paired.above))
        before, after = interval(paired.before), interval(paired.after)
        count = f" ({len(hook.ours)} programs)" if len(hook.ours) > 1 else ""
        result.judge(f"idle_above_{hook.key}", above.median <= _ABOVE_EMPTY_NS,
                     f"{hook.event}{count}",
                     f"{ours.text()} ns, empty {before.median:.0f}, {after.median:.0f} ns",
                     f"{above.text(sign='+')} ns; at most +{_ABOVE_EMPTY_NS}")
        kept[hook.event] = {
            "ns": ours.median, "empty_ns": empty.median, "empty_before_ns": before.median,
            "empty_after_ns": after.median, "above_ns": dataclasses.asdict(above)}
        if hook is _HOOKS[0]:
            result.keep("idle_ns", ours)
            result.keep("empty_ns", empty)
            result.keep("idle_above_ns", above)
    result.keep("idle", kept)


def _tell_peer(result, name, hook, paired):
    """Beside ours in the same windows. An object for bench.json."""
    took, ours = interval(paired.tool), interval(paired.ours)
    times = interval([tool / own for tool, own in zip(paired.tool, paired.ours)])
    net_ns = interval([tool - empty for tool, empty in zip(paired.tool, paired.empty)])
    net = net_ns.median / max(interval(paired.above).median, 1)
    row = (f"{name}, {hook.event}", f"{took.text()} ns, ours {ours.text()} ns",
           f"{times.text()} times, net {net:.0f}")
    if name == "tcpstates":
        result.judge("idle_tcpstates_times", times.median >= _TIMES_CHEAPER, *row[:2],
                     f"{row[2]}; at least {_TIMES_CHEAPER}")
    else:
        result.row(*row)
    result.keep(f"{name}_ns", took)
    return {"ns": took.median, "ours_ns": ours.median, "times": times.median, "times_net": net}


def _tell_peers(result, windows, watchers, peers):
    kept = {}
    for name, peer in peers.items():
        hook = next(hook for hook in _HOOKS if hook.key == _HOOK_OF[name])
        if paired := _paired(windows, watchers, hook, peer.pid):
            kept[name] = _tell_peer(result, name, hook, paired)
        else:
            result.cannot_run(name, "attached, but its programs did not run")
    result.keep("idle_peers", kept)
    result.keep_missing("tcpstates_ns")


def _start_watchers(stage):
    """In the order in which they are to run."""
    return _Watchers(running.start_empty(stage).pid,
                     running.start_watch(stage, "--pid", stage.web.pid).pid,
                     running.start_empty(stage).pid)


def run(stage, result, is_quick):
    """The section."""
    count, seconds = (7, 0.4) if is_quick else (21, 0.7)
    result.section("1. Idle: ns an event, statistics included (median and 95 % interval of "
                   f"{count} windows; empty: before ours, after ours)")
    stage.web = running.start_web(stage)
    watchers = _start_watchers(stage)
    pids = dataclasses.astuple(watchers)
    with programs.statistics():
        _tell_ours(result, _measure(stage, pids, count, seconds), watchers)
        peers = running.start_peers(stage, result)
        pids += tuple(peer.pid for peer in peers.values())
        _tell_peers(result, _measure(stage, pids, count, seconds), watchers, peers)
