# SPDX-License-Identifier: GPL-2.0-only
"""The store's disk is full, read-only or lies: the daemon goes on, and no record is lost."""

import contextlib
import errno
import os
import sqlite3
import subprocess

import pytest

from kit.clock import wait_until
from kit.daemon import Daemon
from kit.stops import WATCHED, new_comm, targets, wait_metric

HELD = "shutwatch_store_records_held"
ERRORS = "shutwatch_store_errors_total"
DROPPED = "shutwatch_store_records_dropped_total"
RETRY = 40  # seconds: the pause between attempts doubles from one second on


@pytest.fixture
def disk(stage):
    """A tmpfs of 1 MiB of its own."""
    path = stage.directory / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@pytest.fixture
def daemon(stage, disk):
    """Its store is on the disk; it makes records final at once."""
    made = Daemon(stage)
    made.comm = new_comm()
    made.store = disk / "store.db"
    made.write_config(f"settle: 50ms\nreopen_window: 0s\n{targets(made.comm)}")
    try:
        yield made.start()
    finally:
        made.close()


class Stops:
    """What a test stopped, in order."""

    def __init__(self, stage, daemon):
        self._stage, self._daemon = stage, daemon
        self.pids = []
        self._told = 0
        self._series = f'shutwatch_shutdowns_total{{service="{daemon.comm}"}}'

    def stop(self, connections=3):
        """One service more; until the daemon has said so."""
        victim = self._stage.server(f"--comm={self._daemon.comm}")
        wait_metric(self._daemon, WATCHED, lambda watched: watched == 1)
        client = self._stage.client(victim.port)
        client.idle(connections)
        client.wait_taken(victim.pid)
        self._stage.send(victim.pid)
        client.wait_ended()
        assert victim.wait() == 0
        self.pids.append(victim.pid)
        self._told = wait_metric(self._daemon, self._series, lambda told: told > self._told)

    def begin_anew(self):
        """The daemon does: its counters are at 0, but for what its journal told again."""
        self._told = self._daemon.metrics().get(self._series, 0)

    def assert_all_stored(self, but_for=0):
        """Each of them once, whole; the first ones may be lost with the file that they were in."""
        due = self.pids[but_for:]
        records = self._daemon.wait_records(
            len(due), timeout=RETRY, ready=lambda r: r["processes"][0]["pid"] in due)
        assert [p["pid"] for r in records for p in r["processes"]] == due
        assert all(r["complete"] and r["outcome"] == "clean" for r in records)
        wait_metric(self._daemon, HELD, lambda held: held == 0)
        assert self._daemon.metrics()[DROPPED] == 0
        assert not self._daemon.program.has_ended()
        assert len(self._daemon.records()) in (len(due), len(self.pids))


@pytest.fixture
def stops(stage, daemon):
    """None yet."""
    return Stops(stage, daemon)


def _wait_complaint(daemon, *words):
    """Until the log says why records wait."""
    def is_there():
        return any(line["level"] == "error" and any(word in line["msg"] for word in words)
                   and line["msg"].startswith(f"cannot write the store {daemon.store}: ")
                   and "records wait in memory" in line["msg"] for line in daemon.log())
    wait_until(is_there, f"a complaint: {words}", RETRY)


def _remount(path, how):
    subprocess.run(["mount", "-o", f"remount,{how}", path], check=True)


def _fill(path):
    """Leaves no block of the disk free."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC


def _stop_until_held(daemon, stops):
    """Free pages in the database take a record or two more."""
    while daemon.metrics()[HELD] == 0:
        assert len(stops.pids) < 20
        stops.stop(100)
    assert daemon.metrics()[ERRORS] >= 1


def test_full_and_read_only(daemon, disk, stops):
    """The disk of a running daemon fills up, goes read-only, and is well again."""
    stops.stop()
    daemon.wait_records(1)
    _fill(disk / "ballast")
    _stop_until_held(daemon, stops)
    _wait_complaint(daemon, "full", "No space")
    held, errors = daemon.metrics()[HELD], daemon.metrics()[ERRORS]
    _remount(disk, "ro")
    for _ in range(2):
        stops.stop()
    assert wait_metric(daemon, HELD, lambda now: now == held + 2)
    _wait_complaint(daemon, "ead-only")
    assert daemon.metrics()[ERRORS] > errors
    _remount(disk, "rw")
    (disk / "ballast").unlink()
    stops.assert_all_stored()
    assert daemon.wait_log(f"the store {daemon.store} takes records again")


def test_read_only_at_the_start(daemon, disk, stops):
    """It starts all the same, with a store of an earlier life that cannot be written."""
    stops.stop()
    daemon.wait_records(1)
    daemon.stop()
    _remount(disk, "ro")
    daemon.start()
    _wait_complaint(daemon, "ead-only")
    stops.begin_anew()
    for _ in range(2):
        stops.stop()
    assert wait_metric(daemon, HELD, lambda held: held >= 2)
    _remount(disk, "rw")
    stops.assert_all_stored()


def _overwrite_pages(path):
    """All but the first page. What was in the log beside it is in the file by then."""
    with contextlib.closing(sqlite3.connect(path)) as store:
        assert store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        assert file.write(b"\xa5" * (size - 4096)) > 0


@pytest.mark.parametrize("lives", [True, False])
def test_corrupt_database(daemon, disk, stops, lives):
    """Under a running daemon, or before it starts: moved aside, a new one takes what comes."""
    stops.stop()
    daemon.wait_records(1)
    if not lives:
        daemon.stop()
    _overwrite_pages(daemon.store)
    if not lives:
        daemon.start()
        stops.begin_anew()
    for _ in range(2):
        stops.stop()
    stops.assert_all_stored(but_for=1)
    assert daemon.wait_log(f"the store {daemon.store} is corrupt")["level"] == "error"
    aside = [path for path in disk.iterdir() if path.name.startswith("store.db.corrupt-")]
    assert any(b"\xa5" * 4096 in path.read_bytes() for path in aside), aside
