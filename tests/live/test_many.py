# SPDX-License-Identifier: GPL-2.0-only
"""Many services stopped in one loop: each has its record, and what was lost is said."""

import os
import signal
import subprocess

from kit.shutwatch import BUILD, ROOT
from kit.stops import new_comm


def _stop(stage, count, while_stopped):
    """Stops that many services; (pids, records). The watch may be frozen meanwhile."""
    comm = new_comm()
    victims = [subprocess.Popen([BUILD / "victims" / "server", "--port=0", f"--comm={comm}"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
               for _ in range(count)]
    try:
        for victim in victims:
            assert victim.stdout.readline().startswith(b"ready")
        # They are in no cgroup of a service: each is one of its own.
        watch = stage.shutwatch("--json", "-n", count, "--settle", "500ms",
                                "--comm", comm).wait_watching()
        if while_stopped:
            os.kill(watch.pid, signal.SIGSTOP)
        for victim in victims:
            victim.send_signal(signal.SIGTERM)
        for victim in victims:
            victim.wait()
        os.kill(watch.pid, signal.SIGCONT)
        records = [watch.record(60) for _ in range(count)]
        return {victim.pid for victim in victims}, records
    finally:
        for victim in victims:
            victim.kill()
            victim.communicate()


def _assert_each(pids, records):
    assert sorted(p["pid"] for record in records for p in record["processes"]) == sorted(pids)


def test_a_thousand_at_once(stage):
    """Stopped within a tenth of a second: all are recorded, nothing is lost."""
    pids, records = _stop(stage, 1000, False)
    _assert_each(pids, records)
    assert all(record["complete"] for record in records)
    assert {record["outcome"] for record in records} == {"clean"}
    assert {record["trigger"]["signal"] for record in records} == {"SIGTERM"}


def test_more_than_the_ring_holds(stage):
    """shutwatch does not run while they stop: what was lost is looked for, and said."""
    pids, records = _stop(stage, 3000, True)
    _assert_each(pids, records)
    lost = [record for record in records if not record["complete"]]
    assert lost
    for record in records:
        code = record["processes"][0]["exit"]["code"]
        assert code == 0 or (code is None and not record["complete"])
    assert all(record["loss"]["by_cause"]["event_ring_full"] for record in lost)


def test_born_at_the_start(stage):
    """A service forks all the time while shutwatch begins to watch it: nobody is missed."""
    for _ in range(3):
        parent = stage.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/spawner.py", 2000)
        watch = stage.watch(parent.pid)
        parent.tell()
        children = parent.wait_truth("spawned")[0]["children"]
        stage.send(parent.pid)
        record = watch.record()
        assert {p["pid"] for p in record["processes"]} == {parent.pid, *children}
        assert record["complete"] and all(p["exit"] for p in record["processes"])
