# SPDX-License-Identifier: GPL-2.0-only
"""Everything that one test starts; all of it is ended and closed when the test is over."""

import contextlib
import dataclasses
import os
import pathlib
import signal as signals
import tempfile

import pytest

from kit.cgroup import Cgroup
from kit.client import Client
from kit.clock import now_ns
from kit.netns import Netns
from kit.process import Program
from kit.shutwatch import BUILD, SETTLE, Watch
from kit.sockets import free_ports
from kit.victim import Victim

# Only the set-ups and what client and victim saw of them: nothing of shutwatch is started.
IS_BLIND = bool(os.environ.get("SHUTWATCH_BLIND"))
# Where the traps leave a recording and the record made live, as DIR/NAME.rec and DIR/NAME.json.
KEEP = os.environ.get("SHUTWATCH_KEEP_RECORDINGS")


@dataclasses.dataclass
class Stop:
    """A signal that was sent between two moments."""

    signal: int
    pid: int
    sender: int
    before_ns: int
    after_ns: int


class BlindWatch:
    """Stands in where there is no shutwatch: the test ends, well, where its record would come."""

    def record(self, timeout=None):
        """There is none."""
        pytest.skip("blind: the set-up is as it should be, no record was asked for")

    record_line = record


def _words(argv):
    """Hostile names are bytes; everything else is text."""
    return [word if isinstance(word, bytes) else str(word) for word in argv]


class Stage:
    """One per test."""

    def __init__(self, name):
        self.name = name
        self.cgroup = Cgroup()
        self._programs = []
        self._clients = []
        self._keeps = None
        self._exits = contextlib.ExitStack()
        self.directory = pathlib.Path(self.enter(
            tempfile.TemporaryDirectory(prefix="shutwatch-live-")))
        self._exits.callback(self._end_programs)

    # Starting

    def _own(self, program):
        self._programs.append(program)
        return program

    def program(self, argv, **options):
        """Any program."""
        options.setdefault("cgroup", self.cgroup)
        return self._own(Program(_words(argv), **options))

    def victim(self, *argv, **options):
        """One of ours, by name, ready."""
        return self.python_victim(BUILD / "victims" / argv[0], *argv[1:], **options)

    def server(self, *args, port=None, **options):
        """The victim "server" on a free port, ready."""
        port = port or free_ports()[0]
        return self.victim("server", f"--port={port}", *args, **options)

    def python_victim(self, *argv, **options):
        """Any program that prints "ready PORT" once it serves."""
        options.setdefault("cgroup", self.cgroup)
        return self._own(Victim(_words(argv), **options)).wait_ready()

    def client(self, port, address="127.0.0.1", netns=None):
        """A client of that address."""
        self._clients.append(Client(address, port, netns))
        return self._clients[-1]

    def enter(self, context):
        """A `with` to the end of the test; it is left while all programs still run."""
        return self._exits.enter_context(context)

    def netns(self):
        """A network namespace."""
        return self.enter(contextlib.closing(Netns()))

    def subgroup(self):
        """A cgroup inside the test's own."""
        return Cgroup(self.cgroup.path)

    def watch(self, *targets, count=1, settle=SETTLE, **options):
        """shutwatch, armed, for processes (numbers) or with options (text)."""
        args = ["--json", "-n", count, "--settle", settle]
        for target in targets:
            args += ["--pid", target] if isinstance(target, int) else [target]
        if IS_BLIND:
            return BlindWatch()
        watch = self.shutwatch(*args, command=self._command(), **options)
        watch.count = count
        return watch.wait_watching()

    def shutwatch(self, *args, command=("watch",), **options):
        """shutwatch with any arguments; not waited for."""
        options.setdefault("cgroup", self.cgroup)
        return self._own(Watch(args, command=command, **options))

    def _command(self):
        if not self._keeps:
            return ("watch",)
        return ("record", str(self._keeps / f"{self.name}.rec"))

    def keep_recording(self):
        """From now on a watch leaves its recording in the directory that was asked for, if any."""
        if KEEP:
            self._keeps = pathlib.Path(KEEP)
            self._keeps.mkdir(parents=True, exist_ok=True)

    # Doing

    def send(self, pid, signal=signals.SIGTERM):
        """A signal from this process, with its moment. Negative: a process group."""
        before = now_ns()
        os.kill(pid, signal)
        return Stop(signal, pid, os.getpid(), before, now_ns())

    def send_by_another(self, pid, signal):
        """The same by another process, "killer"."""
        killer = self._own(Victim([str(BUILD / "victims" / "killer"), str(pid), str(int(signal))],
                                  self.cgroup))
        if killer.wait() != 0:
            raise RuntimeError("the killer could not")
        told = killer.all_truth("killed")[0]
        return Stop(signal, pid, killer.pid, told["before_ns"], told["after_ns"])

    def keep_records(self):
        """The records as they were printed live, beside their recording."""
        if self._keeps:
            lines = [line for watch in self._programs if isinstance(watch, Watch)
                     for line in watch.out.so_far()]
            (self._keeps / f"{self.name}.json").write_bytes(b"".join(lines))

    # Ending

    def forget(self, program, client):
        """Before the end of the test: a long one has thousands of them."""
        client.close()
        self._clients.remove(client)
        program.kill()
        self._programs.remove(program)
        program.close()

    def describe(self):
        """All that is known, for the report of a failed test."""
        parts = [program.describe() for program in self._programs]
        for client in self._clients:
            parts.append(f"client of {client.target}: {client.tally()}")
            parts += [f"  {c.line()}" for c in client.connections[:50]]
        return "\n".join(parts)

    def close(self):
        """Ends and closes everything, also after a failure on the way."""
        self.keep_records()
        for client in self._clients:
            client.close()
        self._exits.close()

    def _end_programs(self):
        for program in reversed(self._programs):
            program.kill()
        self.cgroup.remove()
        for program in self._programs:
            program.close()
