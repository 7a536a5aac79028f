# SPDX-License-Identifier: GPL-2.0-only
"""Traps about where a service lives: namespaces, sessions, pids that come back."""

import ctypes
import os
import pathlib

import pytest

from kit.cgroup import Cgroup
from kit.expect import assert_whole, pids, process
from kit.judge import assert_agrees, outcomes
from kit.netns import join_by_veth
from kit.shutwatch import BUILD
from kit.sockets import free_ports
from kit.stops import new_comm
from kit.timing import assert_times, told_times

_CLONE_NEWCGROUP = 0x02000000
_libc = ctypes.CDLL(None, use_errno=True)


def test_pid_reuse(trap):
    """A server ends, and while its record is being made another one gets its pid."""
    comm, ports = new_comm(), free_ports(2)
    reborn = trap.victim("reborn", comm, *ports)
    watch = trap.watch(f"--comm={comm}", count=2)
    stops, clients, served = [], [], []
    for number, port in enumerate(ports, 1):
        served.append(reborn.wait_truth("serving", number)[-1]["pid"])
        clients.append(trap.client(port))
        clients[-1].idle(number)
        clients[-1].in_flight(1, "/200/10")
        clients[-1].wait_taken(reborn.pid)
        stops.append(trap.send(served[-1]))
        clients[-1].wait_ended()
        reborn.wait_truth("gone", port=port)
    assert served[0] == served[1]

    records = [watch.record(), watch.record()]
    for number, (record, client, stop) in enumerate(zip(records, clients, stops), 1):
        assert_agrees(record, client.connections, stop)
        assert pids(record) == [served[0]]
        assert process(record, served[0])["exit"]["code"] == 0
        assert outcomes(record) == {"completed": 1, "idle": number}
        assert [listener["port"] for listener in record["listeners"]] == [ports[number - 1]]
        assert_times(record, {"total_s": [reborn.only(event, port=ports[number - 1])["at_ns"]
                                          for event in ("exiting", "gone")]})
        assert record["outcome"] == "clean"
    started = [process(record, served[0])["started_at"] for record in records]
    assert started[0] < started[1] and records[0]["id"] != records[1]["id"]


def test_other_netns(trap):
    """In network and pid namespaces of its own; the same port is free in ours."""
    netns = trap.netns()
    port, = free_ports()
    outer = trap.python_victim("unshare", "--pid", "--fork", "--kill-child",
                               BUILD / "victims" / "server", f"--port={port}", netns=netns)
    pid, = outer.children()
    watch = trap.watch(pid)
    client, elsewhere = trap.client(port, netns=netns), trap.client(port)
    client.idle(2)
    client.in_flight(1, "/500/10")
    client.wait_taken(pid)
    elsewhere.silent(2)
    elsewhere.wait_ended()
    stop = trap.send(pid)
    outer.wait_truth("listener_closed")
    client.silent(3)
    elsewhere.silent(4)
    client.wait_ended()
    elsewhere.wait_ended()
    outer.wait()
    assert client.tally(stop.before_ns) == {
        "idle: idle+fin": 2, "in_flight: whole+fin": 1, "silent: idle+refused": 3}
    assert elsewhere.tally() == {"silent: idle+refused": 6}

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    assert_times(record, told_times(record, [outer], client.connections))
    assert process(record, pid)["ns_pid"] == 1
    assert outcomes(record) == {"completed": 1, "idle": 2}
    assert record["connections"]["inbound"]["refused"] == 3
    assert record["outcome"] == "lossy"


def test_veth_peers(trap):
    """The client is in another network namespace, over veth: as over loopback."""
    servers, clients = trap.netns(), trap.netns()
    join_by_veth(servers, clients, "10.99.0.1", "10.99.0.2")
    victim = trap.server("--address=10.99.0.1", "--pause=100", netns=servers)
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port, "10.99.0.1", clients)
    client.idle(2)
    late = client.idle(1, after_fin="ask")
    client.half(1)
    client.in_flight(2, "/300/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    victim.wait_truth("listener_closed")
    client.silent(2)
    client.wait_ended()
    assert [c.end for c in late] == ["fin+rst"]
    assert client.tally(stop.before_ns) == {
        "idle: idle+fin": 2, "idle: none+fin+rst": 1, "half: half+fin": 1,
        "in_flight: whole+fin": 2, "silent: idle+refused": 2}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"completed": 2, "cut": 1, "idle": 2, "late_reset": 1}
    assert record["outcome"] == "lossy"


class _Group(Cgroup):
    """One with a name of our choice; the stage's own removes it."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.path = str(path)
        path.mkdir(parents=True)


def _below(parent, group):
    """Before an exec: `parent` becomes the root of all cgroups, as in a machine of its own."""
    def enter():
        pathlib.Path(parent.procs).write_text("0", encoding="ascii")
        if _libc.unshare(_CLONE_NEWCGROUP) < 0:
            raise OSError(ctypes.get_errno(), "unshare")
        pathlib.Path(group.procs).write_text("0", encoding="ascii")
    return enter


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_session_scope(trap, place):
    """A session holds two servers, a client, and shutwatch or not: it is no service."""
    root = pathlib.Path(trap.cgroup.path)
    session = _Group(root / "user.slice/user-0.slice/session-3.scope")
    group = session if place == "inside" else _Group(root / "system.slice/shutwatch.service")
    victim = trap.victim("prefork", 2, free_ports()[0], 0, cgroup=session)
    workers = [line["pid"] for line in victim.wait_truth("worker", 2)]
    other = trap.server(cgroup=session)
    peer = trap.victim("peer", free_ports()[0], victim.port, 2, cgroup=session)
    theirs = {line["local"] for line in peer.wait_truth("held", 2)}
    watch = trap.watch(f"--port={victim.port}", f"--port={other.port}", cgroup=group,
                       before_exec=_below(trap.cgroup, group))
    client, stranger = trap.client(victim.port), trap.client(other.port)
    client.idle(3)
    client.wait_taken(victim.pid)
    stranger.idle(1)
    stranger.wait_taken(other.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    peer.wait_truth("let_go", 2)

    record = watch.record()
    assert_whole(record, [client], stop, [victim], also=theirs)
    service = record["service"]
    assert (service["kind"], service["name"]) == ("tree", "prefork")
    assert service["cgroup"] == "/user.slice/user-0.slice/session-3.scope"
    assert service["unit"] is None
    assert pids(record) == sorted([victim.pid, *workers])
    assert outcomes(record) == {"idle": 5}
    assert outcomes(record, "outbound") == {}
    assert record["outcome"] == "clean"
    assert os.path.exists(f"/proc/{other.pid}") and stranger.connections[0].end == "open"
