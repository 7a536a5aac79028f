# SPDX-License-Identifier: GPL-2.0-only
"""Traps about services that are clients of others."""

import pytest

from kit.expect import assert_whole, process
from kit.judge import assert_agrees, details_of, outcomes
from kit.shutwatch import BUILD
from kit.stops import new_comm
from kit.timing import assert_times


def test_outbound_pool(trap):
    """A server exits without closing its three connections to a database."""
    database = trap.server()
    victim = trap.server(f"--pool={database.port}:3")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(1, "/200/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    held = {line["local"] for line in victim.all_truth("held")}
    database.wait_truth("closed", 3)

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"idle": 2, "completed": 1}
    assert outcomes(record, "outbound") == {"left_open": 3}
    assert set(details_of(record, "outbound")) == held
    assert {d["closed_by"] for d in details_of(record, "outbound").values()} == {"exit"}
    assert record["connections"]["outbound"]["open_at_signal"] == 3
    assert record["connections"]["outbound"]["aborted"] == 0
    assert record["outcome"] == "clean"


@pytest.mark.parametrize("how", ["pid", "comm"])
def test_no_listener_worker(trap, how):
    """A worker with three connections to a queue and no listener, watched by pid or by name."""
    broker = trap.server()
    program = trap.directory / new_comm()
    program.symlink_to(BUILD / "victims" / "peer")
    worker = trap.python_victim(program, 0, broker.port, 3)
    held = {line["local"] for line in worker.truth("held")}
    watch = trap.watch(worker.pid) if how == "pid" else trap.watch("--comm", program.name)
    stop = trap.send(worker.pid)
    worker.wait()
    broker.wait_truth("closed", 3)

    record = watch.record()
    assert_agrees(record, [], stop)
    told = worker.only("signal")["at_ns"]
    first = worker.all_truth("let_go")[0]
    end = (worker.only("exiting")["at_ns"], worker.reaped_ns)
    assert_times(record, {"react_s": (told, told), "accepting_s": None, "in_flight_s": None,
                          "drain_s": None, "total_s": end,
                          "first_action_s": (first["before_ns"], first["after_ns"])})
    assert record["listeners"] == []
    assert outcomes(record) == {}
    assert outcomes(record, "outbound") == {"idle": 3}
    assert set(details_of(record, "outbound")) == held
    assert process(record, worker.pid)["exit"]["code"] == 0
    assert record["outcome"] == "clean"
