# SPDX-License-Identifier: GPL-2.0-only
"""Traps that need many connections at once."""

import contextlib
import pathlib

import pytest

from kit.expect import assert_whole
from kit.judge import DIRECTIONS, assert_agrees, outcomes
from kit.netns import join_by_veth
from kit.shutwatch import BUILD
from kit.stage import IS_BLIND, KEEP

_MANY = 2500 if KEEP else 6000  # of a recording each connection is a line
_SOME = 5000
_TRIES = 1 if KEEP else 5  # until an interrupt comes at the right moment
_NESTED = ("nested_packet", "nested_reset", "nested_other")


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


def _misses(watch):
    """How many runs of its programs the kernel has dropped, since they were nested."""
    count = 0
    if IS_BLIND:
        return count
    for info in pathlib.Path(f"/proc/{watch.pid}/fdinfo").iterdir():
        for line in info.read_text(encoding="ascii").splitlines():
            if line.startswith("recursion_misses:"):
                count += int(line.split()[1])
    return count


def _stop_many(trap, victim, client):
    """Returns how many nested runs the record tells of."""
    client.silent(_MANY)
    client.wait_taken(victim.pid, 60)
    watch = trap.watch(victim.pid, "--details", "all")
    stop = trap.send(victim.pid)
    before = _misses(watch)
    client.wait_ended(timeout=30)
    counted = _misses(watch) - before
    assert client.tally(stop.before_ns) == {"silent: idle+fin": _MANY}

    record = watch.record(30)
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"idle": _MANY}
    assert record["connections"]["inbound"]["open_at_signal"] == _MANY
    assert len(record["connections"]["details"]) == _MANY
    told = sum(record["loss"]["by_cause"].get(cause, 0) for cause in _NESTED)
    assert told >= counted
    return told


@pytest.mark.parametrize("place", [_loopback, _veth], ids=["loopback", "veth"])
def test_nested_softirq(trap, place):
    """Thousands of connections closed at once: packets interrupt the programs on their owner."""
    for _ in range(_TRIES):
        with place(trap) as (victim, client):
            if _stop_many(trap, victim, client) > 0 or KEEP:
                return
    pytest.skip(f"no nested run in {_TRIES} stops with {_MANY} connections each: all sums were "
                "right, but that they are reconciled is not shown")


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
