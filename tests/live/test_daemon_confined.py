# SPDX-License-Identifier: GPL-2.0-only
"""The daemon has given up what src/cli/confine.h says, and still does all its work."""

import base64
import http.client
import os
import pathlib
import signal
import ssl
import subprocess

import pytest

from kit.clock import wait_until
from kit.daemon import Daemon
from kit.expect import assert_whole
from kit.http_server import make_certificate, password_hash
from kit.sockets import queued
from kit.stops import WATCHED, new_comm, targets

CAP_SYS_PTRACE, CAP_SYS_ADMIN = 19, 21
KEPT = 1 << CAP_SYS_PTRACE | 1 << CAP_SYS_ADMIN
SECCOMP_FILTER = 2
NOBODY = 65534
PASSWORD = "open sesame"


@pytest.fixture(name="comm")
def _comm():
    return new_comm()


def _settings(comm, more=""):
    return f"reopen_window: 0s\n{targets(comm)}{more}"


@pytest.fixture
def daemon(stage, comm):
    """With TLS and a password; what the kernel says against it fails the test."""
    make_certificate(stage.directory, "server")
    web = stage.directory / "web.yml"
    web.write_text("tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
                   f"basic_auth_users:\n  alice: {password_hash(PASSWORD)}\n", encoding="utf-8")
    made = Daemon(stage, _settings(comm), ["--web.config.file", web])
    try:
        yield made.start()
    finally:
        made.close()


def _tasks(pid):
    """{thread: {field of its status: value}}."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text(encoding="ascii", errors="replace").splitlines()
        found[int(task.name)] = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return found


def _assert_confined(pid):
    """Every thread, not only the one that gave it all up."""
    tasks = _tasks(pid)
    assert len(tasks) >= 3  # the disk's, the capture's, HTTP's
    for status in tasks.values():
        for capabilities in ("CapEff", "CapPrm", "CapBnd"):
            assert int(status[capabilities], 16) == KEPT, (capabilities, status["Name"])
        for capabilities in ("CapInh", "CapAmb"):
            assert int(status[capabilities], 16) == 0, (capabilities, status["Name"])
        assert int(status["NoNewPrivs"]) == 1
        assert int(status["Seccomp"]) == SECCOMP_FILTER


def _assert_no_complaint_of_seccomp(pid):
    """The kernel logs every call that the filter refuses (as audit, type 1326)."""
    said = subprocess.run(["dmesg"], capture_output=True, check=False, text=True,
                          errors="replace")
    if said.returncode == 0:
        assert [line for line in said.stdout.splitlines()
                if "type=1326" in line and f" pid={pid} " in line] == []


def _get(daemon, stage, path, user=f"alice:{PASSWORD}"):
    context = ssl.create_default_context(cafile=stage.directory / "server.pem")
    connection = http.client.HTTPSConnection("127.0.0.1", daemon.port, timeout=20,
                                             context=context)
    authorization = "Basic " + base64.b64encode(user.encode()).decode()
    try:
        connection.request("GET", path, headers={"Authorization": authorization})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _server(daemon, stage, *options, **how):
    """A victim, watched."""
    victim = stage.server(*options, **how)
    wait_until(lambda: f"\n{WATCHED} 1\n" in _get(daemon, stage, "/metrics")[1], "it to be watched")
    return victim


def _become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def test_privileges(daemon):
    """Right after the start, and after a reload."""
    _assert_confined(daemon.pid)
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    _assert_confined(daemon.pid)
    _assert_no_complaint_of_seccomp(daemon.pid)


def test_accept_queue_of_another_network_namespace(daemon, stage, comm):
    """Two connections wait in it: they are in the snapshot, and what became of them."""
    netns = stage.netns()
    victim = _server(daemon, stage, "--no-accept", f"--comm={comm}", netns=netns)
    client = stage.client(victim.port, netns=netns)
    client.silent(2)
    client.wait_opened()
    wait_until(lambda: queued(victim.pid, victim.port) == 2, "two to wait")
    stop = stage.send(victim.pid)
    client.wait_ended()
    record = daemon.wait_records(is_final=True)[0]
    closed = victim.only("listener_closed")
    assert_whole(record, [client], stop, [victim],
                 {"drain_s": (closed["before_ns"], closed["after_ns"])})
    assert record["complete"]
    assert record["listeners"][0]["queued_at_signal"] == 2
    assert record["connections"]["inbound"]["open_at_signal"] == 2
    assert record["connections"]["inbound"]["outcomes"] == {"unaccepted": 2}
    _assert_no_complaint_of_seccomp(daemon.pid)


def test_service_of_another_user(daemon, stage, comm):
    """Its program is named, though /proc/PID/exe is that user's alone."""
    victim = _server(daemon, stage, f"--comm={comm}", before_exec=_become_nobody)
    assert int(_tasks(victim.pid)[victim.pid]["Uid"].split()[0]) == NOBODY
    client = stage.client(victim.port)
    client.idle(2)
    client.wait_taken(victim.pid)
    stop = stage.send(victim.pid)
    client.wait_ended()
    record = daemon.wait_records(is_final=True)[0]
    assert_whole(record, [client], stop, [victim])
    assert [p["exe"] for p in record["processes"]] == [str(victim.argv[0])]
    _assert_no_complaint_of_seccomp(daemon.pid)


def test_reload_store_and_tls(daemon, stage, comm):
    """A rule read while confined names the service; metrics, record and API come over TLS."""
    victim = _server(daemon, stage, f"--comm={comm}")
    daemon.write_config(_settings(
        comm, f"services:\n  - match: {{port: {victim.port}}}\n    name: orders\n"))
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    stage.send(victim.pid)
    victim.wait()
    record = daemon.wait_records(is_final=True)[0]
    assert record["service"]["name"] == "orders"
    status, metrics = _get(daemon, stage, "/metrics")
    assert status == 200 and 'shutwatch_shutdowns_total{service="orders"} 1\n' in metrics
    status, listed = _get(daemon, stage, "/api/v1/shutdowns")
    assert status == 200 and record["id"] in listed
    assert _get(daemon, stage, "/metrics", "alice:guess")[0] == 401
    _assert_no_complaint_of_seccomp(daemon.pid)
    assert daemon.stop() < 1
