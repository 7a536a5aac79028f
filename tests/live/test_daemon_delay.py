# SPDX-License-Identifier: GPL-2.0-only
"""What keeps the daemon's other threads busy does not delay a snapshot."""

import base64
import contextlib
import os
import sqlite3

import pytest

from kit.daemon import Daemon
from kit.expect import assert_whole
from kit.http_server import password_hash
from kit.shutwatch import ROOT
from kit.stops import WATCHED, new_comm, targets, wait_metric

APPS = ROOT / "tests" / "live" / "apps"
STOPS = 12
SNAPSHOT = "shutwatch_snapshot_duration_seconds"
FACTOR = 5
LIMIT_S = 0.050
FLOOR_S = 0.002  # below this, five times as long is still at once
FLOOD = 200      # requests at a time
USER, PASSWORD = "prometheus", "not the password of anybody"


@pytest.fixture
def daemon(stage):
    """It asks for a password, which costs it some 50 ms to check."""
    web = stage.directory / "web.yml"
    web.write_text(f"basic_auth_users:\n  {USER}: {password_hash(PASSWORD)}\n", encoding="utf-8")
    comm = new_comm()
    made = Daemon(stage, f"settle: 50ms\nreopen_window: 0s\n{targets(comm)}",
                  ["--web.config.file", web])
    made.comm = comm
    made.source = "127.0.0.2"
    password = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    made.headers = {"Authorization": f"Basic {password}"}
    try:
        yield made.start()
    finally:
        made.close()


class Stops:
    """One after the other, each with connections; what the snapshot of each took."""

    def __init__(self, stage, daemon):
        self._stage, self._daemon = stage, daemon
        self.all = []

    def _sum(self, count):
        """Of the seconds of the snapshots until now, which are so many."""
        wait_metric(self._daemon, f"{SNAPSHOT}_count", lambda now: now == count)
        return self._daemon.metrics()[f"{SNAPSHOT}_sum"]

    def stop(self):
        """Returns the seconds of its snapshot."""
        before = self._sum(len(self.all))
        victim = self._stage.server(f"--comm={self._daemon.comm}")
        wait_metric(self._daemon, WATCHED, lambda watched: watched == 1)
        client = self._stage.client(victim.port)
        client.idle(3)
        client.in_flight(2, "/50/10")
        client.wait_taken(victim.pid)
        stop = self._stage.send(victim.pid)
        client.wait_ended()
        self.all.append((client, stop, victim))
        return self._sum(len(self.all)) - before

    def median(self, what):
        """Of STOPS of them."""
        took = sorted(self.stop() for _ in range(STOPS))
        print(f"{what}: snapshots took {', '.join(f'{s * 1e3:.2f}' for s in took)} ms")
        return took[STOPS // 2]

    def assert_whole(self):
        """All of them."""
        records = self._daemon.wait_records(len(self.all), is_final=True)
        assert len(records) == len(self.all)
        for record, (client, stop, victim) in zip(records, self.all):
            assert record["complete"]
            assert_whole(record, [client], stop, [victim])


def _assert_not_delayed(before, meanwhile):
    assert meanwhile < LIMIT_S
    assert meanwhile < max(before, FLOOR_S) * FACTOR


def test_slow_disk(daemon, stage):
    """Another program keeps the database locked, as a disk that does not answer."""
    stops = Stops(stage, daemon)
    before = stops.median("before")
    daemon.wait_records(STOPS, is_final=True)
    with contextlib.closing(sqlite3.connect(daemon.store, isolation_level=None)) as blocker:
        blocker.execute("BEGIN EXCLUSIVE")
        meanwhile = stops.median("disk blocked")
        wait_metric(daemon, "shutwatch_store_records_held", lambda held: held > 0)
    _assert_not_delayed(before, meanwhile)
    stops.assert_whole()


def test_flood_of_wrong_passwords(daemon, stage):
    """200 requests at a time; who has the password, elsewhere, still has the metrics."""
    stops = Stops(stage, daemon)
    before = stops.median("before")
    flood = stage.python_victim("/usr/bin/python3", APPS / "flood.py", daemon.port, FLOOD,
                                before_exec=lambda: os.nice(19))  # as if on a host of its own
    meanwhile = stops.median("flood")
    stage.send(flood.pid)
    answers = flood.wait_truth("flooded")[0]["answers"]
    print(answers)
    assert answers["401"] > 0 and answers["429"] > answers["401"]
    assert "200" not in answers
    _assert_not_delayed(before, meanwhile)
    stops.assert_whole()
