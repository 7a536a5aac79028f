# SPDX-License-Identifier: GPL-2.0-only
"""A cgroup of the test's own: whatever a test starts is found in it, and ended one by one."""

import itertools
import os
import signal
import time

_PREFIX = "shutwatch-live-"
_counter = itertools.count()


def mount_point():
    """Where cgroup v2 is mounted (also on hybrid hosts), or None."""
    with open("/proc/self/mountinfo", encoding="ascii", errors="replace") as mounts:
        for line in mounts:
            fields, _, tail = line.partition(" - ")
            if tail.startswith("cgroup2 "):
                return fields.split()[4]
    return None


class Cgroup:
    """Made empty; removed, with all processes in it, by remove()."""

    def __init__(self, parent=None):
        parent = parent or mount_point()
        if parent is None:
            raise RuntimeError("the live tests need a cgroup v2 mount")
        self.path = os.path.join(parent, f"{_PREFIX}{os.getpid()}-{next(_counter)}")
        os.mkdir(self.path)

    @property
    def name(self):
        """As /proc/PID/cgroup has it."""
        return "/" + os.path.relpath(self.path, mount_point())

    @property
    def procs(self):
        """The file that takes a pid to move it here."""
        return os.path.join(self.path, "cgroup.procs")

    def remove(self):
        """Ends what still runs in here and removes the cgroup."""
        _remove(self.path)


def remove_leftovers():
    """Removes the cgroups of test runs that died before they could."""
    root = mount_point()
    for name in os.listdir(root) if root else []:
        owner = name[len(_PREFIX):].split("-")[0]
        if name.startswith(_PREFIX) and not os.path.exists(f"/proc/{owner}"):
            _remove(os.path.join(root, name))


def _pids(path):
    with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as procs:
        return [int(pid) for pid in procs.read().split()]


def _kill(path, pid):
    """By pidfd, and only if the pid still belongs to this cgroup once the pidfd holds it."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if pid in _pids(path):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)


def _remove(path):
    for child in sorted(os.listdir(path)):
        if os.path.isdir(os.path.join(path, child)):
            _remove(os.path.join(path, child))
    deadline = time.monotonic() + 10
    while pids := _pids(path):
        for pid in pids:
            _kill(path, pid)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} still holds {pids}")
        time.sleep(0.01)
    while True:  # a zombie that nobody reaped yet keeps the cgroup busy for a moment
        try:
            return os.rmdir(path)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
