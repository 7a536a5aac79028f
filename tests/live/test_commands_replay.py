# SPDX-License-Identifier: GPL-2.0-only
"""`record` and `replay`: the same record again, without privileges, and from damaged files."""

import os
import random
import shutil
import subprocess

import pytest

from kit.clock import SLOWNESS
from kit.shutwatch import BUILD, FAILED, FINE, SETTLE, SHUTWATCH


def _replay(path, *args, program=SHUTWATCH, before=()):
    return subprocess.run([*before, program, "replay", path, *args], capture_output=True,
                          check=False, timeout=30 * SLOWNESS, cwd="/", stdin=subprocess.DEVNULL)


@pytest.fixture
def recording(stage):
    """A recording, and the record as it was printed live."""
    path = stage.directory / "one.rec"
    victim = stage.server("--pause=50")
    watch = stage.shutwatch("--json", "-n", 1, "--settle", SETTLE, "--pid", victim.pid,
                            command=("record", path)).wait_watching()
    client = stage.client(victim.port)
    client.idle(3)
    client.silent(1)
    client.half(1)
    client.in_flight(2, "/200/10")
    client.wait_taken(victim.pid)
    client.start_flow(50)
    client.run_for(100)
    stage.send(victim.pid)
    client.run_until(victim.has_ended, "the victim to end")
    client.stop_flow()
    client.wait_ended()
    live = watch.record_line()
    assert watch.wait() == FINE
    return path, live


def test_same_bytes(recording):
    """What was printed live, byte for byte, and every time."""
    path, live = recording
    for _ in range(2):
        result = _replay(path, "--json")
        assert result.returncode == FINE, result.stderr
        assert result.stdout == live


def test_without_root(stage, recording):
    """A recording is a bug report: whoever gets it can replay it."""
    path, live = recording
    os.chmod(stage.directory, 0o755)
    os.chmod(path, 0o644)
    program = stage.directory / "shutwatch"
    shutil.copy(SHUTWATCH, program)
    os.chmod(program, 0o755)
    result = _replay(path, "--json", program=program, before=(
        "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"))
    assert result.returncode == FINE, result.stderr
    assert result.stdout == live


def test_as_text(recording):
    """A report for people."""
    result = _replay(recording[0])
    assert result.returncode == FINE, result.stderr
    assert b"SIGTERM" in result.stdout


@pytest.mark.parametrize("keep", [0, 1, 7, 40, 0.5, 0.9, -1])
def test_truncated(recording, keep):
    """Said on stderr, exit status 1; never a crash."""
    path, _ = recording
    data = path.read_bytes()
    length = int(len(data) * keep) if isinstance(keep, float) else keep % len(data)
    path.write_bytes(data[:length])
    result = _replay(path, "--json")
    assert result.returncode == FAILED, result
    assert os.fsencode(path) in result.stderr


@pytest.mark.parametrize("path", [BUILD / "shutwatch", "/etc/passwd", "/dev/null", "/",
                                  "/no/such/file"])
def test_foreign(path):
    """No recording: one clear line, exit status 1."""
    result = _replay(path, "--json")
    assert result.returncode == FAILED, result
    assert result.stdout == b""
    assert len(result.stderr.splitlines()) == 1
    assert os.fsencode(path) in result.stderr


def test_damaged(recording):
    """Random bytes anywhere: a record or a complaint, never a crash."""
    path, _ = recording
    data = path.read_bytes()
    dice = random.Random(1)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(dice.choice([1, 4, 64])):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        result = _replay(path, "--json")
        assert result.returncode in (FINE, FAILED), result
