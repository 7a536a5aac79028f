# SPDX-License-Identifier: GPL-2.0-only
"""The grace period of a unit: what a real systemd says of it while it stops."""

import contextlib
import os
import signal

import pytest

import nspawn
from kit.daemon import Daemon
from kit.findings import found
from kit.stops import wait_metric

needs_nspawn = pytest.mark.skipif(
    not nspawn.TOOL, reason="no systemd-nspawn: systemd-container is not installed")

_PORT = 8080
_UNIT = ("[Service]\nExecStart=/build/victims/server --port={port} {options}\n"
         "TimeoutStopSec={grace}\n{more}")


def _units(options, grace, more=""):
    return {"web.service": _UNIT.format(port=_PORT, options=options, grace=grace, more=more)}


@contextlib.contextmanager
def _machine(stage, units):
    """With the unit that is to stop, serving."""
    wants = [*units, "ask.socket"]
    with nspawn.Machine(stage, {**units, **nspawn.ASKABLE}, wants) as machine:
        machine.wait_serving("web.service", _PORT)
        yield machine


def _watch(stage, machine):
    return stage.watch("--unit=web.service", program=machine.shutwatch())


@needs_nspawn
def test_exceeded(stage):
    """A stuck unit is killed when its time is over: what systemd went by, after a reload too."""
    with _machine(stage, _units("--stop=hang", 90)) as machine:
        watch = _watch(stage, machine)
        machine.run("sh", "-c", "sed -i s/=90/=3/ /etc/systemd/system/web.service && "
                                "systemctl daemon-reload && systemctl stop web.service")
        record = watch.record()
    assert (record["service"]["kind"], record["service"]["unit"]) == ("unit", "web.service")
    assert record["timing"]["grace_s"] == 3
    assert record["outcome"] == "forced"
    evidence = found(record, "grace_exceeded")["evidence"]
    assert evidence["grace_s"] == 3 and 2.9 < evidence["waited_s"] < 10
    assert not found(record, "killed_by_supervisor")


@needs_nspawn
def test_not_exceeded(stage):
    """KillMode=mixed: what is left when the main process ends is killed, long before its time."""
    units = _units("--orphan --pause=1500", 30, "KillMode=mixed\n")
    with _machine(stage, units) as machine:
        watch = _watch(stage, machine)
        machine.run("systemctl", "stop", "web.service")
        record = watch.record()
    assert record["timing"]["grace_s"] == 30
    assert len(record["processes"]) == 2
    assert not found(record, "grace_exceeded")
    evidence = found(record, "killed_by_supervisor")["evidence"]
    assert evidence["grace_s"] == 30 and 1.4 < evidence["killed_s"] < 10


@needs_nspawn
def test_without_limit(stage):
    """Two stop at once; one of them may take for ever, which is no grace period."""
    units = _units("", "infinity")
    units["other.service"] = _UNIT.format(port=_PORT + 1, options="", grace="1min 30s", more="")
    with _machine(stage, units) as machine:
        machine.wait_serving("other.service", _PORT + 1)
        watch = stage.watch("--unit=web.service", "--unit=other.service", count=2,
                            program=machine.shutwatch())
        machine.run("systemctl", "stop", *units)
        records = [watch.record(), watch.record()]
    assert {record["outcome"] for record in records} == {"clean"}
    assert {record["service"]["unit"]: record["timing"]["grace_s"] for record in records} == {
        "web.service": None, "other.service": 90}


@needs_nspawn
def test_unit_of_a_machine(stage):
    """The systemd of the host is not asked about it: it may have one of the same name."""
    with _machine(stage, _units("", 3)) as machine:
        watch = stage.watch("--unit=web.service", program=machine.shutwatch(in_its_cgroups=False))
        machine.run("systemctl", "stop", "web.service")
        record = watch.record()
    assert record["service"]["cgroup"].endswith("/payload/system.slice/web.service")
    assert (record["outcome"], record["timing"]["grace_s"]) == ("clean", None)


@needs_nspawn
def test_asked_again(stage):
    """systemd hangs, the daemon does not; it is killed, and the next one, confined too, is told."""
    with _machine(stage, _units("--stop=hang", 77)) as machine:
        pid = machine.pid_of("web.service")
        daemon = Daemon(stage, "reopen_window: 0s\ntargets:\n  - unit: web.service\n",
                        program=machine.shutwatch())
        with contextlib.closing(daemon):
            daemon.start()
            os.kill(machine.pid, signal.SIGSTOP)
            try:
                stage.send(pid)
                series = 'shutwatch_shutdowns_in_progress{service="web.service"}'
                wait_metric(daemon, series, lambda under_way: under_way == 1)
                daemon.kill()
            finally:
                os.kill(machine.pid, signal.SIGCONT)
            daemon.start()
            machine.run("systemctl", "is-active", "web.service")
            stage.send(pid, signal.SIGKILL)
            record = daemon.wait_records(is_final=True)[0]
    assert record["complete"]
    assert record["timing"]["grace_s"] == 77
    assert record["outcome"] == "forced"


@needs_nspawn
def test_configured(stage):
    """Whoever wrote the configuration knows better than systemd."""
    with _machine(stage, _units("", 77)) as machine:
        daemon = Daemon(stage, "reopen_window: 0s\ntargets:\n  - unit: web.service\n"
                        "services:\n  - match: {unit: web.service}\n    grace: 5s\n",
                        program=machine.shutwatch())
        with contextlib.closing(daemon):
            daemon.start()
            machine.run("systemctl", "stop", "web.service")
            record = daemon.wait_records(is_final=True)[0]
    assert (record["outcome"], record["timing"]["grace_s"]) == ("clean", 5)
