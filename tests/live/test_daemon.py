# SPDX-License-Identifier: GPL-2.0-only
"""The daemon lives, dies and lives again: no shutdown is lost, whatever happens to it."""

import contextlib
import os
import pathlib
import random
import signal
import sqlite3
import subprocess

import pytest

from kit.clock import wait_until
from kit.daemon import Daemon, busy_server
from kit.expect import assert_whole
from kit.judge import assert_agrees
from kit.shutwatch import FAILED

APPS = pathlib.Path(__file__).parent / "apps"


@pytest.fixture
def daemon(stage):
    """Started, with a reopen window of a second."""
    made = Daemon(stage, "reopen_window: 1s\n")
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def seeing_daemon(stage):
    """The same without a target: a service that has ended is not known to be one."""
    made = Daemon(stage, "reopen_window: 1s\n", sees_all=True)
    try:
        yield made.start()
    finally:
        made.close()


def test_record_is_stored(daemon, stage):
    """The way of a record: provisional when the last process has ended, final after the window."""
    victim, client = busy_server(stage)
    stop = stage.send(victim.pid)
    client.wait_ended()
    first = daemon.wait_records()[0]
    last = daemon.wait_records(is_final=True)[0]
    assert first["id"] == last["id"] and len(daemon.records()) == 1
    assert_whole(last, [client], stop, [victim])
    assert last["complete"]
    said = daemon.wait_log("shutdown")
    assert said["id"] == last["id"] and said["outcome"] == last["outcome"]


def test_refused_in_the_window(daemon, stage):
    """Who comes after the end is still counted, and the port that opens again ends the wait."""
    daemon.write_config("reopen_window: 30s\n")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    victim, client = busy_server(stage)
    stop = stage.send(victim.pid)
    client.wait_ended()
    first = daemon.wait_records()[0]
    assert first["provisional"] and first["timing"]["dark_s"] is None
    late = stage.client(victim.port)
    late.open("refused", 5)
    late.wait_ended()
    again = stage.server(port=victim.port)
    last = daemon.wait_records(is_final=True)[0]
    assert last["connections"]["inbound"]["refused"] == 5
    assert last["outcome"] == "lossy" and last["id"] == first["id"]
    assert last["listeners"][0]["reopened_at_s"] == pytest.approx(
        last["listeners"][0]["closed_at_s"] + last["timing"]["dark_s"], abs=1e-6)
    assert_agrees(last, client.connections + late.connections, stop, [victim])
    again.kill()


def test_killed_at_any_moment(daemon, stage):
    """kill -9 at 20 random instants of a drain, started again at once: one whole record each."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for number in range(1, 21):
        victim, client = busy_server(stage)
        stop = stage.send(victim.pid)
        client.run_for(chance.randrange(0, 700))
        daemon.kill()
        daemon.start()
        client.wait_ended()
        victim.wait()
        records = daemon.wait_records(number, is_final=True)
        assert len(records) == number
        assert records[-1]["complete"], records[-1]["loss"]
        assert_whole(records[-1], [client], stop, [victim])


def test_dead_during_the_whole_stop(daemon, stage):
    """It dies before the signal and lives again after the end: what the kernel kept is whole,
    except that nobody was there to look at the open connections."""
    victim, client = busy_server(stage)
    # Had it not come to look at who began to listen, nobody could tell whose shutdown it was.
    wait_until(lambda: daemon.metrics()["shutwatch_services_watched"] == 1, "it to be watched")
    daemon.kill()
    stop = stage.send(victim.pid)
    client.wait_ended()
    victim.wait()
    daemon.start()
    record = daemon.wait_records(is_final=True)[0]
    assert record["trigger"]["signal"] == "SIGTERM"
    assert record["trigger"]["sender"]["pid"] == stop.sender
    assert record["timing"]["total_s"] == pytest.approx(
        (victim.reaped_ns - stop.before_ns) / 1e9, abs=0.2)
    inbound = record["connections"]["inbound"]
    assert inbound["open_at_signal"] + inbound["late"] == len(client.connections)


def test_lives_again_in_the_middle(seeing_daemon, stage):
    """Started and told to stop while no daemon lived; the next one finds it without a listener."""
    seeing_daemon.kill()
    victim, client = busy_server(stage, 1500)
    stop = stage.send(victim.pid)
    client.run_for(300)
    seeing_daemon.start()
    client.wait_ended()
    victim.wait()
    record = seeing_daemon.wait_records(
        is_final=True, ready=lambda record: record["processes"][0]["pid"] == victim.pid)[0]
    assert_agrees(record, client.connections, stop, [victim])
    assert record["complete"]
    assert record["processes"][0]["exit"]["code"] == 0


def test_term_keeps_the_recorder(daemon, stage):
    """SIGTERM during a drain: what is known is stored at once, and made whole by the next one."""
    victim, client = busy_server(stage, 1500)
    stop = stage.send(victim.pid)
    client.run_for(300)
    assert daemon.stop() < 1
    held = daemon.records()
    assert [r["outcome"] for r in held] == ["draining"] and held[0]["provisional"]
    daemon.start()
    client.wait_ended()
    record = daemon.wait_records(is_final=True)[0]
    assert record["id"] == held[0]["id"]
    assert_whole(record, [client], stop, [victim])


def test_taken_over_while_services_stop(seeing_daemon, stage):
    """Four daemons follow each other while 60 services stop, one after the other: one whole
    record each. New programs take over from the old ones that often."""
    daemon = seeing_daemon
    taken_over = set(_instances(daemon))
    stopped = []
    for number in range(60):
        if number % 15 == 7:
            daemon.stop()
        if number % 15 == 10:
            daemon.start()
            taken_over |= set(_instances(daemon))
            assert len(_instances(daemon)) == 1
        victim, client = stage.server(), None
        client = stage.client(victim.port)
        client.idle(2)
        client.in_flight(1, "/20/10")
        client.wait_taken(victim.pid)
        stop = stage.send(victim.pid)
        client.wait_ended()
        victim.wait()
        stopped.append((victim, client, stop))
    pids = [victim.pid for victim, _, _ in stopped]
    records = daemon.wait_records(len(stopped), is_final=True, timeout=30,
                                  ready=lambda record: record["processes"][0]["pid"] in pids)
    assert len(taken_over) == 5
    assert [record["processes"][0]["pid"] for record in records] == pids
    for record, (victim, client, stop) in zip(records, stopped):
        assert record["complete"], record["loss"]
        assert_agrees(record, client.connections, stop, [victim])


def _instances(daemon):
    """Of the programs that are pinned."""
    return {path.name.split("-")[0] for path in pathlib.Path(daemon.pins).rglob("links/*")}


def test_told_once(daemon, stage):
    """What one daemon has logged, counted and stored, the next one does not repeat."""
    daemon.write_config("reopen_window: 3s\n")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    for number in range(3):
        victim, client = busy_server(stage, 100)
        stage.send(victim.pid)
        client.wait_ended()
        daemon.wait_records(number + 1)
    daemon.wait_records(1, is_final=True)
    for end in (daemon.stop, daemon.kill):
        end()  # one or two records are still provisional
        daemon.start()
        assert len(daemon.wait_records(3, is_final=True)) == 3
        metrics = daemon.metrics()
        assert not any(value for name, value in metrics.items()
                       if name.startswith(("shutwatch_shutdowns_total",
                                           "shutwatch_shutdowns_in_progress")))
        assert not [line for line in daemon.log() if line["msg"] == "shutdown"]


def test_orphaned_provisional_record(daemon, stage):
    """The recorder is removed while a record may still change: the record is final then."""
    daemon.write_config("reopen_window: 600s\n")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    victim, client = busy_server(stage, 100)
    stage.send(victim.pid)
    client.wait_ended()
    assert daemon.wait_records()[0]["provisional"]
    daemon.stop()
    daemon.start()
    # What the store held is final at first; the one that goes on is stored anew.
    assert daemon.wait_records(ready=lambda record: record["provisional"])
    daemon.stop()
    daemon.unpin()
    daemon.start()
    assert len(daemon.wait_records(is_final=True)) == 1


def test_listener_flood(stage):
    """Somebody opens and closes listeners without end: stops are recorded, SIGTERM is heard."""
    made = Daemon(stage, "reopen_window: 0s\n")
    try:
        made.start()
        flood = stage.python_victim("/usr/bin/python3", APPS / "churn.py",
                                    cgroup=stage.subgroup())
        victim, client = busy_server(stage)
        stop = stage.send(victim.pid)
        client.wait_ended()
        flood.wait_truth("churned")
        record = made.wait_records(is_final=True, ready=lambda record: any(
            process["pid"] == victim.pid for process in record["processes"]))[0]
        assert_agrees(record, client.connections, stop, [victim])
        # What the flood left in it goes with the first rest after that.
        wait_until(lambda: made.metrics()["shutwatch_journal_size_bytes"] < 4 << 20,
                   "the journal is rewritten")
        assert made.stop() < 1
    finally:
        made.close()


def test_second_daemon(daemon, stage):
    """It says who holds the pins, and ends."""
    other = stage.program([str(word) for word in daemon.argv()])
    assert other.wait() == FAILED
    assert str(daemon.pid).encode() in b"".join(other.err.all())
    elsewhere = ["/tmp" if word == daemon.directory / "run" else word for word in daemon.argv()]
    other = stage.program([str(word) for word in elsewhere])
    assert other.wait() == FAILED
    assert b"holds the pins" in b"".join(other.err.all())
    assert not daemon.program.has_ended()


def test_unpin(daemon):
    """Nothing of it stays in the kernel or in its runtime directory."""
    assert any(pathlib.Path(daemon.pins).rglob("links/*"))
    refused = subprocess.run([str(word) for word in daemon.argv("--unpin")], check=False,
                             capture_output=True)
    assert refused.returncode == FAILED and str(daemon.pid).encode() in refused.stderr
    daemon.stop()
    assert any(pathlib.Path(daemon.pins).rglob("links/*"))
    daemon.unpin()
    assert not pathlib.Path(daemon.pins).exists()
    assert not (daemon.directory / "run" / "journal").exists()


def test_stops_while_the_store_is_blocked(daemon, stage):
    """Another program holds the database: the stop takes less than a second, nothing is lost."""
    victim, client = busy_server(stage)
    stop = stage.send(victim.pid)
    client.wait_ended()
    daemon.wait_records(is_final=True)
    with contextlib.closing(sqlite3.connect(daemon.store, isolation_level=None)) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        victim, client = busy_server(stage)
        stop = stage.send(victim.pid)
        client.wait_ended()
        assert daemon.wait_log("shutdown", 1)
        assert daemon.stop() < 1
    daemon.start()
    records = daemon.wait_records(2, is_final=True)
    assert_whole(records[-1], [client], stop, [victim])


def test_draining_goes_on(daemon, stage):
    """A drain that outlasts the patience is told, and told again when it is over."""
    daemon.write_config("reopen_window: 1s\npatience: 1s\n")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    victim, client = busy_server(stage, 3000)
    stop = stage.send(victim.pid)
    client.run_for(2000)
    first = daemon.wait_records()[0]
    assert first["outcome"] == "draining" and first["provisional"]
    assert first["connections"]["inbound"]["outcomes"]["open"] > 0
    assert first["complete"]
    client.wait_ended()
    last = daemon.wait_records(is_final=True)[0]
    assert last["id"] == first["id"]
    assert_whole(last, [client], stop, [victim])
