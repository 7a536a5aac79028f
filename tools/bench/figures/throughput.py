# SPDX-License-Identifier: GPL-2.0-only
"""Throughput kept: nginx answers short connections while somebody watches.

The load runs all the time. Between two windows with nobody, there is one with shutwatch idle, with
shutwatch while another service drains, with the tools of libbpf-tools, with strace: the ratio is
to the mean of its neighbours, and of all the ratios the median counts. Beside it stands what swings
less: the time that the programs took, as a share of the processor time of nginx and its client. In
those windows the statistics are on, and part of that share.
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


def _start_draining(stage):
    victim = stage.server("--quiet")
    client = stage.client(victim.port)
    client.in_flight(1, f"/{_DRAIN_MS}/10")
    client.idle(1)
    client.wait_taken(victim.pid)
    watch = running.start_watch(stage)
    stage.send(victim.pid)
    return [watch]


@dataclasses.dataclass
class _Mode:
    """One way of watching: start(stage, web) returns the programs that watch."""

    name: str
    what: str
    start: Callable
    ratios: list = dataclasses.field(default_factory=list)
    shares: list = dataclasses.field(default_factory=list)


def _modes():
    return [
        _Mode("idle", "shutwatch, nothing stops", lambda stage, web: [running.start_watch(stage)]),
        _Mode("draining", "shutwatch, another service drains",
              lambda stage, web: _start_draining(stage)),
        _Mode("peers", " + ".join(_PEERS), lambda stage, web: [
            running.start_peer(stage, name) for name in _PEERS]),
        _Mode("strace", "strace -f", lambda stage, web: [
            running.start_strace(stage, web.program.children())]),
    ]


def _per_second(seconds):
    before = running.accepted()
    waited = running.window(seconds)
    return (running.accepted() - before) / waited


def _share(watchers, load, seconds):
    """Percent."""
    def read():
        return (sum(programs.total_ns(watcher.pid) for watcher in watchers),
                sum(map(running.cpu_ns, load)))

    with programs.statistics():
        ran, cpu = read()
        running.window(seconds)
        ran_after, cpu_after = read()
    return 100 * (ran_after - ran) / (cpu_after - cpu)


def _round(mode, web, load, seconds, before):
    """Returns requests per second with nobody, afterwards."""
    with contextlib.closing(Stage("bench")) as stage:
        watchers = mode.start(stage, web)
        running.window(0.1)
        watched = _per_second(seconds)
        if mode.name != "strace":
            mode.shares.append(_share(watchers, load, seconds))
    running.window(0.1)
    after = _per_second(seconds)
    mode.ratios.append(watched / mean((before, after)))
    return after


def _tell(result, mode):
    if not mode.ratios:
        return
    ratio = interval(mode.ratios)
    is_goal = mode.name == "idle"
    result.row(mode.what, f"{ratio.text(3)} of bare",
               f"at least {_RATIO_MIN}" if is_goal else "",
               ratio.median >= _RATIO_MIN if is_goal else None)
    result.keep(f"rps_ratio_{mode.name}", ratio)
    if mode.shares:
        share = interval(mode.shares)
        result.row("  its programs", f"{share.text(3)} % of CPU time",
                   f"under {_SHARE_MAX_PERCENT} %" if is_goal else "",
                   share.median < _SHARE_MAX_PERCENT if is_goal else None)
        result.keep(f"cpu_share_{mode.name}", share)


def run(stage, result, is_quick):
    """The section."""
    rounds, seconds = (5, 0.4) if is_quick else (25, 0.6)
    result.section(f"2. Throughput kept: {rounds} rounds of windows of {seconds} s")
    web = running.start_web(stage)
    requests = running.start_requests(stage, web)
    load = [requests.pid, *web.program.children()]
    modes = _modes()
    rates = [_per_second(1)]
    for _ in range(rounds):
        for mode in list(modes):
            try:
                rates.append(_round(mode, web, load, seconds, rates[-1]))
            except running.CannotRun as error:
                result.cannot_run(*error.args)
                modes.remove(mode)
    result.keep("rps_bare", interval(rates))
    result.note(f"bare: {interval(rates).text()} requests a second")
    for mode in modes:
        _tell(result, mode)
    for name in ("peers", "strace"):
        result.values.setdefault(f"rps_ratio_{name}", None)
    result.values.setdefault("cpu_share_peers", None)
