# SPDX-License-Identifier: GPL-2.0-only
"""`audit` of units: what a real systemd tells of how it stops them."""

import errno
import signal

import nspawn
import pytest
from test_audit import audit_one, findings

needs_nspawn = pytest.mark.skipif(
    not nspawn.TOOL, reason="no systemd-nspawn: systemd-container is not installed")

# enum signal_source
_BY_UNIT, _BY_COMMAND, _UNSEEN = 2, 3, 4
_UNITS = {
    "fine.service": "[Service]\nExecStart=/build/victims/server --port=8081\n",
    "stuck.service": "[Service]\nExecStart=/bin/sh -c \"trap '' TERM; "
                     "exec /build/victims/server --port=8082 --stop=default\"\n"
                     "TimeoutStopSec=1\n",
}


def _read_unit(machine, unit, cgroup):
    """error, signal, KillMode, MainPID, SendSIGKILL, TimeoutStopSec in ns.

    And whence the signal is, whether the command returns, RestartKillSignal; then the command.
    """
    machine.run("sh", "-c", f"/build/tests/unit_reader {unit} {cgroup} >/notes/told")
    words, command, _ = (machine.notes / "told").read_text().split("\n")
    words = words.split()
    return words[:6], [int(word) for word in words[6:]], command


@needs_nspawn
def test_systemd(stage):
    """What a real systemd tells of its units; one in another cgroup is another's unit."""
    slow = _UNITS["fine.service"] + "TimeoutStopSec=7\nKillSignal=SIGINT\nKillMode=mixed\n"
    endless = (_UNITS["fine.service"].replace("8081", "8082") +
               "TimeoutStopSec=infinity\nSendSIGKILL=no\n")
    units = {"slow.service": slow, "endless.service": endless}
    with nspawn.Machine(stage, units, list(units)) as machine:
        machine.wait_serving("slow.service", 8081)
        machine.wait_serving("endless.service", 8082)
        told, stops, command = _read_unit(machine, "slow.service", "/system.slice/slow.service")
        assert (stops, command) == ([_BY_UNIT, False, 0], "")
        assert told[:3] + told[4:] == ["0", "2", "mixed", "1", "7000000000"]
        assert int(told[3]) > 1
        told, *_ = _read_unit(machine, "endless.service", "/system.slice/endless.service")
        assert told[:3] + told[4:] == ["0", "15", "control-group", "0", str(2**63 - 1)]
        for unit, cgroup in ("slow.service", "/elsewhere"), ("none.service", "/none.service"):
            assert _read_unit(machine, unit, cgroup)[0][0] == str(-errno.ENOENT)


@needs_nspawn
def test_stop_commands(stage):
    """ExecStop= of a real systemd: it waits, it does not, nobody knows what it does."""
    waits = "/sbin/start-stop-daemon --stop --retry QUIT/5 --pid 1"
    returns = "/bin/kill -s QUIT $MAINPID"
    unseen = "/bin/sh -c true"
    commands = {"waits": (8081, waits, signal.SIGQUIT, [_BY_COMMAND, False, 0]),
                "returns": (8082, returns, signal.SIGTERM, [_BY_UNIT, True, signal.SIGINT]),
                "unseen": (8083, unseen, signal.SIGTERM, [_UNSEEN, False, 0])}
    units = {f"{name}.service": f"[Service]\nExecStart=/build/victims/server --port={port}\n"
                                f"ExecStop=/bin/true\nExecStop=-{command}\n"
             for name, (port, command, *_) in commands.items()}
    units["returns.service"] += "RestartKillSignal=SIGINT\n"
    units["unseen.service"] = units["unseen.service"].replace("ExecStop=/bin/true\n", "")
    with nspawn.Machine(stage, units, list(units)) as machine:
        for name, (port, command, number, expected) in commands.items():
            machine.wait_serving(f"{name}.service", port)
            told, stops, line = _read_unit(machine, f"{name}.service",
                                           f"/system.slice/{name}.service")
            assert (told[0], told[1], stops, line) == ("0", str(int(number)), expected, command)


@needs_nspawn
def test_unit_of_a_machine(stage):
    """Seen from outside it is no unit of this host's systemd: that is said, the default assumed."""
    with nspawn.Machine(stage, _UNITS, list(_UNITS)) as machine:
        machine.wait_serving("fine.service", 8081)
        machine.wait_serving("stuck.service", 8082)
        fine = audit_one(stage, "--unit=fine.service")
        stuck = audit_one(stage, "--unit=stuck.service")
        watch = stage.watch("--unit=stuck.service")
        machine.run("systemctl", "stop", "stuck.service")
        record = watch.record()
    for told in fine, stuck:
        assert told["service"]["kind"] == "unit"
        assert told["stop"]["unit_error"]
        assert told["stop"]["signal_source"] == "assumed"
        assert (told["stop"]["kill_mode"], told["stop"]["grace_s"]) == (None, None)
    assert (fine["outcome"], findings(fine)) == ("clean", [])
    assert findings(stuck) == ["sigterm_ignored", "grace_exceeded"]
    assert stuck["outcome"] == record["outcome"] == "forced"
