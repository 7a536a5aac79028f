# SPDX-License-Identifier: GPL-2.0-only
"""Who is it that stops? Units of a real systemd, a real container; and who stops last."""

import os

import pytest

import container
import nspawn
from kit.shutwatch import ROOT
from kit.stage import IS_BLIND

needs_nspawn = pytest.mark.skipif(
    not nspawn.TOOL, reason="no systemd-nspawn: systemd-container is not installed")
needs_podman = pytest.mark.skipif(not container.TOOL, reason="no podman: it is not installed")

_PORT = 8080
_CAP_SYS_PTRACE, _CAP_SYS_ADMIN = 19, 21
_UNIT = ROOT / "tools/systemd/shutwatch.service"
_WEB = "[Service]\nExecStart=/build/victims/server --port={port} {options}\n"
# Each says when it has stopped; the rest of the unit is as it will be installed.
_NOTE = "[Service]\nExecStopPost=/bin/sh -c 'echo {name} >>/notes/stopped'\n"
_STAND_IN = ("[Service]\nType=exec\nExecStart=\nExecStart=/build/victims/server --port=8081\n"
             "ReadWritePaths=/notes\n")


@needs_nspawn
def test_unit(stage):
    """`systemctl stop`: the unit by its name, systemd as the sender."""
    units = {"web.service": _WEB.format(port=_PORT, options="")}
    with nspawn.Machine(stage, units, ["web.service"]) as machine:
        pid = machine.wait_serving("web.service", _PORT)
        watch = stage.watch("--unit=web.service")
        client = stage.client(_PORT, netns=machine.netns())
        client.idle(2)
        client.wait_taken(pid)
        machine.run("systemctl", "stop", "web.service")
        record = watch.record()
        leader = machine.pid
    service = record["service"]
    assert (service["kind"], service["name"]) == ("unit", "web.service")
    assert service["unit"] == "web.service"
    assert service["cgroup"].endswith("/system.slice/web.service")
    assert record["trigger"]["kind"] == "signal" and record["trigger"]["signal"] == "SIGTERM"
    sender = record["trigger"]["sender"]
    assert (sender["comm"], sender["pid"]) == ("systemd", leader)
    assert [process["pid"] for process in record["processes"]] == [pid]
    assert record["outcome"] == "clean"
    assert record["complete"], record["loss"]
    assert record["connections"]["inbound"]["outcomes"] == {"idle": 2}


@needs_nspawn
def test_own_unit_stops_last(stage):
    """The host goes down: our unit ends after a service that takes a second for it."""
    units = {
        "web.service": _WEB.format(port=_PORT, options="--pause=1000"),
        "web.service.d/note.conf": _NOTE.format(name="web"),
        "shutwatch.service": _UNIT.read_text(),
        "shutwatch.service.d/note.conf": _STAND_IN + _NOTE.format(name="shutwatch"),
    }
    with nspawn.Machine(stage, units, ["web.service"]) as machine:
        machine.wait_serving("web.service", _PORT)
        machine.mount_sys()
        machine.run("systemctl", "start", "shutwatch.service")
        machine.wait_serving("shutwatch.service", 8081)
        machine.power_off()
        assert (machine.notes / "stopped").read_text().split() == ["web", "shutwatch"]


def _status(pid):
    """Of each thread: what /proc tells about its rights."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii", errors="replace") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file)


@needs_nspawn
@pytest.mark.skipif(IS_BLIND, reason="it is all about shutwatch")
def test_own_unit_works(stage):
    """As it is installed, sandbox and all: it starts, is confined, reloads and stops."""
    units = {"shutwatch.service": _UNIT.read_text(),
             "shutwatch.service.d/here.conf":
                 "[Service]\nExecStart=\nExecStart=/build/shutwatch daemon\n"}
    with nspawn.Machine(stage, units, []) as machine:
        machine.mount_sys()
        machine.run("systemctl", "start", "shutwatch.service")
        threads = list(_status(machine.pid_of("shutwatch.service")))
        machine.run("systemctl", "reload", "shutwatch.service")
        machine.run("systemctl", "is-active", "shutwatch.service")
        machine.run("systemctl", "stop", "shutwatch.service")
        machine.run("sh", "-c", "test $(systemctl show -P Result shutwatch.service) = success")
    assert len(threads) > 1
    for thread in threads:
        rights = {int(thread[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")}
        assert rights == {1 << _CAP_SYS_ADMIN | 1 << _CAP_SYS_PTRACE}
        assert (thread["NoNewPrivs"], thread["Seccomp"]) == ("1", "2")


@needs_podman
def test_container(stage):
    """`podman stop`: the container by its id, the runtime as the sender."""
    with container.Container(stage, "/victims/server", f"--port={_PORT}") as box:
        box.wait_serving(_PORT)
        watch = stage.watch("--pid", str(box.pid))
        box.stop()
        record = watch.record()
    service = record["service"]
    assert (service["kind"], service["container_id"]) == ("container", box.id)
    assert service["name"] == f"container {box.id[:12]}"
    assert record["trigger"]["signal"] == "SIGTERM"
    assert record["trigger"]["sender"]["comm"] in ("crun", "runc")
    exit_ = record["processes"][0]["exit"]
    assert (record["processes"][0]["ns_pid"], exit_["code"]) == (1, 0)
    assert record["outcome"] == "clean"
