# SPDX-License-Identifier: GPL-2.0-only
"""No room in the kernel: ring buffers of one page, maps that are full, or fill; no memory."""

import json
import signal

from hard.crowd import crowd
from hard.fault import REFUSED, faulty
from kit.clock import wait_until
from kit.sockets import free_ports
from kit.stops import new_comm

_MANY = 3000
_SERVICES = 150
_PAGE = 4096
_FULL = ("members:2", "services:1", "counts:1", "listeners:1", "closed:4")
_FULL_FROZEN = ("counts:4", "closed:8")  # too small for a mass stop
_FROZEN = 20
_WORKERS = 3
_NEWCOMERS = 6
_ROOM = 2    # for them


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


def _frozen_mass(stage, row, count, which):
    """shutwatch does not run while many services stop."""
    comm = new_comm()
    with crowd(stage, count, comm) as services:
        watch = stage.shutwatch("--json", "--settle=500ms", f"--comm={comm}", "-n", count,
                                env=faulty(map=which)).wait_watching()
        stage.send(watch.pid, signal.SIGSTOP)
        services.stop()
        stage.send(watch.pid, signal.SIGCONT)
        services.judge(row, [watch.record(60) for _ in range(count)])


def events_ring(stage, row):
    """One page for the events of many services."""
    _frozen_mass(stage, row, _SERVICES, f"events:{_PAGE}")
    row.require(row.causes["event_ring_full"], "a page was large enough for all events")


def full_mass(which):
    """All that is lost is lost before shutwatch has heard of any of these stops."""
    def attempt(stage, row):
        _frozen_mass(stage, row, _FROZEN, which)
        row.require(sum(row.causes.values()), "there was room for all")
    return attempt


def _prefork(stage, pause_ms=50):
    """A master with workers on one listener, and connections in several states."""
    victim = stage.victim("prefork", _WORKERS, free_ports()[0], pause_ms)
    client = stage.client(victim.port)
    client.idle(20)
    client.wait_taken(victim.pid)
    return victim, client


def _ask(client, victim):
    """What is in flight when the stop comes at once."""
    client.in_flight(5, "/300/10")
    client.wait_taken(victim.pid)


def _watch_two(stage, victim, other, which):
    return stage.shutwatch("--json", "--settle=500ms", "-n", 2, "--pid", victim.pid,
                           "--pid", other.pid, env=faulty(map=which))


def _is_watching(watch):
    return watch.err.wait(lambda line: line.startswith(b"watching"), 30) is not None


def full_map(which):
    """A map that holds next to nothing."""
    def attempt(stage, row):
        victim, client = _prefork(stage)
        watch = _watch_two(stage, victim, stage.server(f"--comm={new_comm()}"), which)
        if not _is_watching(watch):
            row.refused(watch, which)
            return
        _ask(client, victim)
        stop = stage.send(victim.pid)
        client.wait_ended()
        row.judge(watch.record(30), [client], stop)
    return attempt


def _add_worker(stage, victim, number):
    stage.send(victim.pid, signal.SIGTTIN)
    victim.wait_truth("more", number + 1)


def _judge_other(stage, row, watch, other):
    client = stage.client(other.port)
    client.idle(3)
    client.wait_taken(other.pid)
    stop = stage.send(other.pid)
    client.wait_ended()
    row.judge(watch.record(30), [client], stop, [other])


def _members_fill(stage, row, moment):
    """The map has room for the members that there are, and workers are added."""
    victim, client = _prefork(stage, pause_ms=300)
    other = stage.server(f"--comm={new_comm()}")
    watch = _watch_two(stage, victim, other, f"members:{_WORKERS + 2}").wait_watching()
    if moment != "in the stop":
        for number in range(3):
            _add_worker(stage, victim, number)
        client.idle(30)
        client.wait_taken(victim.pid)
    if moment == "before another stop":
        _judge_other(stage, row, watch, other)
    _ask(client, victim)
    stop = stage.send(victim.pid)
    if moment == "in the stop":
        victim.wait_truth("passes_on", _WORKERS)
        _add_worker(stage, victim, 0)
    client.wait_ended()
    victim.wait()
    record = watch.record(30)
    row.judge(record, [client], stop)
    row.require(record["loss"]["by_cause"].get("members_full"), "no worker found the map full")


def members_fill(moment):
    """By a fork before the stop or in it."""
    def attempt(stage, row):
        _members_fill(stage, row, moment)
    return attempt


def _watch_host(stage):
    """Everything that listens, with room for a few services more than there are now."""
    watch = stage.shutwatch("--json").wait_watching()
    count = int(watch.err.so_far()[0].split()[1])
    stage.send(watch.pid)
    watch.wait()
    return stage.shutwatch("--json", "--settle=500ms",
                           env=faulty(map=f"services:{count + _ROOM}")).wait_watching()


def _is_told(watch, pid):
    """A record, or a line that says that there will be none."""
    return any(line.startswith(f"shutwatch: pid {pid} ".encode()) and
               b"its stop is not recorded" in line for line in watch.err.so_far()) or \
        _record_of(watch, pid) is not None


def _record_of(watch, pid):
    return next((record for line in watch.out.so_far() for record in [json.loads(line)]
                 if pid in [process["pid"] for process in record["processes"]]), None)


def services_fill(stage, row):
    """Newcomers listen, under a watch without a target, and there is room for some of them."""
    watch = _watch_host(stage)
    lives = []
    for _ in range(_NEWCOMERS):
        victim = stage.server()
        client = stage.client(victim.port)
        client.idle(3)
        client.wait_taken(victim.pid)
        lives.append((victim, client))
    for victim, client in lives:
        client.in_flight(1, "/300/10")
        client.wait_taken(victim.pid)
        stop = stage.send(victim.pid)
        client.wait_ended()
        victim.wait()
        wait_until(lambda pid=victim.pid: _is_told(watch, pid), "a record, or why there is none")
        record = _record_of(watch, victim.pid)
        if record:
            row.judge(record, [client], stop, [victim])
        else:
            row.note(REFUSED)
    row.require(row.results[REFUSED], "there was room for all newcomers")


def no_tags(stage, row):
    """The kernel has no memory for what is to be noted at a socket (net.core.optmem_max)."""
    netns = stage.netns()
    victim = stage.server(netns=netns)
    client = stage.client(victim.port, netns=netns)
    client.idle(5)
    client.silent(2)
    client.wait_taken(victim.pid)
    watch = stage.watch(victim.pid)
    _ask(client, victim)
    netns.set("net/core/optmem_max", 1)
    stop = stage.send(victim.pid)
    client.wait_ended()
    row.judge(watch.record(30), [client], stop, [victim])
    row.require(row.causes["tag_failed"], "every socket was tagged")


FAULTS = [
    ("ring buffer of one page, details", details_ring),
    ("ring buffer of one page, events", events_ring),
    *[(f"map full: {which}", full_map(which)) for which in _FULL],
    *[(f"map full in a mass stop: {which}", full_mass(which)) for which in _FULL_FROZEN],
    *[(f"map of members fills {moment}", members_fill(moment))
      for moment in ("before the stop", "before another stop", "in the stop")],
    ("map of services fills with newcomers", services_fill),
    ("no memory for the tags of sockets", no_tags),
]
