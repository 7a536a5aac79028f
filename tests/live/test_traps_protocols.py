# SPDX-License-Identifier: GPL-2.0-only
"""Traps about what is spoken: MPTCP, HTTP/2, Unix sockets."""

import os
import signal
import socket

from kit import http2
from kit.clock import CAUSALITY_NS, now_ns, wait_until
from kit.expect import assert_whole, pids, process, signals
from kit.judge import assert_agrees, at_ns, outcomes
from kit.shutwatch import ROOT
from kit.sockets import free_ports, queued
from kit.timing import assert_times


def test_mptcp_listener(trap):
    """The server listens with MPTCP, its clients speak plain TCP: as with TCP."""
    victim = trap.victim("listening", f"--port={free_ports()[0]}", "--mptcp", "--pause=200")
    watch = trap.watch(victim.pid, settle="1s")
    client = trap.client(victim.port)
    client.idle(2)
    client.half(1)
    client.in_flight(1, "/300/10")
    client.wait_taken(victim.pid)
    client.run_for(50)  # so that none of it is close to T0
    stop = trap.send(victim.pid)
    victim.wait_truth("listener_closed")
    client.silent(2)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {
        "idle: idle+fin": 2, "half: half+fin": 1, "in_flight: whole+fin": 1,
        "silent: idle+refused": 2}
    victim.wait()
    before_ns = now_ns()
    trap.victim("listening", f"--port={victim.port}", "--mptcp")
    after_ns = now_ns()

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"completed": 1, "cut": 1, "idle": 2}
    listener, = record["listeners"]
    assert (listener["family"], listener["port"]) == ("inet", victim.port)
    assert before_ns <= at_ns(record, listener["reopened_at_s"]) <= after_ns + CAUSALITY_NS
    assert record["outcome"] == "lossy"


def test_mptcp_queued(trap):
    """The same with clients in the accept queue, which is that of the TCP listener inside."""
    victim = trap.victim("listening", f"--port={free_ports()[0]}", "--mptcp", "--late=1")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.silent(3)
    client.wait_opened()
    wait_until(lambda: queued(victim.pid, victim.port) == 3, "3 queued")
    stop = trap.send(victim.pid, signal.SIGKILL)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"silent: idle+rst": 3}

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    assert outcomes(record) == {"unaccepted": 3}
    assert record["connections"]["inbound"]["open_at_signal"] == 3
    assert [(listener["port"], listener["queued_at_signal"]) for listener in record["listeners"]] \
        == [(victim.port, 3)]
    assert record["outcome"] == "forced"


def test_http2_idle(trap):
    """HTTP/2, all is answered; the last frames were the client's WINDOW_UPDATE or PING's ACK."""
    victim = trap.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/h2_server.py",
                                free_ports()[0])
    watch = trap.watch(victim.pid, "--multiplexed")
    client = trap.client(victim.port)
    client.idle(3, make=http2.Http2Connection)
    client.wait_taken(victim.pid)
    client.run_for(50)  # jiffies later: bytes would now say "a request without its answer"
    for connection in client.connections:
        connection.update_window()
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 3}

    record = watch.record()
    assert set(outcomes(record)) <= {"undecided", "idle"}
    assert record["connections"]["inbound"]["open_at_signal"] == 3
    assert record["connections"]["inbound"]["in_flight_at_signal"] == 0
    assert record["connections"]["inbound"]["aborted"] == 0
    assert record["connections"]["inbound"]["undecided"] == outcomes(record).get("undecided", 0)
    assert sum(outcomes(record).values()) == 3
    assert record["outcome"] == "clean"


def test_unix_listener(trap):
    """A server on a Unix socket only: signals and times are told, connections are not known."""
    path = str(trap.directory / "socket")
    victim = trap.victim("local", path)
    watch = trap.watch(victim.pid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(path)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        victim.wait_truth("accepted")
        stop = trap.send(victim.pid)
        assert client.recv(1) == b""
    victim.wait()

    record = watch.record()
    signalled = victim.only("signal")["at_ns"]
    assert_times(record, {
        "react_s": (signalled, signalled), "drain_s": None, "in_flight_s": None,
        "total_s": (victim.only("exiting")["at_ns"], victim.reaped_ns)})
    assert pids(record) == [victim.pid]
    assert signals(record, victim.pid) == [("SIGTERM", os.getpid(), "delivered", "handler")]
    assert process(record, victim.pid)["exit"]["code"] == 0
    listener, = record["listeners"]
    assert (listener["family"], listener["port"]) == ("unix", None)
    assert record["connections"] is None
    assert record["trigger"]["sender"]["pid"] == stop.sender
    assert record["outcome"] == "clean"
