# SPDX-License-Identifier: GPL-2.0-only
"""Where the time went: what each victim says it did, against what was seen of its threads."""

import contextlib
import socket

import pytest

from kit.clock import MS, SECOND, now_ns, wait_until
from kit.daemon import Daemon
from kit.noise import Noise
from kit.sockets import free_ports
from kit.stage import IS_BLIND

pytestmark = pytest.mark.skipif(IS_BLIND, reason="there is nothing in here for the blind")

# As in session_waits.c: a look comes after a hundredth of the time since T0, not before 20 ms.
_INTERVAL_S = 0.020
_INTERVAL_SHARE = 100
# A noisy machine looks a little later; how much, is measured too.
_LATE_S = 0.030
_NOISE = "noise of the test"


def _tolerance(record):
    """What began and ended between two looks was seen that much too long or too short.

    Looks at many threads are further apart, to cost no more: how far, their number tells.
    """
    total = record["timing"]["total_s"]
    looks = sum(wait["samples"] for wait in record["waits"]
                if wait["tid"] == record["processes"][0]["pid"])
    interval = max(_INTERVAL_S, total / _INTERVAL_SHARE, total / max(looks, 1))
    return 2 * interval + _LATE_S + 2 * record.get(_NOISE, 0)


def _told(victim, step):
    """How many seconds the victim says that it took."""
    return victim.only("step", name=step)["took_ns"] / SECOND


def _stop(stage, *steps, clients=0):
    """Stops a victim that does these steps. Returns it, its record, and its main thread's waits."""
    victim = stage.victim("waiter", *free_ports(), *steps)
    with contextlib.ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(socket.create_connection(("127.0.0.1", victim.port)))
        if clients:
            victim.wait_truth("taken", clients)
        watch = stage.watch(victim.pid)
        with Noise() as noise:
            stage.send(victim.pid)
            victim.wait()
    record = {**watch.record(timeout=30), _NOISE: noise.latest_s}
    assert record["complete"]
    assert record["processes"][0]["pid"] == victim.pid
    return victim, record, [wait for wait in record["waits"] if wait["tid"] == victim.pid]


def _only(waits, **fields):
    found = [wait for wait in waits if all(wait[key] == value for key, value in fields.items())]
    assert len(found) == 1, (fields, waits)
    return found[0]


def _assert_took(wait, seconds, record):
    assert wait["seconds"] == pytest.approx(seconds, abs=_tolerance(record)), wait
    assert wait["pid"] == wait["tid"] and wait["main"] is True
    assert wait["comm"] == "waiter"


def test_event_loop_and_idle_clients(stage):
    """Waiting in epoll for clients that say nothing is named with their number."""
    victim, record, waits = _stop(stage, "epoll:2.5", clients=3)
    wait = waits[0]
    assert (wait["call"], wait["object"], wait["state"]) == ("epoll_wait", "epoll", "sleeping")
    _assert_took(wait, _told(victim, "epoll"), record)
    assert wait["text"] == "3 inbound connections open"
    assert wait["share"] > 0.9
    assert record["waits"][0] == wait


def test_phases(stage):
    """What came after the last client is told apart, and is what slow_cleanup speaks of."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        victim, record, waits = _stop(stage, "epoll:2.5", "leave:0", f"recv:1.6:{port}",
                                      "threads:4", clients=2)
    drain, cleanup = _only(waits, call="epoll_wait"), _only(waits, call="recvfrom")
    _assert_took(drain, _told(victim, "epoll"), record)
    assert drain["cleanup_s"] <= _tolerance(record)
    assert cleanup["cleanup_s"] == pytest.approx(_told(victim, "recv"), abs=_tolerance(record))
    parked = [wait for wait in record["waits"] if not wait["main"]]
    assert {wait["object"] for wait in parked} == {"futex"} and len(parked) == 4
    assert parked[0]["seconds"] > drain["seconds"]  # they come first, and say nothing
    told, = [finding for finding in record["findings"] if finding["id"] == "slow_cleanup"]
    assert f"in recvfrom (127.0.0.1:{port})" in told["summary"]


def test_sleep(stage):
    """A clean-up that sleeps."""
    victim, record, waits = _stop(stage, "sleep:1.2")
    wait = _only(waits, call="clock_nanosleep")
    assert (wait["object"], wait["state"]) == ("timer", "sleeping")
    _assert_took(wait, _told(victim, "sleep"), record)


def test_silent_server(stage):
    """A read from a server that does not answer names the server."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        victim, record, waits = _stop(stage, f"recv:1.2:{port}")
    wait = _only(waits, call="recvfrom")
    assert (wait["object"], wait["state"]) == ("socket", "sleeping")
    assert wait["text"] == f"127.0.0.1:{port}"
    _assert_took(wait, _told(victim, "recv"), record)


def test_busy(stage):
    """A loop that computes runs, in no system call."""
    victim, record, waits = _stop(stage, "busy:1.2")
    wait = _only(waits, state="running")
    assert (wait["call"], wait["object"], wait["text"]) == (None, None, None)
    _assert_took(wait, _told(victim, "busy"), record)


def test_child(stage):
    """The parent waits for its child; the child, a member too, sleeps."""
    victim, record, waits = _stop(stage, "child:1.2")
    wait = _only(waits, call="wait4")
    _assert_took(wait, _told(victim, "child"), record)
    sleeper = _only(record["waits"], call="clock_nanosleep")
    assert wait["object"] == "child"
    assert wait["text"] == f"process {sleeper['pid']}"
    assert sleeper["seconds"] == pytest.approx(1.2, abs=_tolerance(record))


def test_pipe(stage):
    """A pipe whose other end is held open."""
    victim, record, waits = _stop(stage, "pipe:1.2")
    wait = _only(waits, object="pipe")
    assert (wait["call"], wait["state"]) == ("read", "sleeping")
    assert wait["text"].startswith("pipe:[")
    _assert_took(wait, _told(victim, "pipe"), record)


def test_disk(stage):
    """What is written and waited for is named by its path. The calls alone are on the disk."""
    path = stage.directory / "data" / "store.db"
    path.parent.mkdir()
    victim, record, waits = _stop(stage, f"sync:1.5:{path}")
    on_file = [wait for wait in waits if wait["object"] == "file"]
    seen = sum(wait["seconds"] for wait in waits if wait["object"] == "file"
               or wait["state"] != "sleeping")
    assert seen == pytest.approx(_told(victim, "sync"), abs=_tolerance(record))
    assert {wait["text"] for wait in on_file} <= {str(path)}
    assert {wait["call"] for wait in on_file} <= {"fdatasync", "pwrite64"}


def test_steps_in_turn(stage):
    """One thread, one thing after the other: the sums are right for each, and altogether."""
    victim, record, waits = _stop(stage, "sleep:0.6", "busy:0.5", "epoll:0.8", "child:0.4")
    tolerance = _tolerance(record)
    for step, fields in {"sleep": {"call": "clock_nanosleep"}, "busy": {"state": "running"},
                         "epoll": {"call": "epoll_wait"}, "child": {"call": "wait4"}}.items():
        assert _only(waits, **fields)["seconds"] == pytest.approx(_told(victim, step),
                                                                  abs=tolerance)
    assert sum(wait["seconds"] for wait in waits) == pytest.approx(record["timing"]["total_s"],
                                                                   abs=tolerance)
    assert sum(wait["share"] for wait in waits) == pytest.approx(1)
    seconds = [wait["seconds"] for wait in record["waits"]]
    assert seconds == sorted(seconds, reverse=True)


def test_many_threads(stage):
    """A pool beyond the bounds: the main thread is told, and no time of the others is lost."""
    victim, record, waits = _stop(stage, "threads:400", "sleep:1")
    _assert_took(_only(waits, call="clock_nanosleep"), _told(victim, "sleep"), record)
    assert len(record["waits"]) <= 257
    other = _only(record["waits"], tid=0)
    assert other["share"] is None
    pool = [wait for wait in record["waits"] if wait["call"] == "futex"]
    assert {wait["object"] for wait in pool} == {"futex"}
    total = record["timing"]["total_s"]
    seen = sum(wait["seconds"] for wait in [*pool, other])
    assert seen == pytest.approx(400 * total, abs=400 * _tolerance(record))
    looks = _only(waits, call="clock_nanosleep")["samples"]
    assert looks >= 5


def test_replay_is_the_same(stage):
    """A recording holds what was seen."""
    recording = stage.directory / "waits.rec"
    victim = stage.victim("waiter", *free_ports(), "sleep:0.4", "busy:0.2")
    watch = stage.shutwatch("--json", "-n", 1, "--settle", "300ms", "--pid", victim.pid,
                            command=("record", str(recording))).wait_watching()
    stage.send(victim.pid)
    live = watch.record_line()
    assert watch.wait() == 0
    replayed = stage.shutwatch(recording, "--json", command=("replay",)).record_line()
    assert replayed == live
    assert b'"clock_nanosleep"' in live


def test_recorder_lives_again(stage):
    """What one daemon saw of a drain is added to what the next one sees; the gap is nobody's."""
    daemon = Daemon(stage, "reopen_window: 1s\n")
    try:
        daemon.start()
        victim = stage.victim("waiter", *free_ports(), "sleep:2.5")
        stop = stage.send(victim.pid)
        wait_until(lambda: now_ns() > stop.after_ns + 800 * MS, "a part of the drain")
        stopped_ns = now_ns()
        daemon.stop()
        daemon.start()
        gap = (now_ns() - stopped_ns) / SECOND
        victim.wait()
        record = daemon.wait_records(
            is_final=True, ready=lambda found: found["timing"]["total_s"] is not None)[0]
        waits = [wait for wait in record["waits"] if wait["tid"] == victim.pid]
        seconds, told = _only(waits, call="clock_nanosleep")["seconds"], _told(victim, "sleep")
        assert told - gap - _tolerance(record) <= seconds <= told + _tolerance(record)
    finally:
        daemon.close()
