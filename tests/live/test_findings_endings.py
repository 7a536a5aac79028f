# SPDX-License-Identifier: GPL-2.0-only
"""Findings on how the processes ended: killed by whom and why, crashed, or left behind."""

import contextlib
import os
import pathlib
import resource
import signal

import pytest

from kit.cgroup import Cgroup, mount_point
from kit.clock import now_ns
from kit.findings import (Expected, Service, between, found, ids_of, killed_with_grace, make_tests,
                          since, stop_server)
from kit.shutwatch import BUILD, ROOT
from kit.sockets import free_ports

_SERVER = BUILD / "victims" / "server"
_MEMORY_V1 = pathlib.Path("/sys/fs/cgroup/memory")
_LIMIT_BYTES = 64 << 20


def _idle(client):
    client.idle(1)


def _in_flight(client):
    client.idle(1)
    client.in_flight(2, "/9000/1")


# Killed


def _outlived_its_grace(stage):
    service = Service(stage, stage.server(), open_clients=_in_flight).tell()
    kill = service.kill_after(400)
    record = service.record()
    assert service.victim.wait() == -signal.SIGKILL
    assert len(service.victim.all_truth("signal")) == 1  # it had been asked
    return record, {"pid": service.pid, "sender": "killer", "sender_pid": kill.sender,
                    "waited_s": since(service.stop, kill.before_ns, kill.after_ns),
                    "abandoned": service.seen("none+fin")}


def _killed_unasked(stage):
    record, service = stop_server(stage, number=signal.SIGKILL, open_clients=_in_flight)
    assert service.victim.wait() == -signal.SIGKILL and not service.victim.all_truth("signal")
    return record, {"pid": service.pid, "sender_pid": os.getpid(),
                    "aborted": service.seen("none+fin")}


def test_outlives_a_known_grace(stage):
    """Killed as late as the near miss, but it was to have half a second."""
    record = killed_with_grace(stage, 500, 600)
    assert found(record, "grace_exceeded")["evidence"]["grace_s"] == 0.5


def _killed_after_it_was_asked(stage):
    return _outlived_its_grace(stage)[0]


# Out of memory


class _Version1:
    """A memory cgroup of version 1: beside the others, and removed in the end."""

    procs, events = "cgroup.procs", "memory.oom_control"

    def __init__(self, stage):
        self.path = _MEMORY_V1 / f"shutwatch-live-{os.getpid()}"
        self.path.mkdir()
        stage.enter(contextlib.closing(self))
        (self.path / "memory.limit_in_bytes").write_text(str(_LIMIT_BYTES), encoding="ascii")
        (self.path / "memory.swappiness").write_text("0", encoding="ascii")

    def close(self):
        """What was in it has been ended, or goes on elsewhere."""
        for pid in (self.path / self.procs).read_text(encoding="ascii").split():
            (_MEMORY_V1 / self.procs).write_text(pid, encoding="ascii")
        self.path.rmdir()


class _Version2:
    """One of version 2: no child of the test's own, which has processes and so no controllers."""

    procs, events = "cgroup.procs", "memory.events"

    def __init__(self, stage):
        self._group = Cgroup()
        self.path = pathlib.Path(self._group.path)
        stage.enter(contextlib.closing(self))
        if not (self.path / "memory.max").exists():
            (self.path.parent / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
        (self.path / "memory.max").write_text(str(_LIMIT_BYTES), encoding="ascii")
        with contextlib.suppress(FileNotFoundError):  # a kernel without swap
            (self.path / "memory.swap.max").write_text("0", encoding="ascii")

    def close(self):
        """With all that is in it."""
        self._group.remove()


def _has_version2():
    root = mount_point()
    return root and "memory" in (pathlib.Path(root) / "cgroup.controllers").read_text(
        encoding="ascii").split()


def _memory_group(stage):
    """Of the version that has the controller: a controller is in one of them."""
    if (_MEMORY_V1 / "cgroup.procs").exists():
        return _Version1(stage)
    if _has_version2():
        return _Version2(stage)
    return pytest.skip("no memory controller: see WHY_NOT in test_findings.py")


def _limited(stage):
    """A server that takes all the memory it is allowed, and more, once it is told on stdin.

    Returns (Service, its cgroup).
    """
    group = _memory_group(stage)
    hungry = stage.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/hungry.py",
                                 *free_ports())
    (group.path / group.procs).write_text(str(hungry.pid), encoding="ascii")
    service = Service(stage, hungry)
    client = service.client
    client.silent(2)
    client.run_until(lambda: len(hungry.truth("accepted")) == 2, "the clients to be let in")
    for connection in client.connections:
        connection.ask()
    client.wait_taken(hungry.pid)
    return service, group


def _oom_kills(group):
    """How many the kernel counts in there."""
    lines = (group.path / group.events).read_text(encoding="ascii").splitlines()
    return int(dict(line.split() for line in lines)["oom_kill"])


def _out_of_memory(stage):
    service, group = _limited(stage)
    service.victim.tell()
    record = service.record()
    assert service.victim.wait() == -signal.SIGKILL
    assert _oom_kills(group) == 1
    return record, {"pid": service.pid, "aborted": service.client.tally()["silent: none+fin"]}


def _killed_within_its_memory(stage):
    service, group = _limited(stage)
    record = service.tell(signal.SIGKILL).record()
    assert service.victim.wait() == -signal.SIGKILL
    assert _oom_kills(group) == 0
    return record


# By its own master, by its namespace


def _master(stage, script, *wrapper):
    """The script starts $SERVER, in the background. (Service, master, server)"""
    port, = free_ports()
    script = script.replace("$SERVER", f"{_SERVER} --port={port}")
    outer = stage.python_victim(*wrapper, "sh", "-c", script)
    master = outer.children()[0] if wrapper else outer.pid
    with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as file:
        server, = map(int, file.read().split())
    return Service(stage, outer, pid=master, open_clients=_idle), server


def _killed_by_master(stage):
    service, server = _master(stage, "trap 'kill -9 $!; wait; exit 0' TERM; $SERVER & wait")
    return service.tell().record(), {"pid": server, "sender_pid": service.pid, "sender": "sh"}


def _stopped_by_master(stage):
    service, server = _master(stage, "trap 'kill -TERM $!; wait; exit 0' TERM; $SERVER & wait")
    record = service.tell().record()
    _assert_ended_when_told(service, server)
    return record


def _assert_ended_when_told(service, server):
    """The server had its signal and ended by itself, before its master did."""
    assert service.victim.wait() == 0
    assert len(service.victim.all_truth("signal", pid=server)) == 1
    assert service.victim.only("exiting", pid=server)["code"] == 0


_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")


def _namespace_torn_down(stage):
    service, server = _master(stage, "trap 'exit 0' TERM; $SERVER & wait", *_NAMESPACE)
    return service.tell().record(), {"pid": server, "pid1": "sh", "killed": 1}


def _namespace_emptied(stage):
    service, server = _master(stage, "trap 'kill $!; wait $!; exit 0' TERM; $SERVER & wait",
                              *_NAMESPACE)
    assert [ids_of(pid)[-1] for pid in (service.pid, server)] == [1, 2]
    record = service.tell().record()
    assert service.victim.wait() == 0
    assert len(service.victim.all_truth("signal")) == 1
    assert service.victim.only("exiting")["code"] == 0
    return record


# Slow to die


def _held_when_killed(stage, ms=1200):
    """A tracer keeps it from ending, as a file system does that does not answer.

    The freezer of cgroup v1 does so, too, but that of version 2 lets the killed go at once.
    """
    service = Service(stage, stage.server(), open_clients=_idle)
    tracer = stage.program(["/usr/bin/python3", ROOT / "tests/live/apps/tracer.py", service.pid])
    assert tracer.out.wait(lambda line: line == b"traces\n"), tracer.describe()
    service.tell(signal.SIGKILL)
    assert tracer.out.wait(lambda line: line == b"holds\n"), tracer.describe()
    service.client.run_for(ms)
    released = now_ns()
    tracer.tell()
    record = service.record()
    assert service.victim.wait() == -signal.SIGKILL
    return record, {"pid": service.pid, "sender_pid": os.getpid(),
                    "took_s": since(service.stop, released, service.victim.reaped_ns)}


def _let_go_in_time(stage):
    record, evidence = _held_when_killed(stage, 600)
    assert 0.6 <= evidence["took_s"].high_s < 1
    return record


# Left behind, crashed


def _leaves_child(stage):
    victim = stage.server("--orphan")
    orphan, = victim.children()
    record = Service(stage, victim, "--patience=1s", open_clients=_idle).tell().record()
    os.kill(orphan, signal.SIGKILL)
    return record, {"orphans": 1, "pid": orphan}


def _ends_child(stage):
    victim = stage.server("--helper")
    child, = victim.children()
    record = Service(stage, victim, open_clients=_idle).tell().record()
    assert victim.wait() == 0
    assert not os.path.exists(f"/proc/{child}")
    return record


def _no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _crash(stage):
    record, service = stop_server(stage, "--stop=crash", before_exec=_no_core,
                                  open_clients=_in_flight)
    assert service.victim.wait() == -signal.SIGSEGV
    crashed = (service.victim.only("exiting")["at_ns"], service.victim.reaped_ns)
    return record, {"pid": service.pid, "signal": "SIGSEGV", "aborted": service.seen("none+fin"),
                    "crashed_s": between((service.stop.before_ns, service.stop.after_ns), crashed)}


def _ended_as_if_it_crashed(stage):
    """Somebody else sends SIGSEGV while it drains."""
    victim = stage.server(before_exec=_no_core)
    service = Service(stage, victim, open_clients=_in_flight).tell()
    victim.wait_truth("listener_closed")
    service.client.run_for(200)
    stage.send_by_another(victim.pid, signal.SIGSEGV)
    record = service.record()
    assert victim.wait() == -signal.SIGSEGV
    return record


_DIES = """
import ctypes, os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", sys.argv[1], flush=True)
client, _ = listener.accept()
client.recv(100)
sys.stdin.readline()
os._exit(3) if sys.argv[2] == "exit" else ctypes.string_at(0)
"""


def _dies(stage, how):
    """A server ends in the middle of a request, and nobody has told it to."""
    victim = stage.python_victim("/usr/bin/python3", "-c", _DIES, *free_ports(), how,
                                 before_exec=_no_core)
    service = Service(stage, victim)
    service.client.half(1)
    service.client.wait_taken(victim.pid)
    victim.tell()
    return service.record(), victim


def _segfault(stage):
    record, victim = _dies(stage, "crash")
    assert victim.wait() == -signal.SIGSEGV
    assert record["outcome"] == "crashed"
    return record, {"pid": victim.pid, "signal": "SIGSEGV"}


def test_ends_with_a_status(stage):
    """Not by a signal, but with an error all the same."""
    record, victim = _dies(stage, "exit")
    assert victim.wait() == 3
    told = found(record, "crashed_unasked")["evidence"]
    assert (told["pid"], told["status"]) == (victim.pid, 3)


_BROKEN_PIPE = """
import os, signal, socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", sys.argv[1], flush=True)
def drain(*_):
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    listener.close()
    ours, theirs = os.pipe()
    os.close(ours)
    os.write(theirs, b"x")
signal.signal(signal.SIGTERM, drain)
client, _ = listener.accept()
client.recv(100)
while True:
    signal.pause()
"""


def test_broken_pipe_while_it_drains(stage):
    """SIGPIPE is no fault of the memory, and no stop signal: it ends a drain as badly."""
    victim = stage.python_victim("/usr/bin/python3", "-c", _BROKEN_PIPE, *free_ports())
    service = Service(stage, victim)
    service.client.half(1)
    service.client.wait_taken(victim.pid)
    record = service.tell().record()
    assert victim.wait() == -signal.SIGPIPE
    assert found(record, "crash_during_drain")["evidence"]["signal"] == "SIGPIPE"


def test_abort_by_a_watchdog(stage):
    """SIGABRT from outside is no crash: somebody sent it, and there is no handler."""
    service = Service(stage, stage.server(before_exec=_no_core), open_clients=_in_flight)
    record = service.tell(signal.SIGABRT).record()
    assert found(record, "unhandled_stop_signal_core")["evidence"]["signal"] == "SIGABRT"
    assert "exit()" not in found(record, "cut_off_at_exit")["advice"]


def _workers(stage):
    victim = stage.victim("prefork", 3, free_ports()[0], 50)
    return victim, [line["pid"] for line in victim.wait_truth("worker", 3)]


def _one_worker_told(stage):
    victim, workers = _workers(stage)
    service = Service(stage, victim, "--patience=2s")
    record = service.tell(pid=workers[0]).record()
    assert record["outcome"] == "partial"
    stage.send(victim.pid)
    return record, {"pid": workers[0], "parent_pid": victim.pid, "living": 3,
                    "signal": "SIGTERM"}


def _all_told(stage):
    victim, workers = _workers(stage)
    record = Service(stage, victim).tell().record()
    assert set(workers) < {process["pid"] for process in record["processes"]}
    return record


FINDINGS = {
    "grace_exceeded": Expected("error", _outlived_its_grace,
                               lambda stage: killed_with_grace(stage, 1000, 600)),
    "killed_without_stop_signal": Expected("error", _killed_unasked, _killed_after_it_was_asked),
    "oom_killed": Expected("error", _out_of_memory, _killed_within_its_memory),
    "killed_by_supervisor": Expected("error", _killed_by_master, _stopped_by_master),
    "killed_by_pidns_teardown": Expected("warning", _namespace_torn_down, _namespace_emptied),
    "kill_slow_to_take": Expected("warning", _held_when_killed, _let_go_in_time),
    "orphans_left": Expected("warning", _leaves_child, _ends_child),
    "part_told": Expected("info", _one_worker_told, _all_told),
    "crashed_unasked": Expected("error", _segfault, lambda stage: _crash(stage)[0]),
    "crash_during_drain": Expected("error", _crash, _ended_as_if_it_crashed),
}

test_fires, test_near_miss = make_tests(FINDINGS)
