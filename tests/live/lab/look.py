# SPDX-License-Identifier: GPL-2.0-only
"""What the lab knows of a server by itself: who holds which socket, and whom it killed."""

import contextlib
import dataclasses
import os
import signal

from kit.clock import now_ns
from kit.sockets import server_side

_PF_EXITING = 4       # proc_pid_stat(5), the flags
_GROUP, _FLAGS = 2, 6


def _stat(pid, field):
    """A number of /proc/PID/stat, counted from the state on. None: the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return int(stat.read().rpartition(")")[2].split()[field])
    except (FileNotFoundError, ProcessLookupError):
        return None


def is_leaving(pid):
    """Has it begun to exit, or is it gone?"""
    flags = _stat(pid, _FLAGS)
    return flags is None or bool(flags & _PF_EXITING)


def _sockets(pid):
    """The inodes of all that it has open."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), \
            os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                name = os.readlink(entry.path)
                if name.startswith("socket:["):
                    yield int(name[8:-1])


def _holders(pids):
    """{inode: {pid, …}}"""
    found = {}
    for pid in pids:
        for inode in _sockets(pid):
            found.setdefault(inode, set()).add(pid)
    return found


@dataclasses.dataclass
class Look:
    """Just before the signal."""

    sides: dict      # {client: ServerSide}
    holders: dict    # {client: pids that have it open}
    groups: dict     # {pid: process group}

    @classmethod
    def at(cls, *parts):
        """Of one service. Files first: who is accepted meanwhile is nobody's, and no other's."""
        pids = parts[0].pids()
        holders, sides = _holders(pids), {}
        for running in parts:
            sides |= server_side(running.pid, int(running.target.rpartition(":")[2]))
        return cls(sides, {name: frozenset(holders.get(side.inode, ()))
                           for name, side in sides.items()},
                   {pid: _stat(pid, _GROUP) for pid in pids})


class Killed(dict):
    """{pid: when, in ns}: whom the lab had to kill."""

    def __init__(self, *pids):
        super().__init__(*pids)
        self.had_begun = set()  # to exit by itself

    def kill(self, pids):
        """All of them."""
        for pid in pids:
            if is_leaving(pid):
                self.had_begun.add(pid)
            with contextlib.suppress(ProcessLookupError):
                before_ns = now_ns()
                os.kill(pid, signal.SIGKILL)
                self[pid] = before_ns
