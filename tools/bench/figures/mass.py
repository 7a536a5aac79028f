# SPDX-License-Identifier: GPL-2.0-only
"""Many at once: services that are stopped within 100 ms, each of which gets a record.

What a user waits for is told of every service: the time from the end of its last process, which the
record says to the nanosecond, until the record is read, above the time to settle that was asked
for.
"""

import concurrent.futures
import json
import os
import select
import time
from statistics import median

from kit.clock import now_ns, parse_wall_ns, wall_offset_ns
from kit.stops import new_comm, servers

from . import running
from .apart import apart

_SETTLE_MS = 500
_PATIENCE_S = 60


def _stop_all(victims):
    """Returns how many milliseconds that took."""
    began = time.monotonic()
    for victim in victims:
        victim.terminate()
    return (time.monotonic() - began) * 1e3


def _lines(pipe, count):
    """[(when it was read, line)] of so many."""
    found, rest = [], b""
    while len(found) < count:
        said = select.select([pipe], [], [], _PATIENCE_S)[0] and os.read(pipe, 1 << 20)
        if not said:
            raise RuntimeError(f"{len(found)} records of {count}")
        *lines, rest = (rest + said).split(b"\n")
        found += [(now_ns(), line) for line in lines]
    return found


def _last_exit_ns(record, offset_ns):
    return (parse_wall_ns(record["trigger"]["at"]) - offset_ns
            + round(1e9 * max(process["exit"]["at_s"] for process in record["processes"])))


def _watch(stage, count, comm):
    """(shutwatch, armed; the pipe with its records)"""
    pipe, its_end = os.pipe()
    stage.enter(os.fdopen(pipe, "rb", 0))
    with os.fdopen(its_end, "wb", 0):
        # One record more than there will be: it goes on, and can be looked at.
        watch = stage.shutwatch("--json", "-n", count + 1, "--settle", f"{_SETTLE_MS}ms",
                                "--comm", comm, stdout=its_end)
    return watch.wait_watching(), pipe


def _stop_and_read(victims, pipe):
    """(milliseconds, lines); read by a thread of its own, so that none of them waits."""
    with concurrent.futures.ThreadPoolExecutor(1) as reader:
        lines = reader.submit(_lines, pipe, len(victims))
        took_ms = _stop_all(victims)
        for victim in victims:
            victim.wait()
        return took_ms, lines.result()


def _measure(stage, count):
    """One stop of so many; an object for bench.json."""
    comm = new_comm()
    with servers([0] * count, comm) as victims:
        watch, pipe = _watch(stage, count, comm)
        cpu = running.cpu_ns(watch.pid)
        took_ms, lines = _stop_and_read(victims, pipe)
    records = [json.loads(line) for _, line in lines]
    read, offset_ns = [at_ns for at_ns, _ in lines], wall_offset_ns()
    exits = [_last_exit_ns(record, offset_ns) for record in records]
    waits_ms = sorted((at - ended) / 1e6 - _SETTLE_MS for at, ended in zip(read, exits))
    pids = {process["pid"] for record in records for process in record["processes"]}
    return {
        "services": count, "stopped_in_ms": took_ms,
        "recorded": len(pids & {victim.pid for victim in victims}),
        "complete": sum(record["complete"] for record in records),
        "to_record_ms_median": median(waits_ms),
        "to_record_ms_p95": waits_ms[-(-95 * count // 100) - 1],
        "to_records_ms": (max(read) - max(exits)) / 1e6 - _SETTLE_MS,
        "process_ms": (running.cpu_ns(watch.pid) - cpu) / 1e6,
        "peak_rss_mib": running.status_kib(watch.pid, "VmHWM") / 1024,
    }


def _tell(result, one):
    count = one["services"]
    result.judge(f"mass_{count}", one["recorded"] == one["complete"] == count,
                 f"{count} services, told within {one['stopped_in_ms']:.0f} ms: recorded",
                 f"{one['recorded']}, complete {one['complete']}", "all")
    result.note(f"  its last exit to its record: median {one['to_record_ms_median']:.0f} ms, 95 % "
                f"within {one['to_record_ms_p95']:.0f} ms; last exit of all to last record "
                f"{one['to_records_ms']:.0f} ms")
    result.note(f"  processor time {one['process_ms']:.0f} ms, peak of resident memory "
                f"{one['peak_rss_mib']:.1f} MiB")


def run(_stage, result, _is_quick):
    """The section."""
    result.section("4. Many services at once, told by one watch (times: above the settle time)")
    found = []
    for count in (10, 100, 1_000):
        with apart() as stage:
            found.append(_measure(stage, count))
        result.keep("mass", found)
        _tell(result, found[-1])
