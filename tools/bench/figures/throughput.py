# SPDX-License-Identifier: GPL-2.0-only
"""Throughput kept: nginx answers short connections while somebody watches.

The load runs all the time. Between two windows with nobody, there is one with shutwatch idle, with
shutwatch while another service drains, with the tools of libbpf-tools, with strace: the ratio is
to the mean of its neighbours, and of all the ratios the median counts. Beside it stands what swings
less: the processor time of nginx and its client for each request, and the time that the programs
took, as a share of that. In those windows the statistics are on, and part of the share: how much of
it shows the share of empty programs on the same hooks, at the same time. Programs on a hook run in
the order in which they were attached, and the first one finds cold caches: ours are first in every
other round, and what they take above the empty ones is the mean of two rounds.
"""

import contextlib
import dataclasses
from statistics import mean
from typing import Callable

from kit.stage import Stage

from . import programs, running
from .interval import interval

_RATIO_MIN = 0.99
_SHARE_MAX_PERCENT = 0.5
_PEERS = ("tcpstates", "sigsnoop", "exitsnoop")
_DRAIN_MS = 60_000


def _start_idle(stage, web):
    return [running.start_watch(stage, "--pid", web.pid)]


def _start_draining(stage, web):
    victim = stage.server("--quiet")
    client = stage.client(victim.port)
    client.in_flight(1, f"/{_DRAIN_MS}/10")
    client.idle(1)
    client.wait_taken(victim.pid)
    watch = running.start_watch(stage, "--pid", web.pid, "--pid", victim.pid)
    stage.send(victim.pid)
    return [watch]


@dataclasses.dataclass
class _Mode:
    """One way of watching: start(stage, web) returns the programs that watch."""

    name: str
    what: str
    start: Callable
    every: int = 1      # of how many rounds it has one
    pause: float = 0.1  # until all is as before
    ratios: list = dataclasses.field(default_factory=list)
    cpu_ratios: list = dataclasses.field(default_factory=list)
    shares: list = dataclasses.field(default_factory=list)
    empty_shares: list = dataclasses.field(default_factory=list)


def _modes():
    return [
        _Mode("idle", "shutwatch, nothing stops", _start_idle),
        _Mode("empty", "programs that do nothing, same hooks",
              lambda stage, web: [running.start_empty(stage)]),
        _Mode("draining", "shutwatch, another service drains", _start_draining),
        _Mode("peers", " + ".join(_PEERS), lambda stage, web: [
            running.start_peer(stage, name) for name in _PEERS], every=3, pause=0.4),
        _Mode("strace", "strace -f", lambda stage, web: [
            running.start_strace(stage, web.program.children())], every=3, pause=0.4),
    ]


@dataclasses.dataclass
class _Speed:
    """Of one window."""

    per_second: float
    cpu_ns: float  # a request


def _speed(load, seconds):
    before, cpu = running.accepted(), sum(map(running.cpu_ns, load))
    waited = running.window(seconds)
    count = running.accepted() - before
    return _Speed(count / waited, (sum(map(running.cpu_ns, load)) - cpu) / max(count, 1))


def _shares(watching, load, seconds):
    """Percent that each list of programs takes."""
    def read():
        return ([sum(programs.total_ns(program.pid) for program in one) for one in watching],
                sum(map(running.cpu_ns, load)))

    with programs.statistics():
        before, cpu = read()
        running.window(seconds)
        after, cpu_after = read()
    return [100 * (ran - ran_before) / (cpu_after - cpu)
            for ran, ran_before in zip(after, before)]


def _beside_empty(mode, stage, web, watchers):
    """(ours, the empty ones), which of them is first on the hooks changes each time."""
    empty = running.start_empty(stage)
    if len(mode.empty_shares) % 2:
        for watcher in watchers:
            watcher.kill()
        watchers = mode.start(stage, web)
    return watchers, [empty]


def _add_shares(mode, stage, web, watchers, load, seconds):
    if mode.name == "idle":
        ours, empty = _shares(_beside_empty(mode, stage, web, watchers), load, seconds)
        mode.empty_shares.append(empty)
    else:
        ours, = _shares([watchers], load, seconds)
    mode.shares.append(ours)


def _round(mode, web, load, seconds, before):
    """Returns the speed with nobody, afterwards."""
    with contextlib.closing(Stage("bench")) as stage:
        watchers = mode.start(stage, web)
        running.window(0.1)
        watched = _speed(load, seconds)
        if mode.name not in ("strace", "empty"):
            _add_shares(mode, stage, web, watchers, load, seconds)
    running.window(mode.pause)
    after = _speed(load, seconds)
    mode.ratios.append(watched.per_second / mean((before.per_second, after.per_second)))
    mode.cpu_ratios.append(watched.cpu_ns / mean((before.cpu_ns, after.cpu_ns)))
    return after


def _tell_shares(result, mode):
    share = interval(mode.shares)
    result.keep(f"cpu_share_{mode.name}", share)
    what, value = "  its programs, statistics included", f"{share.text(2)} % of CPU time"
    if not mode.empty_shares:
        result.row(what, value)
        return
    goal = f"under {_SHARE_MAX_PERCENT} %"
    result.judge("throughput_cpu_share_idle", share.median < _SHARE_MAX_PERCENT, what, value, goal)
    empty = interval(mode.empty_shares)
    differences = [ours - nothing for ours, nothing in zip(mode.shares, mode.empty_shares)]
    above = interval([mean(pair) for pair in zip(differences[::2], differences[1::2])])
    result.judge("throughput_cpu_share_above_empty", above.median < _SHARE_MAX_PERCENT,
                 "  above empty programs",
                 f"{above.text(2, sign='+')} %, empty {empty.median:.2f} %", goal)
    result.keep("cpu_share_empty", empty)
    result.keep("cpu_share_above_empty", above)


def _tell(result, mode):
    ratio, cpu = interval(mode.ratios), interval(mode.cpu_ratios)
    row = mode.what, f"{ratio.text(3)} of bare"
    if mode.name == "idle":
        result.judge("throughput_rps_ratio_idle", ratio.median >= _RATIO_MIN, *row,
                     f"at least {_RATIO_MIN}")
    else:
        result.row(*row)
    result.note(f"  CPU time a request: {cpu.text(3)} times that of bare")
    result.keep(f"rps_ratio_{mode.name}", ratio)
    result.keep(f"cpu_ratio_{mode.name}", cpu)
    if mode.shares:
        _tell_shares(result, mode)


def run(stage, result, is_quick):
    """The section."""
    rounds, seconds = (10, 0.25) if is_quick else (60, 0.4)
    result.section(f"2. Throughput kept: {rounds} rounds of windows of {seconds} s")
    web = running.start_web(stage)
    requests = running.start_requests(stage, web)
    load = [requests.pid, *web.program.children()]
    modes = _modes()
    bare = [_speed(load, 1)]
    for number in range(rounds):
        for mode in [mode for mode in modes if number % mode.every == 0]:
            try:
                bare.append(_round(mode, web, load, seconds, bare[-1]))
            except running.CannotRun as error:
                result.cannot_run(*error.args)
                modes.remove(mode)
    rates = interval([speed.per_second for speed in bare])
    result.keep("rps_bare", rates)
    result.note(f"bare: {rates.text()} requests a second")
    for mode in modes:
        _tell(result, mode)
    result.keep_missing("rps_ratio_peers", "rps_ratio_strace", "cpu_share_peers")
