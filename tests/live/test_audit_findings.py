# SPDX-License-Identifier: GPL-2.0-only
"""Findings that only an audit has: what cannot be seen, or not yet, before a stop."""

import pytest
from test_audit import SERVER, audit_one, findings, of

from kit.findings import Expected, make_tests
from kit.sockets import free_ports
from lab.compiled_servers import start_go


def _audited(stage, *args, open_clients):
    """What is said of the victim "server", and its pid."""
    victim = stage.server(*args)
    client = stage.client(victim.port)
    open_clients(client)
    client.wait_taken(victim.pid)
    return audit_one(stage, "--pid", victim.pid), victim.pid


def _idle(client):
    client.idle(2)


def _in_flight(client):
    client.idle(1)
    client.in_flight(1, "/9000/1")


def _busy_go(stage):
    """A Go program that was built: recognised by its file. Its runtime catches every signal."""
    program = start_go(stage)
    client = stage.client(program.program.port)
    client.in_flight(2, "/9000/10")
    client.wait_taken(program.pid)
    told = audit_one(stage, "--pid", program.pid)
    assert of(told, program.pid)["program"] == "go"
    assert told["reason"].startswith("Go always catches the signal")
    return told, {"pid": program.pid, "signal": "SIGTERM", "in_flight": 2}


def _handler_of_its_own(stage):
    """Not of a runtime: who installs one means something by it."""
    told, pid = _audited(stage, open_clients=_in_flight)
    assert of(told, pid)["disposition"] == "handler"
    return told


def _idle_without_handler(stage):
    told, pid = _audited(stage, "--stop=default", open_clients=_idle)
    return told, {"pid": pid, "signal": "SIGTERM", "connections": 2}


def _busy_without_handler(stage):
    """One request more, and what would be lost is no guess."""
    told, pid = _audited(stage, "--stop=default", open_clients=_in_flight)
    assert of(told, pid)["disposition"] == "default"
    assert "no_handler" in findings(told)
    return told


FINDINGS = {
    "handler_unseen": Expected("warning", _busy_go, _handler_of_its_own),
    "no_handler_idle": Expected("warning", _idle_without_handler, _busy_without_handler),
}

test_fires, test_near_miss = make_tests(FINDINGS)


@pytest.mark.parametrize("script, ids", [("trap : TERM; {}; true", ["handler_unseen"]),
                                         ("exec {}", [])])
def test_a_wrapper_with_a_handler(stage, script, ids):
    """Whether it passes the signal on nobody can see: that is said."""
    server = f"{SERVER} --port={free_ports()[0]}"
    shell = stage.python_victim("sh", "-c", script.format(server))
    assert findings(audit_one(stage, "--pid", shell.pid)) == ids
