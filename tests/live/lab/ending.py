# SPDX-License-Identifier: GPL-2.0-only
"""When did the last process of a cgroup end? Told by the kernel, not asked for."""

import os
import select
import threading

from kit.clock import now_ns


class Ending:
    """Watches cgroup.events from now on."""

    def __init__(self, cgroup):
        self.at_ns = None
        self._file = open(os.path.join(cgroup, "cgroup.events"), encoding="ascii")
        self._is_over = False
        if self._is_empty():
            raise RuntimeError(f"{cgroup} is empty already")
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _is_empty(self):
        try:
            self._file.seek(0)
            return "populated 0" in self._file.read()
        except OSError:  # the cgroup went with its last process
            return True

    def _wait(self):
        poller = select.poll()
        poller.register(self._file, select.POLLPRI | select.POLLERR)
        while not self._is_over:
            poller.poll(200)
            now = now_ns()
            if self._is_empty():
                self.at_ns = now
                return

    def close(self):
        """It need not have ended."""
        self._is_over = True
        self._thread.join(5)
        self._file.close()
