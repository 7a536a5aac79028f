# SPDX-License-Identifier: GPL-2.0-only
"""The daemon and its host: its configuration, its files, its maps."""

import os
import pathlib
import signal
import subprocess

import pytest

from kit.daemon import Daemon, busy_server
from kit.expect import assert_whole
from kit.shutwatch import USAGE
from kit.stops import WATCHED, wait_metric

APPS = pathlib.Path(__file__).parent / "apps"


@pytest.fixture
def daemon(stage):
    """Started, with a reopen window of a second."""
    made = Daemon(stage, "reopen_window: 1s\n")
    try:
        yield made.start()
    finally:
        made.close()


def test_bad_reload(daemon, stage):
    """The old configuration stays, and log and metrics say so."""
    daemon.config.write_text("setle: 1s\n", encoding="utf-8")
    os.kill(daemon.pid, signal.SIGHUP)
    complaint = daemon.wait_log(f"{daemon.config}:1")
    assert complaint and "setle" in complaint["msg"]
    assert daemon.wait_log("the configuration stays as it was")
    victim, client = busy_server(stage)
    stage.send(victim.pid)
    client.wait_ended()
    daemon.wait_records()


def test_excluded_and_named(daemon, stage):
    """The configuration names services, and leaves some out; a reload is enough for that."""
    named, left_out = stage.server(), stage.server()
    daemon.write_config(
        f"reopen_window: 1s\n"
        f"services:\n  - match: {{port: {named.port}}}\n    name: orders\n"
        f"exclusions:\n  - port: {left_out.port}\n")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    stage.send(left_out.pid)
    left_out.wait()
    stage.send(named.pid)
    named.wait()
    records = daemon.wait_records(is_final=True)
    assert [record["service"]["name"] for record in records] == ["orders"]


def test_short_lived_leave_nothing(daemon, stage):
    """A service has 10,000 children that come and go: the maps are as before."""
    parent = stage.python_victim("/usr/bin/python3", APPS / "forker.py", 10_000)
    daemon.write_config(f"targets:\n  - port: {parent.port}\nreopen_window: 0s\n")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    before = _entries(daemon)
    assert before["members"] == 1 and before["services"] == 1
    parent.tell()
    parent.wait_truth("forked", timeout=120)
    assert _entries(daemon) == before
    stage.send(parent.pid)
    parent.wait()
    assert daemon.wait_records(is_final=True)[0]["complete"]
    assert set(_entries(daemon).values()) == {0}


def test_same_name_over_restarts(daemon, stage):
    """A service in a cgroup is called the same, life after life."""
    group = stage.subgroup()
    daemon.write_config(f"reopen_window: 0s\ntargets:\n  - cgroup: {group.name}\n")
    os.kill(daemon.pid, signal.SIGHUP)
    assert daemon.wait_log(f"{daemon.config} was read again")
    for number in (1, 2, 3):
        victim = stage.server(cgroup=group)
        wait_metric(daemon, WATCHED, lambda watched: watched == 1)
        stage.send(victim.pid)
        victim.wait()
        daemon.wait_records(number, is_final=True)
        if number == 2:
            daemon.kill()
            daemon.start()
    services = [record["service"] for record in daemon.records()]
    assert len(services) == 3 and services[0] == services[1] == services[2]
    assert services[0]["kind"] == "cgroup" and services[0]["cgroup"] == group.name


def test_config_check(daemon):
    """It says what is wrong and where, and does not touch the daemon that runs."""
    daemon.config.write_text("store:\n  retention:\n    age: soon\n", encoding="utf-8")
    checked = subprocess.run([str(word) for word in daemon.argv("--config.check")], check=False,
                             capture_output=True, text=True)
    assert checked.returncode == USAGE
    assert f"{daemon.config}:3: store.retention.age" in checked.stderr
    daemon.write_config("")
    subprocess.run([str(word) for word in daemon.argv("--config.check")], check=True,
                   capture_output=True)
    assert not daemon.program.has_ended()


def test_mounts_bpffs(stage):
    """Where bpffs is not mounted, the daemon mounts it."""
    made = Daemon(stage)
    mount = stage.directory / "bpf"
    mount.mkdir()
    made.pins = str(mount / "shutwatch")
    try:
        made.start()
        assert subprocess.check_output(["stat", "-fc", "%T", mount], text=True) == "bpf_fs\n"
    finally:
        made.close()
        subprocess.run(["umount", mount], check=True)


def test_no_room_for_the_journal(stage):
    """It goes on, and says so in log and metrics; the record is whole as long as it lives."""
    made = Daemon(stage, "reopen_window: 0s\n")
    runtime = stage.directory / "run"
    runtime.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", runtime], check=True)
    try:
        made.start()
        victim, client = busy_server(stage)
        stop = stage.send(victim.pid)
        client.wait_ended()
        record = made.wait_records(is_final=True)[0]
        assert_whole(record, [client], stop, [victim])
        assert made.wait_log(f"cannot write {runtime}/journal")
        assert made.metrics()["shutwatch_journal_errors_total"] > 0
    finally:
        made.close()
        subprocess.run(["umount", runtime], check=True)


def _entries(daemon):
    names = ("members", "services", "counts", "closed")
    found = daemon.metrics()
    return {name: found[f'shutwatch_bpf_map_entries{{map="{name}"}}'] for name in names}
