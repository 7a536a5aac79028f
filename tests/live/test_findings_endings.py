# SPDX-License-Identifier: GPL-2.0-only
"""Findings on how the processes ended: killed by whom and why, crashed, or left behind."""

import os
import pathlib
import resource
import signal

import pytest

from kit.clock import now_ns
from kit.findings import Expected, Service, between, make_tests, since, stop_server
from kit.shutwatch import BUILD, ROOT
from kit.sockets import free_ports

_SERVER = BUILD / "victims" / "server"
_MEMORY = pathlib.Path("/sys/fs/cgroup/memory")
_FREEZER = pathlib.Path("/sys/fs/cgroup/freezer")
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
    return record, {"pid": service.pid, "sender": "killer", "sender_pid": kill.sender,
                    "waited_s": since(service.stop, kill.before_ns, kill.after_ns),
                    "abandoned": service.seen("none+fin")}


def _killed_unasked(stage):
    record, service = stop_server(stage, number=signal.SIGKILL, open_clients=_in_flight)
    return record, {"pid": service.pid, "sender_pid": os.getpid(),
                    "aborted": service.seen("none+fin")}


def _killed_at_once(stage):
    return _killed_unasked(stage)[0]


def _killed_after_it_was_asked(stage):
    return _outlived_its_grace(stage)[0]


# Out of memory


def _in_group_v1(stage, controller, settings):
    """A cgroup of version 1, removed in the end. Its files are told what they shall be."""
    if not (controller / "cgroup.procs").exists():
        pytest.skip(f"no {controller}: see WHY_NOT in test_findings.py")
    group = controller / f"shutwatch-live-{os.getpid()}"
    group.mkdir()
    stage.enter(_Removed(group))
    for name, value in settings.items():
        (group / name).write_text(str(value), encoding="ascii")
    return group


class _Removed:
    """A cgroup that goes, once what was in it has been ended."""

    def __init__(self, group):
        self._group = group

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in (self._group / "cgroup.procs").read_text(encoding="ascii").split():
            (self._group.parent / "cgroup.procs").write_text(pid, encoding="ascii")
        self._group.rmdir()


def _limited(stage):
    """A server that takes all the memory it is allowed, and more, once it is told on stdin."""
    group = _in_group_v1(stage, _MEMORY, {"memory.limit_in_bytes": _LIMIT_BYTES,
                                          "memory.swappiness": 0})
    hungry = stage.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/hungry.py",
                                 *free_ports())
    (group / "cgroup.procs").write_text(str(hungry.pid), encoding="ascii")
    service = Service(stage, hungry)
    client = service.client
    client.silent(2)
    client.run_until(lambda: len(hungry.truth("accepted")) == 2, "the clients to be let in")
    for connection in client.connections:
        connection.ask()
    client.wait_taken(hungry.pid)
    return service


def _out_of_memory(stage):
    service = _limited(stage)
    service.victim.tell()
    record = service.record()
    assert service.victim.wait() == -signal.SIGKILL
    return record, {"pid": service.pid, "aborted": service.client.tally()["silent: none+fin"]}


def _killed_within_its_memory(stage):
    return _limited(stage).tell(signal.SIGKILL).record()


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
    service, _ = _master(stage, "trap 'kill -TERM $!; wait; exit 0' TERM; $SERVER & wait")
    return service.tell().record()


_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")


def _namespace_torn_down(stage):
    service, server = _master(stage, "trap 'exit 0' TERM; $SERVER & wait", *_NAMESPACE)
    return service.tell().record(), {"pid": server, "pid1": "sh", "killed": 1}


def _namespace_emptied(stage):
    service, _ = _master(stage, "trap 'kill $!; wait $!; exit 0' TERM; $SERVER & wait",
                         *_NAMESPACE)
    return service.tell().record()


# Slow to die


def _killed_while_frozen(stage):
    """The freezer of cgroup v1 keeps a process from dying; that of version 2 does not."""
    group = _in_group_v1(stage, _FREEZER, {})
    service = Service(stage, stage.server(), open_clients=_idle)
    (group / "cgroup.procs").write_text(str(service.pid), encoding="ascii")
    (group / "freezer.state").write_text("FROZEN", encoding="ascii")
    service.tell(signal.SIGKILL)
    service.client.run_for(1200)
    thawed = now_ns()
    (group / "freezer.state").write_text("THAWED", encoding="ascii")
    record = service.record()
    service.victim.wait()
    return record, {"pid": service.pid, "sender_pid": os.getpid(),
                    "took_s": since(service.stop, thawed, service.victim.reaped_ns)}


# Left behind, crashed


def _leaves_child(stage):
    victim = stage.server("--orphan")
    orphan, = victim.children()
    record = Service(stage, victim, "--patience=1s", open_clients=_idle).tell().record()
    os.kill(orphan, signal.SIGKILL)
    return record, {"orphans": 1, "pid": orphan}


def _ends_child(stage):
    return stop_server(stage, "--helper", open_clients=_idle)[0]


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
    service.client.run_for(200)
    stage.send_by_another(victim.pid, signal.SIGSEGV)
    record = service.record()
    assert victim.wait() == -signal.SIGSEGV
    return record


FINDINGS = {
    "grace_exceeded": Expected("error", _outlived_its_grace, _killed_at_once),
    "killed_without_stop_signal": Expected("error", _killed_unasked, _killed_after_it_was_asked),
    "oom_killed": Expected("error", _out_of_memory, _killed_within_its_memory),
    "killed_by_supervisor": Expected("error", _killed_by_master, _stopped_by_master),
    "killed_by_pidns_teardown": Expected("warning", _namespace_torn_down, _namespace_emptied),
    "kill_slow_to_take": Expected("warning", _killed_while_frozen, _killed_at_once),
    "orphans_left": Expected("warning", _leaves_child, _ends_child),
    "crash_during_drain": Expected("error", _crash, _ended_as_if_it_crashed),
}

test_fires, test_near_miss = make_tests(FINDINGS)
