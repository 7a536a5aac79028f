# SPDX-License-Identifier: GPL-2.0-only
"""Who is it that stops? Units of a real systemd, a real container; and who stops last."""

import pytest

import container
import nspawn
from kit.shutwatch import ROOT

needs_nspawn = pytest.mark.skipif(
    not nspawn.TOOL, reason="no systemd-nspawn: systemd-container is not installed")
needs_podman = pytest.mark.skipif(not container.TOOL, reason="no podman: it is not installed")

_PORT = 8080
_WEB = "[Service]\nExecStart=/victims/server --port={port} {options}\n"
# Each says when it has stopped; the rest of the unit is as it will be installed.
_NOTE = "[Service]\nExecStopPost=/bin/sh -c 'echo {name} >>/notes/stopped'\n"
_STAND_IN = ("[Service]\nType=exec\nExecStart=\nExecStart=/victims/server --port=8081\n"
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
    assert record["connections"]["inbound"]["outcomes"] == {"idle": 2}


@needs_nspawn
def test_own_unit_stops_last(stage):
    """The host goes down: our unit ends after a service that takes a second for it."""
    units = {
        "web.service": _WEB.format(port=_PORT, options="--pause=1000"),
        "web.service.d/note.conf": _NOTE.format(name="web"),
        "shutwatch.service": (ROOT / "tools/systemd/shutwatch.service").read_text(),
        "shutwatch.service.d/note.conf": _STAND_IN + _NOTE.format(name="shutwatch"),
    }
    with nspawn.Machine(stage, units, ["web.service", "shutwatch.service"]) as machine:
        machine.wait_serving("web.service", _PORT)
        machine.wait_serving("shutwatch.service", 8081)
        machine.power_off()
        assert (machine.notes / "stopped").read_text().split() == ["web", "shutwatch"]


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
