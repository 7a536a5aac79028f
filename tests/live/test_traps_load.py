# SPDX-License-Identifier: GPL-2.0-only
"""Traps that need many connections at once."""

import contextlib

import pytest

from kit.expect import assert_whole
from kit.judge import DIRECTIONS, assert_agrees, outcomes
from kit.netns import join_by_veth
from kit.shutwatch import BUILD
from kit.stage import KEEP

_MANY = 2500 if KEEP else 6000  # of a recording each connection is a line
_SOME = 5000


@contextlib.contextmanager
def _loopback(stage):
    victim = stage.server()
    yield victim, stage.client(victim.port)


@contextlib.contextmanager
def _veth(stage):
    servers, clients = stage.netns(), stage.netns()
    join_by_veth(servers, clients, "10.99.0.1", "10.99.0.2")
    victim = stage.server("--address=10.99.0.1", netns=servers)
    yield victim, stage.client(victim.port, "10.99.0.1", clients)


@pytest.mark.parametrize("place", [_loopback, _veth], ids=["loopback", "veth"])
def test_nested_softirq(trap, place):
    """Thousands of connections closed at once: packets interrupt the programs on their owner."""
    with place(trap) as (victim, client):
        client.silent(_MANY)
        client.wait_taken(victim.pid, 60)
        watch = trap.watch(victim.pid, "--details", "all")
        stop = trap.send(victim.pid)
        client.wait_ended(timeout=30)
        assert client.tally(stop.before_ns) == {"silent: idle+fin": _MANY}

        record = watch.record(30)
        assert_whole(record, [client], stop, [victim])
        assert outcomes(record) == {"idle": _MANY}
        assert record["connections"]["inbound"]["open_at_signal"] == _MANY
        assert len(record["connections"]["details"]) == _MANY


def test_ring_full(trap):
    """A ring buffer of one page for the details: the counts are exact all the same."""
    victim = trap.server()
    client = trap.client(victim.port)
    client.silent(_SOME)
    client.wait_taken(victim.pid, 60)
    watch = trap.watch(victim.pid, "--details", "all", "--ring-size", "4096")
    stop = trap.send(victim.pid)
    client.wait_ended(timeout=30)
    assert client.tally(stop.before_ns) == {"silent: idle+fin": _SOME}

    record = watch.record(30)
    connections = record["connections"]
    assert outcomes(record) == {"idle": _SOME}
    assert connections["inbound"]["open_at_signal"] == _SOME
    assert record["complete"] is False
    assert record["loss"]["by_cause"]["detail_ring_full"] > 0
    total = sum(sum(outcomes(record, direction).values()) for direction in DIRECTIONS)
    assert len(connections["details"]) + connections["details_omitted"] == total
    assert connections["details_omitted"] > 0
    assert_agrees(record, client.connections, stop, [victim])


def test_looked_at(trap):
    """Somebody lists the files of the service while it closes them: a bystander, no new owner."""
    victim = trap.server()
    client = trap.client(victim.port)
    client.silent(_SOME)
    client.wait_taken(victim.pid, 60)
    watch = trap.watch(victim.pid, "--details", "all")
    for _ in range(2):
        trap.python_victim(BUILD / "victims" / "looker", victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended(timeout=30)

    record = watch.record(30)
    assert_agrees(record, client.connections, stop, [victim])
    assert outcomes(record) == {"idle": _SOME}
