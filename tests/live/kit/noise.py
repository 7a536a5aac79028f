# SPDX-License-Identifier: GPL-2.0-only
"""How much later than due the machine ran something: what samples of it cannot see either."""

import os
import threading

from kit.clock import MS, SECOND, now_ns

_STEP_NS = 10 * MS


class Noise:
    """While entered, a thread on each processor wants to run every 10 ms."""

    def __init__(self):
        self._latest = {processor: 0 for processor in os.sched_getaffinity(0)}
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(processor,))
                         for processor in self._latest]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, processor):
        os.sched_setaffinity(threading.get_native_id(), [processor])
        began_ns = now_ns()
        while not self._is_over.wait(_STEP_NS / SECOND):
            ended_ns = now_ns()
            late_ns = ended_ns - began_ns - _STEP_NS
            self._latest[processor] = max(self._latest[processor], late_ns)
            began_ns = ended_ns

    @property
    def latest_s(self):
        """The most, in seconds."""
        return max(self._latest.values()) / SECOND
