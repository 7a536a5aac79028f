# SPDX-License-Identifier: GPL-2.0-only
"""Traps about who arrives and waits: accept queues, late clients, refused ones."""

import signal

import os
import signal

import pytest

from kit.clock import wait_until
from kit.expect import assert_whole, pids
from kit.judge import assert_agrees, details_of, outcomes
from kit.sockets import free_ports, listens, queued
from kit.timing import UNKNOWN, assert_times, told_times


def test_burst_during_drain(trap):
    """500 new connections a second from T0 until a second after the listener has closed."""
    victim = trap.victim("listening", f"--port={free_ports()[0]}", "--linger=400")
    watch = trap.watch(victim.pid, settle="2s")
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(2, "/700/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.start_flow(500)
    client.run_until(victim.has_ended, "the server to end")
    client.run_for(1000)
    client.stop_flow()
    client.wait_ended()
    tally = client.tally(stop.before_ns, "arriving")
    refused = tally["arriving: idle+refused"]
    assert refused > 200 and sum(tally.values()) - refused > 50, tally

    record = watch.record()
    closed = victim.only("listener_closed")  # to serve who arrives is no answer to the signal
    assert_whole(record, [client], stop, [victim],
                 {"first_action_s": (closed["before_ns"], closed["after_ns"])})
    inbound = record["connections"]["inbound"]
    assert inbound["open_at_signal"] == 4
    assert inbound["late"] + inbound["refused_handshakes"] == sum(tally.values()) - refused
    assert inbound["refused"] == refused
    assert record["outcome"] == "lossy"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["hung", "frozen"])
def test_small_backlog(trap, end):
    """A backlog of 5 and nobody who accepts: 44 of 50 SYNs are dropped, and are no connections.

    hung: the server runs, but does not accept. frozen: SIGSTOP, until SIGKILL ends it.
    """
    victim = trap.server("--backlog=5", *(["--no-accept"] if end == signal.SIGTERM else []))
    watch = trap.watch(victim.pid, settle="2s")
    if end == signal.SIGKILL:
        trap.send(victim.pid, signal.SIGSTOP)
    client = trap.client(victim.port)
    client.silent(50)
    client.run_for(200)
    let_in = [c for c in client.connections if c.established_ns]
    assert len(let_in) == queued(victim.pid, victim.port) == 6
    stop = trap.send(victim.pid, end)
    client.wait_ended()  # of the others the next SYN is refused, a second after the first
    assert client.tally(stop.before_ns) == {"silent: idle+rst": 6, "silent: idle+refused": 44}

    record = watch.record()
    victim.wait()
    assert_agrees(record, client.connections, stop, [victim])
    closed = (stop.before_ns, victim.reaped_ns)
    assert_times(record, {"accepting_s": closed, "drain_s": closed, "in_flight_s": None,
                          "total_s": closed})
    assert outcomes(record) == {"unaccepted": 6}
    assert set(details_of(record)) == {c.local for c in let_in}
    inbound = record["connections"]["inbound"]
    assert (inbound["open_at_signal"], inbound["late"], inbound["refused"]) == (6, 0, 44)
    assert [listener["queued_at_signal"] for listener in record["listeners"]] == [6]


def test_defer_accept(trap):
    """TCP_DEFER_ACCEPT: for the kernel, who is silent has not yet connected.

    The client believes that it has. Its first request after the end is answered by a reset: no
    SYN, so nobody was refused, and nothing on the host tells it from data of long ago.
    """
    victim = trap.victim("listening", f"--port={free_ports()[0]}", "--defer=30", "--pause=200")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    told = [*client.idle(2), *client.in_flight(1, "/300/10")]
    client.wait_taken(victim.pid)
    silent = client.silent(3)
    client.wait_opened()
    assert queued(victim.pid, victim.port) == 0
    stop = trap.send(victim.pid)
    client.wait_ended(told)
    for connection in silent[:2]:
        connection.ask()
    client.wait_ended(silent[:2])
    assert [c.end for c in silent] == ["rst", "rst", "open"]

    record = watch.record()
    assert_whole(record, [client], stop, [victim], absent=silent)
    assert outcomes(record) == {"completed": 1, "idle": 2}
    inbound = record["connections"]["inbound"]
    assert (inbound["open_at_signal"], inbound["late"]) == (3, 0)
    assert [listener["queued_at_signal"] for listener in record["listeners"]] == [0]
    assert record["outcome"] == "clean"


@pytest.mark.parametrize("after_ms", [0, 100])
def test_queued_then_reset(trap, after_ms):
    """In the queue at T0, accepted at once or 100 ms after it, then reset by the peer."""
    victim = trap.victim("listening", f"--port={free_ports()[0]}", f"--late={after_ms}",
                         "--linger=500")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    connections = [*client.silent(1), *client.in_flight(1, "/9000/1")]
    client.wait_opened()
    wait_until(lambda: queued(victim.pid, victim.port) == 2, "2 queued")
    stop = trap.send(victim.pid)
    victim.wait_truth("accepted", 2)
    victim.wait_truth("asked")
    for connection in connections:
        connection.reset()
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"silent: idle+own_rst": 1, "in_flight: none+own_rst": 1}

    record = watch.record()
    victim.wait()
    ends = [(c.ended_ns, victim.only("closed", peer=c.local)["after_ns"]) for c in connections]
    assert_times(record, {**told_times(record, [victim], connections), "drain_s": max(ends),
                          "first_action_s": UNKNOWN, "in_flight_s": UNKNOWN})
    assert outcomes(record) == {"peer_reset": 2}
    assert record["connections"]["inbound"]["open_at_signal"] == 2
    assert set(details_of(record)) == {c.local for c in connections}
    if after_ms:  # else it may have been accepted before anybody could look
        assert_agrees(record, connections, stop)  # who accepted it, no hook can tell
        assert {d["pid"] for d in record["connections"]["details"]} <= {None, victim.pid}
        assert {d["at_signal"] for d in record["connections"]["details"]} == {"queued"}
    assert record["outcome"] == "clean"


def test_socket_activated(trap):
    """Another process holds the listener: who comes meanwhile waits for the next server."""
    activator = trap.victim("activator", free_ports()[0])
    server = activator.wait_truth("serving")[0]["pid"]
    watch = trap.watch(server)
    client = trap.client(activator.port)
    kept = [*client.idle(2), *client.in_flight(1, "/300/10")]
    client.wait_taken(server)
    stop = trap.send(server)
    activator.wait_truth("listener_closed")  # the server accepts nobody any more
    waiting = [*client.in_flight(2, "/0/10"), *client.silent(1)]
    client.wait_ended(kept)
    wait_until(lambda: queued(activator.pid, activator.port) == 3, "3 queued")
    activator.wait_truth("gone", server=server)
    gone_ns = activator.only("gone", server=server)["at_ns"]

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    told = {line["event"]: line for line in map(activator.only, ("listener_closed", "exiting"))}
    assert_times(record, {
        "react_s": (activator.only("signal")["at_ns"],) * 2,
        "accepting_s": None,  # it outlives the service
        "total_s": (told["exiting"]["at_ns"], gone_ns)})
    assert pids(record) == [server]
    assert outcomes(record) == {"completed": 1, "idle": 2, "handed_over": 3}
    assert all(listener["closed_at_s"] is None for listener in record["listeners"])
    assert record["connections"]["inbound"]["refused"] == 0
    assert record["outcome"] == "clean"

    activator.tell(b"\n")
    client.run_until(lambda: all(c.answered for c in waiting if c.asked), "the next server")
    assert listens(activator.pid, activator.port)
    assert [c.end for c in waiting] == ["open"] * 3


def test_reset_before_snapshot(trap):
    """Accepted long ago, reset by the peer after T0, and shutwatch has not come to look yet."""
    victim = trap.server()
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    connections = client.in_flight(3, "/600/1")
    client.wait_taken(victim.pid)
    os.kill(watch.pid, signal.SIGSTOP)
    stop = trap.send(victim.pid)
    for connection in connections[:2]:
        connection.reset()
    victim.wait_truth("closed", 2)
    os.kill(watch.pid, signal.SIGCONT)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"in_flight: none+own_rst": 2, "in_flight: whole+fin": 1}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"peer_reset": 2, "completed": 1}
    assert record["connections"]["inbound"]["in_flight_at_signal"] == 3
