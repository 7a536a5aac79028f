# SPDX-License-Identifier: GPL-2.0-only
"""Findings on who came too late, and on a port that nobody served for a while."""

from kit.findings import Expected, Service, between, make_tests, since
from kit.sockets import free_ports


def _refuse(stage, answer_ms, came=True):
    """Three clients come when the listener has closed; the service works on. (record, Service)"""
    service = Service(stage, stage.server(), settle="1s", open_clients=lambda client:
                      client.in_flight(1, f"/{answer_ms}/1")).tell()
    service.victim.wait_truth("listener_closed")
    if came:
        service.client.silent(3)
    record = service.record()
    assert service.seen("whole+fin") == 1
    assert service.seen("idle+refused") == (3 if came else 0)
    return record, service


def _refused_in_vain(stage):
    """It could have served them: it worked for long after it had closed its listener."""
    record, service = _refuse(stage, 1500)
    closed = service.victim.only("listener_closed")
    return record, {"refused": service.seen("idle+refused"),
                    "accepting_s": since(service.stop, closed["before_ns"], closed["after_ns"])}


def _refused_at_the_end(stage):
    return _refuse(stage, 200)[0]


def _refused(stage):
    record, service = _refuse(stage, 200)
    return record, {"refused": service.seen("idle+refused"), "refused_handshakes": 0}


def _nobody_came(stage):
    return _refuse(stage, 200, came=False)[0]


def _came_late(stage):
    victim = stage.victim("listening", f"--port={free_ports()[0]}", "--linger=300")
    service = Service(stage, victim, open_clients=lambda client: client.idle(1)).tell()
    late = service.client.idle(3)
    service.client.wait_opened()
    arrived = since(service.stop, min(c.established_ns for c in late),
                    max(c.established_ns for c in late))
    return service.record(), {"late": 3, "last_arrival_s": arrived}


def _restart(stage, came):
    """Closed, opened again by the next one a little later. (record, evidence)"""
    port, = free_ports()
    old = stage.server(port=port)
    service = Service(stage, old, settle="3s", open_clients=lambda client: client.idle(1)).tell()
    service.client.run_until(old.has_ended, "the old one to end")
    if came:
        service.client.silent(3)
    service.client.run_for(200)
    new = stage.server(port=port)
    record = service.record()
    assert service.seen("idle+refused") == (3 if came else 0)
    closed, opened = old.only("listener_closed"), new.wait_truth("listening")[0]
    dark = between((closed["before_ns"], closed["after_ns"]),
                   (opened["before_ns"], opened["after_ns"]))
    return record, {"dark_s": dark, "port": port, "refused": service.seen("idle+refused")}


def _dark_and_seen(stage):
    return _restart(stage, came=True)


def _dark_and_unseen(stage):
    record, _ = _restart(stage, came=False)
    assert record["timing"]["dark_s"] is not None
    return record


FINDINGS = {
    "listener_closed_too_early": Expected("warning", _refused_in_vain, _refused_at_the_end),
    "refused_after_listener_close": Expected("error", _refused, _nobody_came),
    "late_arrivals": Expected("info", _came_late, _refused_at_the_end),
    "port_dark": Expected("warning", _dark_and_seen, _dark_and_unseen),
}

test_fires, test_near_miss = make_tests(FINDINGS)
