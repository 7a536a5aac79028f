# SPDX-License-Identifier: GPL-2.0-only
"""Hard times that must not bring a wrong figure; the long table is `make faults`."""

import os
import signal

import pytest

from hard import kernel_faults
from hard.fault import Row, faulty
from kit.judge import assert_agrees, outcomes
from kit.shutwatch import BUILD, FINE
from kit.sockets import free_ports
from kit.stops import new_comm


@pytest.mark.parametrize("name", [
    "map full in a mass stop: counts:4",
    "map of members fills before another stop",
    "map of members fills in the stop",
    "map of services fills with newcomers",
])
def test_no_room(stage, name):
    """Rows of the table that once said "complete" of a wrong figure, or nothing at all."""
    row = Row(name)
    dict(kernel_faults.FAULTS)[name](stage, row)
    assert not row.wrong
    assert row.results


def test_closed_by_a_look(stage):
    """The last reference to each connection goes in somebody's look, before the snapshot."""
    port, = free_ports()
    looker = stage.victim("passer", "drop", f"shutwatch-{port}")
    victim = stage.victim("passer", "give", f"shutwatch-{port}", port)
    client = stage.client(port)
    client.idle(3)
    client.in_flight(1, "/60000/10")
    client.silent(2)
    client.wait_taken(victim.pid)
    watch = stage.watch(victim.pid)
    os.kill(watch.pid, signal.SIGSTOP)
    stop = stage.send(victim.pid)
    victim.wait()
    os.kill(looker.pid, signal.SIGUSR1)
    client.wait_ended()
    assert looker.wait() == FINE
    os.kill(watch.pid, signal.SIGCONT)

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    assert outcomes(record) == {"left_open": 5, "abandoned": 1}
    assert {detail["pid"] for detail in record["connections"]["details"]} == {None}
    assert record["complete"] is True


def test_listener_closes_without_entry(stage):
    """Another address has displaced that of the service, which closes it before the snapshot."""
    victim = stage.server()
    client = stage.client(victim.port)
    client.idle(3)
    client.wait_taken(victim.pid)
    other = stage.server(f"--comm={new_comm()}")
    watch = stage.watch(victim.pid, other.pid, env=faulty(map="listeners:1"))
    os.kill(watch.pid, signal.SIGSTOP)
    stop = stage.send(victim.pid)
    client.wait_ended()
    victim.wait()
    os.kill(watch.pid, signal.SIGCONT)

    record = watch.record()
    assert record["trigger"]["sender"]["pid"] == stop.sender
    assert record["complete"] is False
    assert record["loss"]["by_cause"]["listeners_full"] > 0


def test_three_collectors(stage):
    """They tag the same sockets at the same moment; only one of them is the first on a socket."""
    victim = stage.server()
    client = stage.client(victim.port)
    client.silent(4000)
    client.wait_taken(victim.pid, 60)
    watches = [stage.watch(victim.pid) for _ in range(3)]
    stop = stage.send(victim.pid)
    client.wait_ended(timeout=30)

    for watch in watches:
        assert_agrees(watch.record(30), client.connections, stop, [victim])


def test_sanitized(stage):
    """The collector itself under ASan, LeakSanitizer and UBSan: a real stop of every kind."""
    victim = stage.server()
    client = stage.client(victim.port)
    client.idle(5)
    client.in_flight(2, "/300/10")
    client.half(2)
    client.silent(3)
    client.wait_taken(victim.pid)
    watch = stage.watch(victim.pid, "--details", "all", program=BUILD / "san" / "shutwatch")
    stop = stage.send(victim.pid)
    client.run_for(100)
    client.silent(2)
    client.wait_ended()
    victim.wait()

    assert_agrees(watch.record(30), client.connections, stop, [victim])
    assert watch.err.all() == [b"watching 1 service\n"]
