# SPDX-License-Identifier: GPL-2.0-only
"""Traps about how a service ends: forced, crashed, by itself, or only in part."""

import os
import resource
import signal

import pytest

from kit.clock import CAUSALITY_NS, TOLERANCE_NS, wait_until
from kit.expect import assert_whole, pids, process, signals
from kit.judge import assert_agrees, outcomes, t0_ns
from kit.shutwatch import BUILD, ROOT
from kit.sockets import free_ports
from kit.timing import assert_times


def test_second_signal(trap):
    """TERM makes it drain; another process sends INT, and it exits at once."""
    victim = trap.server("--stop=twice")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(1, "/9000/1")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.run_for(500)
    second = trap.send_by_another(victim.pid, signal.SIGINT)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 2, "in_flight: none+fin": 1}
    assert victim.wait() == 1

    record = watch.record()
    end = (second.before_ns, victim.reaped_ns)
    assert_whole(record, [client], stop, [victim], {"in_flight_s": end, "drain_s": end})
    assert outcomes(record) == {"idle": 2, "abandoned": 1}
    assert signals(record, victim.pid) == [
        ("SIGTERM", os.getpid(), "delivered", "handler"),
        ("SIGINT", second.sender, "delivered", "handler")]
    assert process(record, victim.pid)["signals"][1]["sender"]["comm"] == "killer"
    assert process(record, victim.pid)["exit"]["code"] == 1
    assert record["outcome"] == "forced"


@pytest.mark.parametrize("core", ["no_core", "core"])
def test_crash_in_handler(trap, core):
    """A segmentation fault during the drain, with one answer still owed."""
    limit = resource.RLIM_INFINITY if core == "core" else 0
    victim = trap.server(
        "--stop=crash", cwd=trap.directory,
        before_exec=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limit, limit)))
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(1, "/9000/1")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 2, "in_flight: none+fin": 1}
    assert victim.wait() == -signal.SIGSEGV

    record = watch.record()
    end = (victim.only("exiting")["at_ns"], victim.reaped_ns)
    assert_whole(record, [client], stop, [victim], {"in_flight_s": end, "drain_s": end})
    assert outcomes(record) == {"idle": 2, "abandoned": 1}
    assert process(record, victim.pid)["exit"]["signal"] == "SIGSEGV"
    assert process(record, victim.pid)["exit"]["core"] is victim.has_dumped_core
    assert record["outcome"] == "crashed"


def test_exit_without_signal(trap):
    """It exits with status 1, nobody having asked for it, and leaves everything open."""
    victim = trap.server()
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(3)
    client.in_flight(1, "/9000/1")
    fatal, = client.silent(1, path="/exit")
    client.wait_taken(victim.pid)
    fatal.ask()
    client.wait_ended()
    assert client.tally() == {
        "idle: whole+fin": 3, "in_flight: none+fin": 1, "silent: none+fin": 1}
    assert victim.wait() == 1

    record = watch.record()
    end = (victim.only("exiting")["at_ns"], victim.reaped_ns)
    assert end[0] - TOLERANCE_NS <= t0_ns(record) <= end[1]
    assert_agrees(record, client.connections, None)
    assert_times(record, {"react_s": None, "first_action_s": end, "accepting_s": end,
                          "in_flight_s": end, "drain_s": end, "total_s": end})
    assert record["trigger"]["kind"] == "exit"
    assert record["trigger"]["signal"] is None
    assert record["trigger"]["sender"] is None
    assert outcomes(record) == {"left_open": 3, "abandoned": 2}
    assert process(record, victim.pid)["signals"] == []
    assert process(record, victim.pid)["exit"]["code"] == 1
    assert record["outcome"] == "crashed"


def test_reraise(trap):
    """It drains, then sends itself the same signal, now with its default disposition."""
    victim = trap.server("--stop=reraise")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(1, "/200/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 2, "in_flight: whole+fin": 1}
    assert victim.wait() == -signal.SIGTERM

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"completed": 1, "idle": 2}
    assert signals(record, victim.pid) == [
        ("SIGTERM", os.getpid(), "delivered", "handler"),
        ("SIGTERM", victim.pid, "delivered", "default")]
    assert process(record, victim.pid)["exit"]["signal"] == "SIGTERM"
    assert record["outcome"] == "clean"


def test_shell_wrapper(trap):
    """TERM to a shell that waits for the server: the shell dies, the server knows nothing of it."""
    port, = free_ports()
    shell = trap.python_victim("sh", "-c", f"{BUILD}/victims/server --port={port}; true")
    server, = shell.children()
    watch = trap.watch(shell.pid)
    client = trap.client(port)
    idle, = client.idle(1)
    client.in_flight(1, "/800/10")
    client.wait_taken(server)
    stop = trap.send(shell.pid)
    wait_until(shell.has_ended, "the shell to die")
    idle.ask()
    later = client.idle(2)
    client.run_until(lambda: idle.answered == 2, "an answer after TERM")
    client.wait_taken(server)
    assert shell.wait() == -signal.SIGTERM

    record = watch.record()
    died = (stop.before_ns, shell.reaped_ns)
    client.run_until(lambda: all(c.answered for c in client.connections), "every answer")
    assert {c.end for c in client.connections} == {"open"}
    maybe = [c for c in client.connections if c not in later]
    assert_agrees(record, client.connections, stop, maybe=maybe, absent=later)
    assert_times(record, {"react_s": None, "first_action_s": died, "accepting_s": None,
                          "in_flight_s": None, "drain_s": None, "total_s": None})
    assert pids(record) == sorted([shell.pid, server])
    assert signals(record, shell.pid) == [("SIGTERM", os.getpid(), "delivered", "default")]
    assert signals(record, server) == []
    assert process(record, shell.pid)["exit"]["signal"] == "SIGTERM"
    assert process(record, server)["exit"] is None
    assert record["connections"]["inbound"]["late"] == 0
    assert record["outcome"] == "partial"


def test_helper_ended(trap):
    """Drained, it ends its own child with USR1, which by default kills: that is no crash."""
    victim = trap.server("--helper")
    helper, = victim.children()
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert pids(record) == sorted([victim.pid, helper])
    assert signals(record, helper) == [("SIGUSR1", victim.pid, "delivered", "default")]
    assert process(record, helper)["exit"]["signal"] == "SIGUSR1"
    assert outcomes(record) == {"idle": 2}
    assert record["outcome"] == "clean"


def test_orphan_fails(trap):
    """A helper that nobody waits for exits with 3 while the server serves on: no shutdown."""
    port, = free_ports()
    fifo = trap.directory / "fifo"
    os.mkfifo(fifo)
    helper = f"(sh -c 'read end < {fifo}; exit 3' & echo $! > {trap.directory}/pid)"
    victim = trap.python_victim("sh", "-c", f"echo ready {port}; read go; {helper}; "
                                f"exec {BUILD}/victims/server --port={port}")
    watch = trap.watch(victim.pid)
    victim.tell()
    victim.wait_truth("listening")
    client = trap.client(port)
    client.idle(2)
    client.wait_taken(victim.pid)
    orphan = int((trap.directory / "pid").read_text(encoding="ascii"))
    fifo.write_text("end\n", encoding="ascii")
    wait_until(lambda: not os.path.exists(f"/proc/{orphan}"), "the helper to be gone")
    client.run_for(1000)  # a record of the helper's would come before that of TERM
    stop = trap.send(victim.pid)
    client.wait_ended()

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert pids(record) == [victim.pid]
    assert outcomes(record) == {"idle": 2}
    assert record["outcome"] == "clean"


def test_self_stop(trap):
    """A request makes it stop: listener closed, the rest answered, exit 0. Nobody signalled."""
    victim = trap.server()
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(1, "/300/10")
    admin, = client.silent(1, path="/stop")
    client.wait_taken(victim.pid)
    admin.ask()
    client.wait_ended()
    assert client.tally() == {
        "idle: whole+fin": 2, "in_flight: whole+fin": 1, "silent: whole+fin": 1}
    assert victim.wait() == 0

    record = watch.record()
    closed = victim.only("listener_closed")
    assert closed["before_ns"] <= t0_ns(record) + CAUSALITY_NS
    assert t0_ns(record) <= closed["after_ns"] + CAUSALITY_NS
    assert_whole(record, [client], None, [victim])
    assert record["trigger"]["kind"] == "listener_closed"
    assert record["trigger"]["signal"] is None
    assert record["trigger"]["sender"] is None
    assert set(outcomes(record)) == {"completed", "idle"}
    assert record["connections"]["inbound"]["in_flight_at_signal"] >= 1
    assert process(record, victim.pid)["signals"] == []
    assert process(record, victim.pid)["exit"]["code"] == 0
    assert record["outcome"] == "clean"


def test_listener_replaced(trap):
    """It closes its only listener and opens another one: no shutdown until TERM comes."""
    port, = free_ports()
    victim = trap.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/relisten.py", port)
    watch = trap.watch(victim.pid)
    client = trap.client(port)
    victim.tell()
    victim.wait_truth("listener_closed")
    client.run_for(300)
    victim.tell()
    victim.wait_truth("listening")
    client.run_for(300)  # a record of the close would come before that of TERM
    stop = trap.send(victim.pid)
    victim.wait()

    record = watch.record()
    assert_agrees(record, [], stop)
    assert record["trigger"]["kind"] == "signal"
    assert record["timing"]["accepting_s"] is not None
    assert record["timing"]["dark_s"] is None
    assert record["outcome"] == "clean"
