# SPDX-License-Identifier: GPL-2.0-only
"""Findings on what took the time: which connections, what came before them and after."""

import signal
import socket

from kit.clock import SECOND, wait_until
from kit.findings import Expected, Service, Span, found, make_tests, since, stop_server
from kit.judge import details_of
from kit.shutwatch import ROOT
from kit.sockets import free_ports, server_side

_PATIENCE_MS = 1200  # killed sooner, it would have had no chance


def _idle(client):
    client.idle(2)


def _busy(client):
    client.idle(1)
    client.in_flight(2, "/9000/1")


def _both(client):
    client.idle(2)
    client.in_flight(1, "/9000/1")


def _killed(stage, *args, open_clients=None):
    """(record, Service, {"blocked_s": …})"""
    service = Service(stage, stage.server(*args), open_clients=open_clients).tell()
    kill = service.kill_after(_PATIENCE_MS)
    record = service.record()
    assert service.victim.wait() == -signal.SIGKILL
    return record, service, {
        "blocked_s": since(service.stop, kill.before_ns, kill.after_ns)}


# What it waited for


def _by_busy(stage):
    record, service, evidence = _killed(stage, open_clients=_busy)
    return record, {"connections": service.seen("none+fin"), **evidence}


def _answered_in_time(stage):
    """A second sooner, and nobody would have called it long."""
    record, service = stop_server(stage,
                                  open_clients=lambda client: client.in_flight(2, "/4000/1"))
    assert service.seen("whole+fin") == 2
    assert 3.9 < record["timing"]["in_flight_s"] < 5
    return record


def _by_idle(stage):
    record, service, evidence = _killed(stage, "--keep-idle", open_clients=_idle)
    return record, {"connections": service.seen("idle+fin"), **evidence}


def _by_busy_with_idle(stage):
    record, service, _ = _killed(stage, "--keep-idle", open_clients=_both)
    assert (service.seen("idle+fin"), service.seen("none+fin")) == (2, 1)
    return record


def _by_question(stage):
    other = stage.server()
    record, _, evidence = _killed(stage, f"--ask={other.port}:9000", open_clients=_idle)
    asked = len(other.wait_truth("asked"))
    return record, {"connections": asked, **evidence}


def _with_idle_pool(stage):
    """Killed while it dawdles; its connections to another server owe it nothing."""
    other = stage.server()
    record, service, _ = _killed(stage, f"--pool={other.port}:2", "--pause=9000",
                                 open_clients=_idle)
    assert len(other.wait_truth("accepted", 2)) == 2
    assert service.seen("idle+fin") == 2
    return record


# Before and after


def _slow_to_tidy_up(stage, ms=1500):
    record, service = stop_server(stage, f"--pause={ms}", open_clients=_idle)
    service.victim.wait()
    gone = max(told["before_ns"] for told in service.victim.all_truth("closed"))
    end = service.victim.only("exiting")["at_ns"]
    return record, {"cleanup_s": Span((end - gone) / SECOND - 0.005,
                                      (service.victim.reaped_ns - gone) / SECOND)}


def _quick_to_tidy_up(stage):
    record, evidence = _slow_to_tidy_up(stage, 500)
    assert 0.5 <= evidence["cleanup_s"].high_s < 1
    return record


def _slow_to_react(stage, ms=800):
    victim = stage.victim("listening", f"--port={free_ports()[0]}", f"--linger={ms}")
    service = Service(stage, victim, open_clients=_idle).tell()
    record = service.record()
    victim.wait()
    closed = victim.only("listener_closed")
    return record, {"pid": victim.pid, "first_action_s": since(service.stop, closed["before_ns"],
                                                               closed["after_ns"])}


def _quick_to_react(stage):
    record, evidence = _slow_to_react(stage, 200)
    assert 0.2 <= evidence["first_action_s"].high_s < 0.5
    return record


def _hangs(stage):
    service = Service(stage, stage.server("--stop=hang"), open_clients=_idle).tell()
    entered = service.victim.wait_truth("signal")[0]["at_ns"]
    kill = service.kill_after(_PATIENCE_MS)
    return service.record(), {
        "pid": service.pid, "signal": "SIGTERM",
        "delivered_s": since(service.stop, entered - SECOND // 100, entered),
        "waited_s": since(service.stop, kill.before_ns, kill.after_ns)}


def _does_something(stage):
    record, service, _ = _killed(stage, open_clients=_busy)
    assert len(service.victim.all_truth("signal")) == 1
    assert len(service.victim.all_truth("listener_closed")) == 1
    return record


FINDINGS = {
    "drain_blocked_active": Expected("warning", _by_busy, _answered_in_time),
    "drain_blocked_idle": Expected("warning", _by_idle, _by_busy_with_idle),
    "drain_blocked_outbound": Expected("warning", _by_question, _with_idle_pool),
    "slow_cleanup": Expected("warning", _slow_to_tidy_up, _quick_to_tidy_up),
    "slow_reaction": Expected("warning", _slow_to_react, _quick_to_react),
    "handler_without_effect": Expected("error", _hangs, _does_something),
}

test_fires, test_near_miss = make_tests(FINDINGS)


def test_client_gives_up(stage):
    """A client that hangs up while the service drains: that the service follows is no act of it."""
    victim = stage.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/heedless.py",
                                 free_ports()[0])
    watch = stage.watch(victim.pid)
    with socket.create_connection(("127.0.0.1", victim.port), 10) as client:
        client.sendall(b"a request\n")
        name = "{}:{}".format(*client.getsockname())
        wait_until(lambda: server_side(victim.pid, victim.port).get(name), "it is accepted")
        stop = stage.send(victim.pid)
        victim.out.wait(lambda line: line == b"signal\n")
    victim.out.wait(lambda line: line == b"closed\n")
    stage.send(victim.pid, signal.SIGKILL)
    record = watch.record()
    assert record["trigger"]["sender"]["pid"] == stop.sender
    cut = found(record, "requests_cut")
    assert cut["evidence"]["client_closed_first"] == cut["evidence"]["connections"] == 1
    assert "its side before" in cut["summary"]
    assert details_of(record)[name]["closed_at_s"] < record["timing"]["total_s"]
    # Its end by SIGKILL is the first thing that happened to it.
    died, = [process["exit"]["at_s"] for process in record["processes"]]
    assert record["timing"]["first_action_s"] == died
