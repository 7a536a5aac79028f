# SPDX-License-Identifier: GPL-2.0-only
"""Traps about which processes and sides a connection and a shutdown belong to."""

import os

import pytest

from kit.clock import wait_until
from kit.expect import assert_whole, pids, process, signals
from kit.judge import assert_agrees, details_of, outcomes, t0_ns
from kit.sockets import free_ports, server_side
from kit.timing import assert_times, told_times


def _state(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2][:1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_leader_exits_first(trap, when):
    """The main thread ends, a worker thread serves on; watched before or after that."""
    victim = trap.server("--stop=leader", "--pause=100")
    watch = trap.watch(victim.pid) if when == "before" else None
    client = trap.client(victim.port)
    idle, = client.idle(1)
    client.wait_taken(victim.pid)
    victim.tell()
    wait_until(lambda: _state(victim.pid) == b"Z", "the leader to be a zombie")
    watch = watch or trap.watch(victim.pid)
    idle.ask()
    client.in_flight(1, "/300/10")
    client.run_until(lambda: idle.answered == 2, "an answer by the other thread")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert record["trigger"]["kind"] == "signal"
    assert pids(record) == [victim.pid]
    assert process(record, victim.pid)["exit"]["code"] == 0
    assert outcomes(record) == {"completed": 1, "idle": 1}
    assert record["outcome"] == "clean"


def test_prefork_shared_listener(trap):
    """A master and three workers on one listener, TERM to the master: one shutdown."""
    victim = trap.victim("prefork", 3, free_ports()[0], 50)
    workers = {line["pid"] for line in victim.wait_truth("worker", 3)}
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(6)
    client.silent(3)
    client.in_flight(3, "/300/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {
        "idle: idle+fin": 6, "silent: idle+fin": 3, "in_flight: whole+fin": 3}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert pids(record) == sorted([victim.pid, *workers])
    assert [s[:2] for s in signals(record, victim.pid)] == [("SIGTERM", os.getpid())]
    for worker in workers:
        assert [s[:2] for s in signals(record, worker)] == [("SIGTERM", victim.pid)]
    assert len(record["listeners"]) == 1
    assert outcomes(record) == {"completed": 3, "idle": 9}
    assert record["outcome"] == "clean"


def _serve_by_both(victim, client, workers):
    """Connections one by one until each worker holds two."""
    def held(worker):
        return len(victim.truth("accepted", pid=worker))

    while min(map(held, workers)) < 2:
        assert len(client.connections) < 500, "one worker takes them all"
        client.idle(1)
        client.wait_taken(victim.pid)
        victim.wait_truth("accepted", len(client.connections))


def test_surviving_worker(trap):
    """One of two workers is stopped; the other keeps the shared listener and accepts on."""
    victim = trap.victim("prefork", 2, free_ports()[0], 0)
    worker, survivor = [line["pid"] for line in victim.wait_truth("worker", 2)]
    watch = trap.watch(victim.pid, "--patience", "2s", count=2)
    client = trap.client(victim.port)
    _serve_by_both(victim, client, [worker, survivor])
    theirs = {line["peer"] for line in victim.truth("accepted", pid=worker)}
    before = list(client.connections)
    stop = trap.send(worker)
    client.wait_ended([c for c in before if c.local in theirs])
    victim.wait_truth("worker_gone", worker=worker)
    later = client.idle(3)
    client.wait_taken(victim.pid)

    record = watch.record()
    maybe = [c for c in before if c.local not in theirs]
    assert_agrees(record, client.connections, stop, maybe=maybe, absent=later)
    assert outcomes(record)["idle"] == len(theirs)
    assert outcomes(record).get("open", 0) in (0, len(maybe))
    assert record["connections"]["inbound"]["late"] == 0
    assert record["timing"]["accepting_s"] is None
    assert record["outcome"] == "partial"

    _stop_survivor(trap, watch, victim, client, survivor)


def _stop_survivor(trap, watch, victim, client, survivor):
    """Then the rest is stopped: what came in between was open at that signal, not late."""
    stop = trap.send(victim.pid)
    client.wait_ended()
    record = watch.record()
    victim.wait()
    assert_agrees(record, client.connections, stop)
    assert record["connections"]["inbound"]["late"] == 0
    assert process(record, survivor)["exit"]["code"] == 0
    assert set(outcomes(record)) == {"idle"}
    assert record["outcome"] == "clean"


class _Pair:
    """A server, a second one that nobody watches, and a peer with connections to both."""

    def __init__(self, trap):
        own, = free_ports()
        self.server = trap.server()
        self.other = trap.server()
        self.peer = trap.victim("peer", own, self.server.port, 3, self.other.port, 2)
        self.to_server = self._held(self.server)
        self.to_other = self._held(self.other)
        wait_until(self._is_settled, "the answers to be acknowledged")

    def _held(self, server):
        return {line["local"] for line in self.peer.truth("held", port=server.port)}

    def _is_settled(self):
        sockets = server_side(self.server.pid, self.server.port)
        return not any(sockets[name].unacked for name in self.to_server)


def test_loopback_peer(trap):
    """Server and client are both watched on one host, and stopped one after the other."""
    pair = _Pair(trap)
    watch = trap.watch(pair.server.pid, pair.peer.pid, count=2)
    client = trap.client(pair.server.port)
    client.idle(2)
    client.wait_taken(pair.server.pid)
    stop = trap.send(pair.server.pid)
    client.wait_ended()
    pair.peer.wait_truth("let_go", 3)

    record = watch.record()
    pair.server.wait()
    assert_agrees(record, client.connections, stop, [pair.server], also=pair.to_server)
    times = told_times(record, [pair.server], client.connections)
    assert_times(record, times)
    assert pids(record) == [pair.server.pid]
    assert outcomes(record) == {"idle": 5}
    assert outcomes(record, "outbound") == {}

    stop = trap.send(pair.peer.pid)
    record = watch.record()
    pair.peer.wait()
    assert_agrees(record, [], stop)
    assert pids(record) == [pair.peer.pid]
    assert outcomes(record) == {}
    assert outcomes(record, "outbound") == {"idle": 2}
    assert set(details_of(record, "outbound")) == pair.to_other


def test_loopback_peer_together(trap):
    """The same, stopped at the same moment: each end of a connection is in its own record."""
    pair = _Pair(trap)
    watch = trap.watch(pair.server.pid, pair.peer.pid, count=2)
    stops = {pid: trap.send(pid) for pid in (pair.server.pid, pair.peer.pid)}

    records = {pids(record)[0]: record for record in (watch.record(), watch.record())}
    assert set(records) == set(stops)
    server, peer = records[pair.server.pid], records[pair.peer.pid]
    assert_agrees(server, [], stops[pair.server.pid], also=pair.to_server)
    assert_agrees(peer, [], stops[pair.peer.pid])
    assert set(outcomes(server)) <= {"idle", "peer_closed"}
    assert outcomes(server, "outbound") == outcomes(peer) == {}
    assert set(outcomes(peer, "outbound")) <= {"idle", "peer_closed"}
    # those that the server closed before the second signal are gone by then
    t0 = t0_ns(peer)
    let_go = pair.peer.all_truth("let_go")
    assert {line["peer"] for line in let_go} == pair.to_server | pair.to_other
    found = set(details_of(peer, "outbound"))
    assert {line["peer"] for line in let_go if line["before_ns"] > t0} <= found
    assert found <= {line["peer"] for line in let_go if line["after_ns"] > t0}
