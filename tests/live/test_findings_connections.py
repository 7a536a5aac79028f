# SPDX-License-Identifier: GPL-2.0-only
"""Findings on what became of connections, in the accept queue and after it."""

from kit import tls
from kit.clock import wait_until
from kit.findings import Expected, Service, make_tests, since, stop_server
from kit.shutwatch import ROOT
from kit.sockets import free_ports, queued


def _idle(client):
    client.idle(2)


def _in_flight(client):
    client.in_flight(2, "/9000/1")


# The accept queue


def _limbo(stage, keep_ms=900):
    """The workers are gone, the master keeps the listener open for a while."""
    victim = stage.victim("prefork", 2, free_ports()[0], 0, keep_ms)
    service = Service(stage, victim, open_clients=_idle).tell()
    victim.wait_truth("passes_on", 2)
    service.client.wait_ended()
    waiting = service.client.silent(5)
    record = service.record()
    victim.wait()
    closed = victim.all_truth("listener_closed")[-1]
    return record, {"connections": service.seen("idle+rst"), "unaccepted": len(waiting),
                    "accepting_s": since(service.stop, closed["before_ns"], closed["after_ns"])}


def _queue(stage, victim):
    """Three clients in the queue of a server that does not accept, when it is told to stop."""
    service = Service(stage, victim)
    service.client.silent(3)
    service.client.wait_opened()
    wait_until(lambda: queued(victim.pid, victim.port) == 3, "3 queued")
    record = service.tell().record()
    return record, service


def _dropped(stage):
    record, service = _queue(stage, stage.server("--no-accept"))
    return record, {"connections": service.seen("idle+rst"), "queued_at_signal": 3}


def _dropped_at_once(stage):
    record, evidence = _dropped(stage)
    assert evidence["connections"] == 3
    return record


def _accepted_late(stage):
    victim = stage.victim("listening", f"--port={free_ports()[0]}", "--late=50", "--linger=100")
    record, _ = _queue(stage, victim)
    assert len(victim.all_truth("accepted")) == 3
    return record


# Resets


def _stop_unread(stage):
    victim = stage.server("--no-read")
    service = Service(stage, victim)
    sent = service.client.in_flight(2)
    service.client.wait_opened()
    victim.wait_truth("accepted", 2)
    record = service.tell().record()
    return record, {"connections": service.seen("none+rst"), "pid": service.pid,
                    "unread_bytes": sum(c.sent_bytes for c in sent)}


def _read_and_forgotten(stage):
    return _cut(stage)[0]


def _aborted(stage):
    record, service = stop_server(stage, "--reset", open_clients=_idle)
    return record, {"connections": service.seen("idle+rst"), "pid": service.pid}


def _reset_for_unread_data(stage):
    record, evidence = _stop_unread(stage)
    assert evidence["connections"] == 2
    return record


def _raced(stage):
    record, service = stop_server(
        stage, "--pause=300", open_clients=lambda client: client.idle(2, after_fin="ask"))
    raced = sum(c.end == "fin+rst" for c in service.client.connections)
    return record, {"connections": raced, "pid": service.pid}


def _said_goodbye(stage):
    """What the client's TLS sends after the server's FIN is no request, though it is reset."""
    key, certificate = tls.make_certificate(stage.directory)
    victim = stage.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/tls_server.py",
                                 free_ports()[0], key, certificate, "silent")
    service = Service(stage, victim,
                      open_clients=lambda client: client.idle(2, make=tls.TlsConnection)).tell()
    service.client.run_until(
        lambda: all(c.goodbye_reset_ns for c in service.client.connections), "the RSTs")
    assert len(service.client.connections) == 2
    return service.record()


# Unanswered


def _left_in_flight(stage):
    record, service = stop_server(stage, "--stop=leave", open_clients=_in_flight)
    return record, {"connections": service.seen("none+fin"), "pid": service.pid}


def _left_idle(stage):
    record, service = stop_server(stage, "--stop=leave", open_clients=_idle)
    assert service.seen("idle+fin") == 2
    assert service.victim.wait() == 0 and not service.victim.all_truth("closed")
    return record


def _cut(stage):
    record, service = stop_server(stage, "--no-answer", open_clients=_in_flight)
    assert service.seen("none+fin") == 2
    return record, {"connections": 2, "pid": service.pid}


def _answered(stage):
    record, service = stop_server(stage,
                                  open_clients=lambda client: client.in_flight(2, "/300/1"))
    assert service.seen("whole+fin") == 2
    return record


# To others


def _pool_left(stage):
    database = stage.server()
    record, _ = stop_server(stage, f"--pool={database.port}:3", open_clients=_idle)
    return record, {"connections": len(database.wait_truth("closed", 3))}


def _pool_closed(stage):
    database = stage.server()
    peer = stage.victim("peer", *free_ports(), database.port, 3)
    record = Service(stage, peer).tell().record()
    database.wait_truth("closed", 3)
    assert peer.wait() == 0 and len(peer.all_truth("let_go")) == 3
    return record


FINDINGS = {
    "accept_stalled": Expected("error", _limbo, _dropped_at_once),
    "accept_queue_dropped": Expected("error", _dropped, _accepted_late),
    "aborted_unread_data": Expected("error", _stop_unread, _read_and_forgotten),
    "aborted_linger": Expected("error", _aborted, _reset_for_unread_data),
    "keepalive_close_race": Expected("error", _raced, _said_goodbye),
    "cut_off_at_exit": Expected("error", _left_in_flight, _left_idle),
    "requests_cut": Expected("error", _cut, _answered),
    "outbound_left_open": Expected("info", _pool_left, _pool_closed),
}

test_fires, test_near_miss = make_tests(FINDINGS)
