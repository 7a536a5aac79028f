# SPDX-License-Identifier: GPL-2.0-only
"""At work: what a stop with so many connections costs the daemon, from the signal to the record.

Every client is in one of five states (tests/live/lab/crowd.py); the service is a shell with two
servers, with seven for 100,000 connections. `kernel` is the run time of all our BPF programs,
statistics included; `user` is the time of the daemon in user space (its processor time, by the
ratio of its ticks): rings, model, journal, store. `to_snapshot` is the time from the signal until
the snapshot is there, the way to the daemon included, over the connections.

The goals are for a further connection, since a stop itself costs some milliseconds, and for stops
of up to 10,000: the one of 100,000 has more servers, and is told beside them.
"""

import contextlib

from kit.clock import now_ns
from kit.daemon import Daemon
from lab.crowd import load_crowd, start_crowd
from lab.ending import Ending

from . import programs, running
from .apart import apart

_SETTLE_NS = 500_000_000
_KERNEL_US, _USER_US, _RSS_MIB = 2, 5, 64
_SHOWN = 5  # programs
_TOTALS = (100, 1_000, 10_000)
_LARGEST = 100_000


def _by_program(before, after, names, count):
    """[(name, ns a connection, runs a connection)], the dearest first."""
    found = []
    for number, run in after.items():
        more = run - before.get(number, programs.Runs())
        found.append((names.get(number, "?"), more.ns / count, more.count / count))
    return sorted(found, key=lambda program: -program[1])


_READ = (programs.runs, running.cpu_ns, running.ticks)
_SNAPSHOT = "shutwatch_snapshot_duration_seconds_sum"


def _measure(stage, daemon, total):
    """One stop; an object for bench.json."""
    crowd = start_crowd(stage, total)
    clients = load_crowd(stage, crowd)
    number = len(daemon.records())
    ending = Ending(crowd.parts[0].cgroup)
    names = programs.names()
    metrics = daemon.metrics()
    ran, cpu, ticks = (read(daemon.pid) for read in _READ)
    crowd.stop()
    crowd.wait_gone()
    if daemon.wait_log("shutdown", number=number, timeout=120) is None:
        raise RuntimeError(f"the daemon ended\n{daemon.describe()}")
    told_ns = now_ns()
    ending.close()
    ran_after, cpu_after, ticks_after = (read(daemon.pid) for read in _READ)
    user, system = (after - before for after, before in zip(ticks_after, ticks))
    record = daemon.wait_records(number + 1, is_final=True)[-1]
    after = daemon.metrics()
    for client, _ in clients:
        client.wait(60)
    count = _connections(record)
    ours = _by_program(ran, ran_after, names, count)
    process_us = (cpu_after - cpu) / count / 1e3
    return {
        "connections": count, "wanted": total, "processes": len(record["processes"]),
        "is_complete": record["complete"],
        "lost": record["loss"]["events"], "loss_by_cause": record["loss"]["by_cause"],
        "kernel_us": sum(ns for _, ns, _ in ours) / 1e3,
        "programs": [{"name": name, "ns": ns, "runs": runs} for name, ns, runs in ours if runs],
        "process_us": process_us, "user_us": process_us * user / max(user + system, 1),
        "to_snapshot_us": (after[_SNAPSHOT] - metrics[_SNAPSHOT]) * 1e6 / count,
        "peak_rss_mib": running.status_kib(daemon.pid, "VmHWM") / 1024,
        "to_record_ms": (told_ns - ending.at_ns - _SETTLE_NS) / 1e6,
    }


def _connections(record):
    return sum(record["connections"]["inbound"]["outcomes"].values())


def _start(stage):
    """A daemon that makes its records at once."""
    return stage.enter(contextlib.closing(
        Daemon(stage, "settle: 500ms\nreopen_window: 0s\n"))).start()


def _tell(result, drain):
    count = drain["connections"]
    result.judge(f"drain_lost_{drain['wanted']}",
                 not drain["lost"] and drain["is_complete"] and count >= drain["wanted"],
                 f"{count} connections, {drain['processes']} processes: lost", drain["lost"], "0")
    if nested := sum(drain["loss_by_cause"].values()) - drain["lost"]:
        result.note(f"  {nested} nested runs that the kernel dropped were made good")
    result.note(f"  a connection: kernel {drain['kernel_us']:.2f} us, "
                f"user {drain['user_us']:.2f} us (process "
                f"{drain['process_us']:.2f}); signal to snapshot {drain['to_snapshot_us']:.2f} us")
    dearest = ", ".join(f"{program['name']} {program['ns']:.0f} ns in {program['runs']:.1f} runs"
                        for program in drain["programs"][:_SHOWN])
    result.note(f"  of which {dearest}")
    result.note(f"  peak of resident memory {drain['peak_rss_mib']:.1f} MiB, last exit to record "
                f"{drain['to_record_ms']:.0f} ms")


def _further(key, few, many):
    """What each connection above the few ones costs."""
    return ((many[key] * many["connections"] - few[key] * few["connections"])
            / (many["connections"] - few["connections"]))


def _further_row(key, few, many):
    """(what, value), and the figure."""
    further = _further(key, few, many)
    return (f"a further one, {few['wanted']} to {many['wanted']}: {key.partition('_')[0]}",
            f"{further:.2f} us ({many['processes']} processes)"), further


def _tell_further(result, few, many):
    """Up to where all is as for the few; that is what the goals are for."""
    for key, goal in (("kernel_us", _KERNEL_US), ("user_us", _USER_US)):
        row, further = _further_row(key, few, many)
        result.judge(f"drain_further_{key}", further <= goal, *row, f"at most {goal} us")
        result.keep(f"drain_further_{key}", further)


def _tell_further_largest(result, few, many):
    """With more servers: told, not judged."""
    for key in ("kernel_us", "user_us"):
        row, further = _further_row(key, few, many)
        result.row(*row)
        result.keep(f"drain_further_largest_{key}", further)


def _tell_linear(result, few, some, many):
    """Not of the smaller stops: two of 100 differ by more than 900 connections cost."""
    nearer, farther = (_further("kernel_us", a, b) + _further("process_us", a, b)
                       for a, b in ((few, some), (some, many)))
    result.judge("drain_linear", farther <= 1.5 * nearer,
                 f"linear: a further one after {some['wanted']}",
                 f"{farther / nearer:.2f} times the cost", "at most 1.5 times")


def _tell_memory(result, largest):
    result.judge(f"drain_peak_rss_{largest['wanted']}", largest["peak_rss_mib"] < _RSS_MIB,
                 f"peak of resident memory at {largest['connections']}",
                 f"{largest['peak_rss_mib']:.1f} MiB", f"under {_RSS_MIB} MiB")


def run(_stage, result, is_quick):
    """The section."""
    result.section("3. At work: one stop, told by the daemon")
    drains = []
    with programs.statistics():
        for total in _TOTALS if is_quick else (*_TOTALS, _LARGEST):
            with apart() as stage:
                drains.append(_measure(stage, _start(stage), total))
            result.keep("drain", drains)
            _tell(result, drains[-1])
    few, _, many, *largest = drains
    _tell_further(result, few, many)
    for one in largest:
        _tell_further_largest(result, many, one)
        _tell_linear(result, few, many, one)
    _tell_memory(result, drains[-1])
