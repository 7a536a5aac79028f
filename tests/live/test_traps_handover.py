# SPDX-License-Identifier: GPL-2.0-only
"""Traps about sockets that several processes hold, and ports that another process takes over."""

import os

import pytest

from kit.clock import SECOND, TOLERANCE_NS
from kit.expect import assert_whole, pids, process
from kit.judge import assert_agrees, details_of, outcomes
from kit.shutwatch import BUILD
from kit.sockets import free_ports
from kit.timing import assert_times


def test_accept_limbo(trap):
    """The workers are gone, the master keeps the listener open for two seconds more."""
    victim = trap.victim("prefork", 2, free_ports()[0], 0, 2000)
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(4)
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    victim.wait_truth("passes_on", 2)
    client.wait_ended()
    client.silent(3)
    client.in_flight(2)
    client.run_for(500)
    assert all(c.established_ns and c.end == "open" for c in client.connections[4:])
    client.wait_ended()
    assert client.tally(stop.before_ns) == {
        "idle: idle+fin": 4, "silent: idle+rst": 3, "in_flight: none+rst": 2}

    record = watch.record()
    victim.wait()
    closed = victim.all_truth("listener_closed")[-1]
    span = (closed["before_ns"], closed["after_ns"])
    assert_whole(record, [client], stop, [victim], {"drain_s": span, "in_flight_s": None})
    assert outcomes(record) == {"idle": 4, "unaccepted": 5}
    assert record["connections"]["inbound"]["late"] == 5
    assert record["timing"]["accepting_s"] >= 2
    assert record["outcome"] == "lossy"


def test_dup_and_fork_fds(trap):
    """Each connection has two descriptors in two processes; three are closed, and then the last."""
    victim = trap.victim("copies", free_ports()[0], 500)
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(3)
    client.wait_taken(victim.pid)
    os.kill(victim.pid, 10)
    child = victim.wait_truth("copied")[0]["pid"]
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 3}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert pids(record) == sorted([victim.pid, child])
    assert outcomes(record) == {"idle": 3}
    assert {d["pid"] for d in record["connections"]["details"]} == {child}
    assert min(d["closed_at_s"] for d in record["connections"]["details"]) >= 0.5
    assert record["outcome"] == "clean"


def test_fd_passed(trap):
    """Listener and connections go to a new process by SCM_RIGHTS, and the old one exits."""
    port, = free_ports()
    taker = trap.victim("passer", "take", f"shutwatch-{port}")
    giver = trap.victim("passer", "give", f"shutwatch-{port}", port)
    watch = trap.watch(giver.pid)
    client = trap.client(port)
    client.idle(3)
    client.silent(1)
    client.wait_taken(giver.pid)
    before = list(client.connections)
    stop = trap.send(giver.pid)
    taker.wait_truth("taken", open=4)
    giver.wait()
    for connection in before:
        connection.ask()
    later = client.idle(2)
    client.run_until(lambda: all(c.asked == c.answered for c in client.connections), "answers")
    assert {c.end for c in client.connections} == {"open"}

    record = watch.record()
    assert_agrees(record, client.connections, stop, absent=later)
    end = (giver.only("exiting")["at_ns"], giver.reaped_ns)
    told = giver.only("signal")["at_ns"]
    assert_times(record, {"react_s": (told, told), "first_action_s": end, "accepting_s": None,
                          "in_flight_s": None, "drain_s": None, "total_s": end})
    assert pids(record) == [giver.pid]
    assert outcomes(record) == {"handed_over": 4}
    assert record["connections"]["inbound"]["late"] == 0
    assert record["connections"]["inbound"]["refused"] == 0
    assert record["timing"]["dark_s"] is None
    assert record["outcome"] == "clean"


@pytest.mark.parametrize("when", ["before", "after"])
def test_reuseport_handover(trap, when):
    """A new process binds the same port (SO_REUSEPORT), before TERM or while the old one drains."""
    port, = free_ports()
    old = trap.server("--reuseport", port=port)
    watch = trap.watch(old.pid)
    client = trap.client(port)
    client.idle(2)
    client.in_flight(2, "/800/10")
    client.wait_taken(old.pid)
    ours = list(client.connections)
    new = trap.server("--reuseport", port=port) if when == "before" else None
    stop = trap.send(old.pid)
    old.wait_truth("listener_closed")
    new = new or trap.server("--reuseport", port=port)
    theirs = client.idle(4)
    client.wait_taken(old.pid)
    assert len(new.wait_truth("accepted", 4)) == 4
    client.wait_ended(ours)

    record = watch.record()
    assert_whole(record, [client], stop, [old], absent=theirs)
    assert outcomes(record) == {"idle": 2, "completed": 2}
    assert record["connections"]["inbound"]["late"] == 0
    assert pids(record) == [old.pid]
    assert record["outcome"] == "clean"


def test_restart_same_port(trap):
    """Stop, 300 ms of nothing, start again on the same port; a client that keeps trying."""
    port, = free_ports()
    old = trap.server(port=port)
    watch = trap.watch(old.pid, settle="2s")
    client = trap.client(port)
    client.idle(2)
    client.in_flight(1, "/100/10")
    client.wait_taken(old.pid)
    client.start_flow(100)
    client.run_for(100)
    stop = trap.send(old.pid)
    client.run_until(old.has_ended, "the old one to end")
    client.run_for(300)
    new = trap.server(port=port)
    client.run_for(200)
    client.stop_flow()
    client.wait_ended()
    closed, opened = old.only("listener_closed"), new.wait_truth("listening")[0]
    refused = sum(c.end == "refused" for c in client.connections)
    assert refused >= 20

    record = watch.record()
    theirs = [c for c in client.connections
              if c.established_ns and c.established_ns > opened["before_ns"]]
    assert len(theirs) >= 10
    assert_whole(record, [client], stop, [old], absent=theirs)
    assert record["connections"]["inbound"]["refused"] == refused
    low = (opened["before_ns"] - closed["after_ns"] - TOLERANCE_NS) / SECOND
    high = (opened["after_ns"] - closed["before_ns"] + TOLERANCE_NS) / SECOND
    assert low <= record["timing"]["dark_s"] <= high
    listener, = record["listeners"]
    assert listener["reopened_at_s"] - listener["closed_at_s"] == pytest.approx(
        record["timing"]["dark_s"], abs=1e-6)
    assert record["outcome"] == "lossy"


@pytest.mark.parametrize("when", ["before", "after"])
def test_exec_keeps_pid(trap, when):
    """A shell exec()s the server; watched before or after that. One process, the server's name."""
    port, = free_ports()
    server = f"{BUILD}/victims/server"
    victim = trap.python_victim(
        "sh", "-c", f"echo ready {port}; read go; exec {server} --port={port} --pause=100")
    watch = trap.watch(victim.pid) if when == "before" else None
    victim.tell()
    victim.wait_truth("listening")
    watch = watch or trap.watch(victim.pid)
    client = trap.client(port)
    client.idle(2)
    client.in_flight(1, "/200/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert pids(record) == [victim.pid]
    assert process(record, victim.pid)["comm"] == "server"
    assert process(record, victim.pid)["exe"] == server
    assert record["service"]["name"] == "server"
    assert outcomes(record) == {"idle": 2, "completed": 1}
    assert record["outcome"] == "clean"
