# SPDX-License-Identifier: GPL-2.0-only
"""Allocations fail, one at a time and all from one on: over a replay, and over a live stop."""

import json
import subprocess

from hard.fault import REFUSED, RIGHT, faulty
from kit.shutwatch import FINE, ROOT, SHUTWATCH

_RECORDING = ROOT / "tests" / "replay" / "uvicorn_2.rec"
_REPLAYS = 400   # tries, spread over all allocations
_LOADS = 12
_STOPS = 24
_END = 30


def _spread(total, tries):
    """Some of 1 to total, the first and the last among them."""
    step = max(1, total // tries)
    return sorted({*range(1, total + 1, step), total})


def _replay(environment):
    return subprocess.run([SHUTWATCH, "replay", _RECORDING, "--json"], env=environment,
                          capture_output=True, timeout=_END, check=False)


def replay(stage, row):
    """The record, byte for byte, or none and an exit status."""
    count = stage.directory / "count"
    whole = _replay(faulty(alloc=0, alloc_count=count))
    row.require(whole.returncode == FINE and whole.stdout, "the replay itself fails")
    for number in _spread(int(count.read_text(encoding="ascii")), _REPLAYS):
        for which in (f"{number}", f"{number}+"):
            said = _replay(faulty(alloc=which))
            if said.returncode == FINE and said.stdout == whole.stdout:
                row.note(RIGHT)
            elif said.returncode > 0 and not said.stdout:
                row.note(REFUSED)
            else:
                row.fail(f"allocation {which}: status {said.returncode}, "
                         f"{len(said.stdout)} of {len(whole.stdout)} bytes, {said.stderr}")


def _server(stage):
    victim = stage.server()
    client = stage.client(victim.port)
    client.idle(3)
    client.in_flight(2, "/100/10")
    client.wait_taken(victim.pid)
    return victim, client


def _watch(stage, victim, **faults):
    return stage.shutwatch("--json", "--settle=100ms", "-n", 1, "--pid", victim.pid,
                           env=faulty(**faults))


def _is_armed(watch):
    """Or has it given up?"""
    return watch.err.wait(lambda line: line.startswith(b"watching"), _END) is not None


def _read(watch):
    """Its record; None: it ended without."""
    lines = watch.out.all(_END)
    return json.loads(lines[0]) if lines else None


def loading(stage, row):
    """Before it watches: it says that it cannot, or it can."""
    count = stage.directory / "count"
    victim, _ = _server(stage)
    watch = _watch(stage, victim, alloc=0, alloc_count=count)
    row.require(_is_armed(watch), "it cannot watch at all")
    stage.send(watch.pid)
    watch.wait()
    total = int(count.read_text(encoding="ascii"))
    for number in _spread(total, _LOADS):
        watch = _watch(stage, victim, alloc=f"{number}+")
        if _is_armed(watch):
            stage.send(watch.pid)
            watch.wait()
            row.note(RIGHT)
        else:
            row.refused(watch, f"allocation {number}+ of {total}")
        watch.kill()


def _stop(stage, row, count, which):
    """One stop; allocations are counted from when it watches."""
    gate = stage.directory / "gate"
    gate.unlink(missing_ok=True)
    victim, client = _server(stage)
    watch = _watch(stage, victim, alloc=which, alloc_gate=gate, alloc_count=count)
    row.require(_is_armed(watch), "it cannot watch")
    gate.touch()
    stop = stage.send(victim.pid)
    client.wait_ended()
    victim.wait()
    try:
        record = _read(watch)
    except TimeoutError:
        row.fail(f"allocation {which}: no record, and no end")
        return
    if record is None:
        row.refused(watch, f"allocation {which}")
    else:
        row.judge(record, [client], stop, [victim])


def stopping(stage, row):
    """While a service stops: its record is right, says that it is not, or there is none."""
    count = stage.directory / "count"
    _stop(stage, row, count, "0")
    for number in _spread(int(count.read_text(encoding="ascii")), _STOPS):
        _stop(stage, row, count, f"{number}")
        _stop(stage, row, count, f"{number}+")


FAULTS = [
    ("failing allocations, replay", replay),
    ("failing allocations, watch begins", loading),
    ("failing allocations, a service stops", stopping),
]
