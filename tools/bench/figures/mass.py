# SPDX-License-Identifier: GPL-2.0-only
"""Many at once: services that are stopped within 100 ms, each of which gets a record."""

import json
import time

from kit.stops import new_comm, servers

from . import running
from .apart import apart

_SETTLE_S = 0.5


def _stop_all(victims):
    """Returns how many milliseconds that took."""
    began = time.monotonic()
    for victim in victims:
        victim.terminate()
    return (time.monotonic() - began) * 1e3


def _measure(stage, count):
    """One stop of so many; an object for bench.json."""
    comm = new_comm()
    with servers([0] * count, comm) as victims:
        # One record more than there will be: it goes on, and can be looked at.
        watch = stage.shutwatch("--json", "-n", count + 1, "--settle", "500ms",
                                "--comm", comm).wait_watching()
        cpu = running.cpu_ns(watch.pid)
        took_ms = _stop_all(victims)
        for victim in victims:
            victim.wait()
        gone = time.monotonic()
        records = [json.loads(watch.record_line(60)) for _ in range(count)]
        told = time.monotonic()
    pids = {process["pid"] for record in records for process in record["processes"]}
    measured = {
        "services": count, "stopped_in_ms": took_ms,
        "recorded": len(pids & {victim.pid for victim in victims}),
        "complete": sum(record["complete"] for record in records),
        "to_records_ms": (told - gone - _SETTLE_S) * 1e3,
        "process_ms": (running.cpu_ns(watch.pid) - cpu) / 1e6,
        "peak_rss_mib": running.status_kib(watch.pid, "VmHWM") / 1024,
    }
    watch.kill()
    return measured


def run(_stage, result, _is_quick):
    """The section."""
    result.section("4. Many services at once, told by one watch")
    found = []
    for count in (10, 100, 1_000):
        with apart() as stage:
            found.append(_measure(stage, count))
        result.keep("mass", found)
        one = found[-1]
        result.judge(f"mass_{count}", one["recorded"] == one["complete"] == count,
                     f"{count} services, told within {one['stopped_in_ms']:.0f} ms: recorded",
                     f"{one['recorded']}, complete {one['complete']}", "all")
        result.note(f"  last exit to last record {one['to_records_ms']:.0f} ms, processor time "
                    f"{one['process_ms']:.0f} ms, peak of resident memory "
                    f"{one['peak_rss_mib']:.1f} MiB")
