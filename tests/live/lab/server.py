# SPDX-License-Identifier: GPL-2.0-only
"""What the lab knows of a real server: what it needs, how it starts, how it is told to stop."""

import dataclasses
import os
import shutil
import signal as signals
from collections.abc import Callable

from kit.clock import now_ns
from kit.stage import Stop

# What the client asks for, by its state; see `shutwatch-client --help`.
HTTP_PATHS = {
    "idle": "/0/1", "flow": "/0/1", "burst": "/0/1", "half_request": "/0/1",
    "in_flight": "/2000/10",          # answered after 2 s
    "long": "/60000/10",              # in_flight of the scenario "long"
    "half_response": "/0/16777216",   # big, at once: fills every buffer on the way
    "stream": "/stream/1500/15",      # a part every 100 ms, 1.5 s long
}


@dataclasses.dataclass
class Running:
    """A server that serves."""

    pid: int                # who is signalled, and whom shutwatch is pointed at
    target: str             # "127.0.0.1:8000"
    cgroup: str             # the directory of the cgroup that holds all of it, and nothing else
    watch: tuple = ()       # shutwatch's words for it; ("--pid=PID",) if empty
    paths: dict = dataclasses.field(default_factory=lambda: dict(HTTP_PATHS))
    client: tuple = ()      # more words for the client: ("--protocol=redis",)
    netns: object = None    # where the client must be (kit.netns)
    program: object = None  # what the lab itself started, if it is that pid (kit.process)
    tell: Callable = None   # tells it to stop in another way than by a signal; returns once told

    def pids(self):
        """Every process of it."""
        found = []
        for path, _, _ in os.walk(self.cgroup):
            with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as procs:
                found += map(int, procs.read().split())
        return found

    def status(self, is_over):
        """As of Program.wait(): the exit status, or the signal's number below 0. None: unknown."""
        return self.program.wait() if self.program and is_over else None

    def stop(self, how):
        """Tells it to stop. Returns the Stop; sender None: another process, not named here."""
        before = now_ns()
        if how.is_group:
            os.killpg(self.pid, how.signal)
        elif self.tell:
            self.tell()
        else:
            os.kill(self.pid, how.signal)
        return Stop(how.signal, self.pid, None if self.tell else os.getpid(), before, now_ns())


@dataclasses.dataclass(frozen=True)
class How:
    """One way to tell it."""

    signal: int = signals.SIGTERM
    is_group: bool = False  # the process group, as systemd does by default

    @property
    def name(self):
        """As the table has it."""
        return signals.Signals(self.signal).name.removeprefix("SIG") + "/all" * self.is_group


TERM = How()
TERM_ALL = How(is_group=True)
# See scenario.py.
MIXED, IDLE, QUEUE, LONG, BURST, MANY = "mixed", "idle", "queue", "long", "burst", "many"
LOAD, LATE = "10,000", "late"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of server, by the name that the table gives it."""

    name: str
    needs: tuple                        # programs it cannot do without
    start: Callable                     # (stage) -> Running, once it serves
    hows: tuple = (TERM,)               # each is a stop of its own
    scenarios: tuple = (MIXED, IDLE, LATE, QUEUE, LONG, BURST, MANY)
    # The states that make sense for it, of those that `mixed` opens
    states: frozenset = frozenset(("idle", "in_flight", "half_response", "half_request",
                                   "finishing", "silent", "flow"))
    defers_accept: bool = False         # TCP_DEFER_ACCEPT: who says nothing is no connection there
    survives: bool = False              # who arrives after the signal is served on as ever
    forks: bool = False                 # a process for each connection, which ends with it
    is_slow: bool = False               # not in the quick part

    def missing(self):
        """The programs that are not installed."""
        return [name for name in self.needs if not shutil.which(name)]
