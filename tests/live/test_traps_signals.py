# SPDX-License-Identifier: GPL-2.0-only
"""Traps about who signalled whom, and what the signal did."""

import os
import signal

from kit.clock import SECOND
from kit.expect import assert_whole, pids, process, signals
from kit.judge import assert_agrees, details_of, outcomes
from kit.shutwatch import BUILD
from kit.sockets import free_ports
from kit.timing import assert_times


def test_term_blocked_sigwait(trap):
    """TERM is blocked and taken by sigwait(): not ignored, and never "delivered"."""
    victim = trap.server("--stop=sigwait")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(1, "/200/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 2, "in_flight: whole+fin": 1}

    record = watch.record()
    assert_whole(record, [client], stop, [victim], {"react_s": None})
    assert signals(record, victim.pid) == [("SIGTERM", os.getpid(), "delivered", "blocked")]
    assert process(record, victim.pid)["signals"][0]["delivered_at_s"] is None
    assert record["outcome"] == "clean"


def _die(record, victim, stop):
    """The times of a process that a signal ended at once: all between the kill and the wait."""
    span = (stop.before_ns, victim.reaped_ns)
    assert_times(record, {"react_s": None, "first_action_s": span, "accepting_s": span,
                          "drain_s": span, "total_s": span, "in_flight_s": span})


def test_default_disposition(trap):
    """No handler: the kernel delivers TERM as SIGKILL, but nobody sent a SIGKILL."""
    victim = trap.server("--stop=default")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.silent(1)
    client.in_flight(1, "/9000/1")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {
        "idle: idle+fin": 2, "silent: idle+fin": 1, "in_flight: none+fin": 1}
    assert victim.wait() == -signal.SIGTERM

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    _die(record, victim, stop)
    assert outcomes(record) == {"left_open": 3, "abandoned": 1}
    assert signals(record, victim.pid) == [("SIGTERM", os.getpid(), "delivered", "default")]
    assert process(record, victim.pid)["exit"]["signal"] == "SIGTERM"
    assert process(record, victim.pid)["exit"]["core"] is False
    assert record["outcome"] == "lossy"


def test_kill_after_grace(trap):
    """The handler hangs; one second later another process sends KILL."""
    victim = trap.server("--stop=hang")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(1)
    client.in_flight(1, "/200/1")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    entered = victim.wait_truth("signal")[0]["at_ns"]
    client.run_for(1000)
    kill = trap.send_by_another(victim.pid, signal.SIGKILL)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 1, "in_flight: none+fin": 1}
    assert victim.wait() == -signal.SIGKILL

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    end = (kill.before_ns, victim.reaped_ns)
    assert_times(record, {"react_s": (entered, entered), "first_action_s": end,
                          "accepting_s": end, "drain_s": end, "total_s": end, "in_flight_s": end})
    assert outcomes(record) == {"left_open": 1, "abandoned": 1}
    assert [s[:2] for s in signals(record, victim.pid)] == [
        ("SIGTERM", os.getpid()), ("SIGKILL", kill.sender)]
    assert process(record, victim.pid)["signals"][1]["sender"]["comm"] == "killer"
    assert process(record, victim.pid)["exit"]["signal"] == "SIGKILL"
    assert record["outcome"] == "forced"


def test_sigkill_mid_answer(trap):
    """SIGKILL while a response is being written: the kernel still sends what it has."""
    victim = trap.server()
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(1)
    reading, = client.reading(1)
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid, signal.SIGKILL)
    victim.wait()
    reading.resume()
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 1, "reading: part+fin": 1}

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    _die(record, victim, stop)
    assert outcomes(record) == {"left_open": 1, "abandoned": 1}
    assert details_of(record)[reading.local]["unacked_bytes"] > 0
    assert record["trigger"]["signal"] == "SIGKILL"
    assert record["outcome"] == "forced"


def test_not_a_stop(trap):
    """HUP and USR1 have handlers and the server serves on: the first record is that of TERM."""
    victim = trap.server("--reload")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    idle, = client.idle(1)
    client.wait_taken(victim.pid)
    for number, harmless in enumerate((signal.SIGHUP, signal.SIGUSR1), 1):
        trap.send(victim.pid, harmless)
        victim.wait_truth("signal", number)
        idle.ask()
        client.run_until(lambda: idle.answered == idle.asked, "an answer")
    closing = client.idle(1)[0]
    client.wait_taken(victim.pid)
    closing.close()
    client.run_for(100)  # a record of HUP's would come before that of TERM
    stop = trap.send(victim.pid)
    client.wait_ended()

    record = watch.record()
    told = victim.all_truth("signal", signal=signal.SIGTERM)[0]["at_ns"]
    assert_whole(record, [client], stop, [victim], {"react_s": (told, told)})
    assert record["trigger"]["signal"] == "SIGTERM"
    assert outcomes(record) == {"idle": 1}
    assert signals(record, victim.pid) == [("SIGTERM", os.getpid(), "delivered", "handler")]
    assert record["outcome"] == "clean"


def test_group_signal(trap):
    """TERM to master and workers at once; the master passes TERM on to the workers all the same."""
    victim = trap.victim("prefork", 2, free_ports()[0], 200)
    workers = {line["pid"] for line in victim.wait_truth("worker", 2)}
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(4)
    client.in_flight(2, "/200/10")
    client.wait_taken(victim.pid)
    stop = trap.send(-victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 4, "in_flight: whole+fin": 2}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert pids(record) == sorted([victim.pid, *workers])
    assert [s[:2] for s in signals(record, victim.pid)] == [("SIGTERM", os.getpid())]
    for worker in workers:
        assert [s[:2] for s in signals(record, worker)] == [
            ("SIGTERM", os.getpid()), ("SIGTERM", victim.pid)]
    assert outcomes(record) == {"completed": 2, "idle": 4}
    assert record["outcome"] == "clean"


def test_pid1_ignores_term(trap):
    """PID 1 of a pid namespace without a handler: TERM does nothing, KILL from outside does."""
    port, = free_ports()
    outer = trap.python_victim("unshare", "--pid", "--fork", "--kill-child",
                               BUILD / "victims" / "server", f"--port={port}", "--stop=default")
    pid, = outer.children()
    watch = trap.watch(pid)
    client = trap.client(port)
    idle, = client.idle(1)
    client.wait_taken(pid)
    stop = trap.send(pid)
    client.run_for(500)
    idle.ask()
    client.run_until(lambda: idle.answered == 2, "an answer after TERM")
    client.run_for(500)
    kill = trap.send(pid, signal.SIGKILL)
    client.wait_ended()
    outer.wait()
    assert client.tally(stop.before_ns) == {"idle: whole+fin": 1}

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    end = (kill.before_ns, outer.reaped_ns)
    assert_times(record, {"react_s": None, "first_action_s": end, "accepting_s": end,
                          "drain_s": end, "total_s": end, "in_flight_s": None})
    assert SECOND <= kill.before_ns - stop.before_ns
    assert [s[:3] for s in signals(record, pid)] == [
        ("SIGTERM", os.getpid(), "ignored"), ("SIGKILL", os.getpid(), "delivered")]
    assert process(record, pid)["ns_pid"] == 1
    assert outcomes(record) == {"left_open": 1}
    assert record["outcome"] == "forced"
