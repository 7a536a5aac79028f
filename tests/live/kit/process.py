# SPDX-License-Identifier: GPL-2.0-only
"""A program under test: started into the test's cgroup, its lines read, its end noted."""

import ctypes
import os
import signal
import subprocess
import threading
import time

from kit.clock import SLOWNESS, now_ns

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Lines:
    """What a pipe says, line by line, kept and waited for. Bytes: strangers write there."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._changed = threading.Condition()
        self._lines = []
        self._is_over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._pipe:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def so_far(self):
        """The lines until now."""
        with self._changed:
            return list(self._lines)

    def wait(self, matches, timeout=10.0):
        """The first line that matches, also one of the past. None: it ended without."""
        timeout *= SLOWNESS
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if matches(line):
                        return line
                seen = len(self._lines)
                if self._is_over:
                    return None
                if not self._changed.wait(max(0, deadline - time.monotonic())):
                    raise TimeoutError(f"no such line in {timeout} s; so far: {self._lines}")

    def all(self, timeout=10.0):
        """Everything, after the end of the pipe."""
        self._thread.join(timeout * SLOWNESS)
        if self._thread.is_alive():
            raise TimeoutError("the pipe is still open")
        return self.so_far()

    def close(self):
        """After the last writer is gone."""
        self._thread.join(1)
        if not self._thread.is_alive():
            self._pipe.close()


class Program:
    """Leader of its own process group and session, dies with the test run.

    stdout and stderr: None to have the lines read (attributes out and err), else as for Popen.
    """

    def __init__(self, argv, cgroup, netns=None, stdout=None, stderr=None, before_exec=None,
                 own_group=True, **popen):
        procs = cgroup.procs

        def prepare():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            with open(procs, "w", encoding="ascii") as file:
                file.write("0")
            if netns:
                netns.enter()
            if before_exec:
                before_exec()

        popen.setdefault("stdin", subprocess.PIPE)
        self.argv = argv
        self._popen = subprocess.Popen(
            argv, preexec_fn=prepare, start_new_session=own_group,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE if stderr is None else stderr, **popen)
        self.pid = self._popen.pid
        self.out = Lines(self._popen.stdout) if stdout is None else None
        self.err = Lines(self._popen.stderr) if stderr is None else None
        self.reaped_ns = None
        self.has_dumped_core = None
        self._reaper = threading.Thread(target=self._reap, daemon=True)
        self._reaper.start()

    def _reap(self):
        end = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.has_dumped_core = end.si_code == os.CLD_DUMPED
        self._popen.wait()
        self.reaped_ns = now_ns()

    @property
    def stdin(self):
        """Raw bytes in."""
        return self._popen.stdin

    def tell(self, line=b"go\n"):
        """A line to its stdin."""
        self._popen.stdin.write(line)
        self._popen.stdin.flush()

    def has_ended(self):
        """Without waiting."""
        return self.reaped_ns is not None

    def wait(self, timeout=10.0):
        """Its exit status; negative: the signal that ended it."""
        timeout *= SLOWNESS
        self._reaper.join(timeout)
        if self._reaper.is_alive():
            raise TimeoutError(f"still running after {timeout} s: {self.argv}")
        return self._popen.returncode

    def children(self):
        """The pids of its child processes."""
        found = []
        for name in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{name}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        return found

    def kill(self):
        """Ends it if it runs; it alone, by its pid (not yet reaped, so the pid is its own)."""
        if self._reaper.is_alive():
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._reaper.join(5)

    def close(self):
        """Lets go of the pipes, once everything that may hold their other ends is dead."""
        for lines in (self.out, self.err):
            if lines:
                lines.close()
        if self._popen.stdin:
            try:
                self._popen.stdin.close()
            except BrokenPipeError:
                pass

    def describe(self):
        """For the report of a failed test."""
        parts = [f"$ {' '.join(map(os.fsdecode, self.argv))}   (pid {self.pid})"]
        for name, lines in (("out", self.out), ("err", self.err)):
            for line in lines.so_far()[-200:] if lines else []:
                parts.append(f"  {name}: {line[:20000]!r}")
        return "\n".join(parts)
