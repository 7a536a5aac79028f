# SPDX-License-Identifier: GPL-2.0-only
"""Traps about many at once, and about a service that outlives its signal."""

import contextlib

import pytest

from kit.clock import MS, now_ns, wait_until
from kit.daemon import Daemon
from kit.expect import pids, process
from kit.judge import assert_agrees, details_of, outcomes
from kit.sockets import free_ports
from kit.stops import new_comm, servers, targets
from kit.stage import IS_BLIND, KEEP

_SERVICES = 50 if KEEP else 200
_PROCESSES = 20_000
_NOISE_KIB = 256


def test_mass_stop(trap):
    """200 services with two connections each are stopped in the same 100 ms: 200 records."""
    comm = new_comm()
    with servers(free_ports(_SERVICES), comm) as victims:
        ports = [int(victim.args[1].rpartition("=")[2]) for victim in victims]
        watch = trap.watch(f"--comm={comm}", count=_SERVICES)
        clients = [trap.client(port) for port in ports]
        for client in clients:
            client.idle(1)
        opened_ns = now_ns()
        for victim, client in zip(victims, clients):
            client.wait_taken(victim.pid)
        # The answers come after the stops, however slow the machine is: looking at the requests
        # takes as long as looking at the connections did.
        answer_ms = 2000 + 2 * (now_ns() - opened_ns) // MS
        for client in clients:
            client.in_flight(1, f"/{answer_ms}/10")
        for victim, client in zip(victims, clients):
            client.wait_taken(victim.pid)
        stops = {victim.pid: trap.send(victim.pid) for victim in victims}
        moments = [stop.before_ns for stop in stops.values()]
        assert max(moments) - min(moments) < 100 * MS
        for client in clients:
            client.wait_ended(timeout=20 + answer_ms / 1000)
        records = [watch.record(60) for _ in range(_SERVICES)]
    of_pid = {victim.pid: client for victim, client in zip(victims, clients)}
    assert sorted(pid for record in records for pid in pids(record)) == sorted(stops)
    for record in records:
        pid, = pids(record)
        assert_agrees(record, of_pid[pid].connections, stops[pid])
        assert outcomes(record) == {"completed": 1, "idle": 1}
        assert record["complete"] and record["outcome"] == "clean"
    assert len({record["id"] for record in records}) == _SERVICES


def _resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def _entries(daemon):
    """Of all maps but the one that keeps addresses of the past until their room is needed."""
    found = {series: value for series, value in daemon.metrics().items()
             if series.startswith("shutwatch_bpf_map_entries")}
    del found['shutwatch_bpf_map_entries{map="listeners"}']
    return found


@pytest.mark.skipif(IS_BLIND, reason="it is all about shutwatch")
def test_exit_storm(trap):
    """20,000 processes without sockets end well, badly or by TERM: as if they had never been."""
    comm = new_comm()
    with contextlib.closing(Daemon(trap, f"reopen_window: 0s\n{targets(comm)}")) as daemon:
        victim = trap.server(f"--comm={comm}")
        storm = trap.victim("storm", _PROCESSES // 2)
        watch = trap.watch(f"--comm={comm}")
        daemon.start()
        before, resident = _entries(daemon), []
        assert before['shutwatch_bpf_map_entries{map="members"}'] == 1
        for number in (1, 2):  # the first one warms up
            storm.tell(b"\n")
            told = storm.wait_truth("over", number, timeout=120)[-1]
            assert told["processes"] == _PROCESSES // 2
            wait_until(lambda: _entries(daemon) == before, "strangers to be forgotten")
            resident.append(_resident_kib(daemon.pid))
        assert resident[1] - resident[0] <= _NOISE_KIB
        assert daemon.records() == []
        stop = trap.send(victim.pid)
        victim.wait()
        stored, = daemon.wait_records(is_final=True)
        for record in (stored, watch.record()):
            assert pids(record) == [victim.pid]
            assert record["complete"], record["loss"]
            assert record["trigger"]["sender"]["pid"] == stop.sender


def _ends(trap, watch, victim, client, workers):
    """QUIT ends it: what the new workers hold was open at that signal, not late."""
    stop = trap.send(victim.pid, 3)
    client.wait_ended()
    record = watch.record()
    victim.wait()
    assert_agrees(record, client.connections, stop)
    assert record["trigger"]["signal"] == "SIGQUIT"
    assert record["connections"]["inbound"]["late"] == 0
    assert pids(record) == sorted([victim.pid, *workers])
    assert record["outcome"] == "clean"


def test_reload_on_term(trap):
    """TERM makes the master replace its workers; the service serves on, and has not stopped."""
    victim = trap.victim("replacer", 2, free_ports()[0])
    old = [line["pid"] for line in victim.wait_truth("worker", 2)]
    watch = trap.watch(victim.pid, "--patience=2s", count=2)
    client = trap.client(victim.port)
    held = [*client.idle(4), *client.in_flight(2, "/500/10")]
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    victim.wait_truth("worker", 4)
    new = [line["pid"] for line in victim.truth("worker")[2:]]
    client.wait_ended(held)
    victim.wait_truth("worker_gone", 2)
    later = client.idle(3)
    client.wait_taken(victim.pid)
    assert client.tally(stop.before_ns)["in_flight: whole+fin"] == 2

    record = watch.record()
    assert_agrees(record, client.connections, stop, maybe=later)
    details = details_of(record)
    assert {details[c.local]["outcome"] for c in held if c.kind == "idle"} == {"idle"}
    assert {details[c.local]["outcome"] for c in held if c.kind == "in_flight"} == {"completed"}
    assert {details[c.local]["pid"] for c in held} <= set(old)
    for pid in old:
        assert process(record, pid)["exit"]["code"] == 0
    for pid in (victim.pid, *new):
        assert process(record, pid)["exit"] is None
    assert record["timing"]["total_s"] is None and record["timing"]["accepting_s"] is None
    assert [listener["closed_at_s"] for listener in record["listeners"]] == [None]
    assert record["connections"]["inbound"]["aborted"] == 0
    assert record["outcome"] == "draining"

    _ends(trap, watch, victim, client, new)
