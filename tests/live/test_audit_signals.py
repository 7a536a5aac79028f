# SPDX-License-Identifier: GPL-2.0-only
"""`audit` by what is sent, and by what a process does about it at this moment."""

import os
import signal

import pytest
from test_audit import audit_one, findings, of, stop


def test_signal(stage):
    """Another signal, another prediction."""
    victim = stage.server()
    told = audit_one(stage, "--pid", victim.pid, "--signal", "USR1")
    assert told["stop"]["signal"] == "SIGUSR1"
    assert told["stop"]["signal_source"] == "asked"
    assert of(told, victim.pid)["fate"] == "dies"
    told = audit_one(stage, "--pid", victim.pid)
    assert (told["stop"]["signal"], told["stop"]["signal_source"]) == ("SIGTERM", "assumed")


def test_kill(stage):
    """SIGKILL as a stop signal: as the record says, nobody was asked."""
    victim = stage.server()
    told = audit_one(stage, "--pid", victim.pid, "--signal", "KILL")
    assert (told["outcome"], findings(told)) == ("forced", ["killed_without_stop_signal"])
    watch = stage.watch(victim.pid)
    stage.send(victim.pid, signal.SIGKILL)
    record = watch.record()
    assert record["outcome"] == told["outcome"]
    assert "killed_without_stop_signal" in findings(record)


@pytest.mark.parametrize("name", ["CHLD", "URG", "WINCH"])
def test_harmless_signal(stage, name):
    """What the kernel ignores where nobody handles it ends nothing."""
    victim = stage.server("--stop=default")
    told = audit_one(stage, "--pid", victim.pid, "--signal", name)
    assert (told["outcome"], findings(told)) == ("unaffected", ["sigterm_ignored"])
    stage.send(victim.pid, signal.Signals[f"SIG{name}"])
    assert not victim.has_ended()


def test_stopped(stage):
    """SIGSTOP: it does not hear the signal, whatever its handler does."""
    victim = stage.server()
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        told = audit_one(stage, "--pid", victim.pid)
        record = stop(stage, victim.pid, "--patience", "1s").record()
    finally:
        os.kill(victim.pid, signal.SIGCONT)
    assert (told["outcome"], findings(told)) == ("unaffected", ["sigterm_ignored"])
    assert of(told, victim.pid)["is_stopped"]
    assert record["outcome"] == told["outcome"]
