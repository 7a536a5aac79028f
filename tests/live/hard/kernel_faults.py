# SPDX-License-Identifier: GPL-2.0-only
"""No room in the kernel: ring buffers of one page, maps that are full."""

import signal

from hard.fault import faulty
from kit.shutwatch import BUILD
from kit.sockets import free_ports
from kit.stops import new_comm, servers

_MANY = 3000
_SERVICES = 150
_PAGE = 4096
_FULL = ("members:2", "services:1", "counts:1", "listeners:1", "closed:4")
_WORKERS = 3


def details_ring(stage, row):
    """One page for the details of thousands of connections that close at once."""
    victim = stage.server()
    client = stage.client(victim.port)
    client.silent(_MANY)
    client.wait_taken(victim.pid, 60)
    watch = stage.watch(victim.pid, f"--ring-size={_PAGE}")
    stop = stage.send(victim.pid)
    client.wait_ended(timeout=30)
    record = watch.record(30)
    row.judge(record, [client], stop, [victim])
    inbound = record["connections"]["inbound"]
    row.require(sum(inbound["outcomes"].values()) == inbound["open_at_signal"] == _MANY,
                f"the counts are not exact: {inbound}")
    row.require(not record["complete"], "a page was large enough for all details")


def events_ring(stage, row):
    """One page for the events, and shutwatch does not run while many services stop."""
    comm = new_comm()
    with servers([0] * _SERVICES, comm) as victims:
        watch = stage.shutwatch("--json", "--settle=500ms", f"--comm={comm}", "-n", _SERVICES,
                                env=faulty(map=f"events:{_PAGE}")).wait_watching()
        stage.send(watch.pid, signal.SIGSTOP)
        stops = {victim.pid: stage.send(victim.pid) for victim in victims}
        for victim in victims:
            victim.wait()
        stage.send(watch.pid, signal.SIGCONT)
        records = [watch.record(60) for _ in victims]
    for record in records:
        row.judge(record, [], stops.pop(record["processes"][0]["pid"], None))
    row.require(not stops, f"{len(stops)} services have no record")
    row.require(row.causes["event_ring_full"], "a page was large enough for all events")


def _prefork(stage):
    """A master with workers on one listener, and connections in several states."""
    victim = stage.victim("prefork", _WORKERS, free_ports()[0], 50)
    client = stage.client(victim.port)
    client.idle(20)
    client.in_flight(5, "/300/10")
    client.wait_taken(victim.pid)
    return victim, client


def _full_map(stage, row, which):
    victim, client = _prefork(stage)
    other = stage.server(f"--comm={new_comm()}")
    watch = stage.shutwatch("--json", "--settle=500ms", "-n", 1, "--pid", victim.pid,
                            "--pid", other.pid, env=faulty(map=which))
    if watch.err.wait(lambda line: line.startswith(b"watching"), 30) is None:
        row.refused(watch, which)
        return
    stop = stage.send(victim.pid)
    client.wait_ended()
    row.judge(watch.record(30), [client], stop)


def full_map(which):
    """A map that holds next to nothing."""
    def attempt(stage, row):
        _full_map(stage, row, which)
    return attempt


FAULTS = [
    ("ring buffer of one page, details", details_ring),
    ("ring buffer of one page, events", events_ring),
    *[(f"map full: {which}", full_map(which)) for which in _FULL],
]
