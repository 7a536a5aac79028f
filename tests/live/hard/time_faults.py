# SPDX-License-Identifier: GPL-2.0-only
"""Signals at every moment, clocks that jump, a process that is stopped and goes on."""

import os
import signal
import threading

from hard.fault import faulty
from kit.process import Program

_STOPS = 5
_TICK_US = 200
_NAP_S = 0.002
_STEPS_S = (3600, -3600, 400 * 86400)


def _server(stage):
    victim = stage.server()
    client = stage.client(victim.port)
    client.idle(10)
    for duration_ms in (50, 200, 400):
        client.in_flight(2, f"/{duration_ms}/10")
    client.silent(5)
    client.wait_taken(victim.pid)
    return victim, client


def _judge_stop(stage, row, watch, victim, client):
    stop = stage.send(victim.pid)
    client.wait_ended()
    record = watch.record(30)
    row.judge(record, [client], stop, [victim], must_be_right=True)
    return record


def ticks(stage, row):
    """A signal with a handler 5,000 times a second: every call that waits ends with EINTR."""
    for _ in range(_STOPS):
        victim, client = _server(stage)
        watch = stage.watch(victim.pid, env=faulty(tick_us=_TICK_US))
        _judge_stop(stage, row, watch, victim, client)


class _Naps:
    """SIGSTOP and SIGCONT in turn, until it is left."""

    def __init__(self, program: Program):
        self._program = program
        self._fd = os.pidfd_open(program.pid)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._is_over.wait(_NAP_S) and not self._program.has_ended():
            for number in (signal.SIGSTOP, signal.SIGCONT):
                try:
                    signal.pidfd_send_signal(self._fd, number)
                except ProcessLookupError:
                    return

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()
        os.close(self._fd)


def naps(stage, row):
    """Stopped and continued every few milliseconds."""
    for _ in range(_STOPS):
        victim, client = _server(stage)
        watch = stage.watch(victim.pid)
        with _Naps(watch):
            stop = stage.send(victim.pid)
            client.wait_ended()
            record = watch.record(30)
        row.judge(record, [client], stop, [victim], must_be_right=True)


def clock_steps(stage, row):
    """The wall clock jumps before the signal, and again during the drain."""
    clock = stage.directory / "clock"
    for step_s in _STEPS_S:
        clock.write_text("0", encoding="ascii")
        victim, client = _server(stage)
        watch = stage.watch(victim.pid, env=faulty(clock=clock))
        stop = stage.send(victim.pid)
        client.run_for(100)
        clock.write_text(str(step_s), encoding="ascii")
        client.wait_ended()
        record = watch.record(30)
        row.judge(record, [client], stop, [victim], must_be_right=True)
        total_s = (victim.reaped_ns - stop.before_ns) / 1e9
        row.require(abs(record["timing"]["total_s"] - total_s) < 0.2,
                    f"a step of {step_s} s: total_s is {record['timing']['total_s']}, "
                    f"the victim took {total_s}")


FAULTS = [
    ("EINTR: a signal each 200 us", ticks),
    ("EINTR: SIGSTOP, SIGCONT each 2 ms", naps),
    ("clock step of ±1 h, 400 d in a drain", clock_steps),
]
