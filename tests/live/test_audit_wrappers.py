# SPDX-License-Identifier: GPL-2.0-only
"""`audit` of servers that somebody else has started, asked for by their port."""

import os
import sys

import pytest
from test_audit import SERVER, audit_one, findings, of, stop

from kit.clock import wait_until
from kit.sockets import free_ports

_LAUNCHER = "import subprocess, sys; subprocess.call(sys.argv[1:])"


def _told_of_launcher(stage, port, launcher, server):
    """The server alone is judged, and its launcher named; asked for, that one is judged."""
    told = audit_one(stage, "--port", port)
    assert [process["pid"] for process in told["processes"]] == [server]
    assert (told["outcome"], findings(told)) == ("clean", ["handler_unseen"])
    evidence = told["findings"][0]["evidence"]
    assert (evidence["pid"], evidence["server_pid"]) == (launcher, server)
    # Who asks for it by its pid knows what will be told.
    assert findings(audit_one(stage, "--pid", server)) == []
    told = audit_one(stage, "--pid", launcher)
    assert findings(told) == ["wrapper_died_first"]
    return told


def test_launcher(stage):
    """A program that runs the server and waits for it, and passes nothing on."""
    port, = free_ports()
    launcher = stage.python_victim(sys.executable, "-c", _LAUNCHER, SERVER, f"--port={port}")
    server, = launcher.children()
    told = _told_of_launcher(stage, port, launcher.pid, server)
    watch = stop(stage, launcher.pid)
    wait_until(launcher.has_ended, "the launcher to die")
    assert watch.record()["outcome"] == told["outcome"]


def test_setsid(stage):
    """A script that starts it in a session of its own."""
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", f"setsid {SERVER} --port={port}; true")
    server, = shell.children()
    assert os.getpgid(server) != os.getpgid(shell.pid)
    _told_of_launcher(stage, port, shell.pid, server)


@pytest.mark.parametrize("name", ["supervisord", "tini", "tmux: server"])
def test_supervisor(stage, name):
    """Who starts others all day, or passes the signal on, is no wrapper."""
    port, = free_ports()
    code = f"open('/proc/self/comm', 'w').write({name!r}); {_LAUNCHER}"
    launcher = stage.python_victim(sys.executable, "-c", code, SERVER, f"--port={port}")
    server, = launcher.children()
    told = audit_one(stage, "--port", port)
    assert [process["pid"] for process in told["processes"]] == [server]
    assert findings(told) == []


def test_two_shells(stage):
    """Both belong to it: the outer one is what will be told."""
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", f"sh -c '{SERVER} --port={port}; true'; true")
    told = audit_one(stage, "--port", port)
    assert of(told, shell.pid)["is_told"]
    assert findings(told) == ["wrapper_died_first"]
