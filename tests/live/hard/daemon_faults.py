# SPDX-License-Identifier: GPL-2.0-only
"""The daemon: stopped for seconds, killed at random, on a disk that fails."""

import contextlib
import errno
import os
import random
import signal
import subprocess

from hard.crowd import crowd
from hard.fault import faulty
from kit.clock import SECOND
from kit.daemon import Daemon, busy_server
from kit.stops import WATCHED, new_comm, targets, wait_metric

_SERVICES = 300
_FREEZE_S = 5
_KILLS = 8
_BROKEN = 3  # stops while the store fails
_HELD = "shutwatch_store_records_held"
_ERRORS = "shutwatch_store_errors_total"
_DROPPED = "shutwatch_store_records_dropped_total"


@contextlib.contextmanager
def _daemon(stage, config, store=None, **options):
    daemon = Daemon(stage, config)
    daemon.store = store or daemon.store
    try:
        yield daemon.start(**options)
    finally:
        daemon.close()


def _judge_busy(stage, row, daemon, number, meanwhile=None):
    """One stop; the records so far must be `number`."""
    victim, client = busy_server(stage)
    wait_metric(daemon, WATCHED, lambda watched: watched >= 1)
    stop = stage.send(victim.pid)
    if meanwhile:
        meanwhile(client)
    client.wait_ended()
    victim.wait()
    records = daemon.wait_records(number, is_final=True, timeout=60)
    row.require(len(records) == number, f"{len(records)} records of {number} stops")
    row.judge(records[-1], [client], stop, [victim], must_be_right=True)


def frozen(stage, row):
    """SIGSTOP for 5 s, in which hundreds of services stop."""
    comm = new_comm()
    with _daemon(stage, f"reopen_window: 0s\n{targets(comm)}") as daemon, \
            crowd(stage, _SERVICES, comm) as services:
        wait_metric(daemon, WATCHED, lambda watched: watched == _SERVICES)
        frozen_ns = stage.send(daemon.pid, signal.SIGSTOP).after_ns
        services.stop()
        services.run_until_ns(frozen_ns + _FREEZE_S * SECOND)
        stage.send(daemon.pid, signal.SIGCONT)
        services.judge(row, daemon.wait_records(_SERVICES, is_final=True, timeout=60))


def killed(stage, row):
    """SIGKILL at random moments of a drain, and started again."""
    chance = random.Random()
    with _daemon(stage, "reopen_window: 0s\n") as daemon:
        def kill(client):
            client.run_for(chance.randrange(0, 700))
            daemon.kill()
            daemon.start()
        for number in range(1, _KILLS + 1):
            _judge_busy(stage, row, daemon, number, kill)


def ticks(stage, row):
    """A signal with a handler all the time, in both of its threads."""
    with _daemon(stage, "reopen_window: 0s\n", env=faulty(tick_us=500)) as daemon:
        for number in range(1, 4):
            _judge_busy(stage, row, daemon, number)


@contextlib.contextmanager
def _disk(stage):
    path = stage.directory / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def _fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def _remount(path, how):
    subprocess.run(["mount", "-o", f"remount,{how}", path], check=True)


def _stop_some(stage, daemon, count):
    """Busy servers, each stopped, seen to its end, and known to the daemon as a stop."""
    for _ in range(count):
        victim, client = busy_server(stage, 50)
        wait_metric(daemon, WATCHED, lambda watched: watched >= 1)
        stop = stage.send(victim.pid)
        client.wait_ended()
        victim.wait()
        wait_metric(daemon, WATCHED, lambda watched: watched == 0)
        yield victim, client, stop


def _judge_stops(row, daemon, stops):
    """Each of those after the first is in the store, once."""
    records = daemon.wait_records(1 + len(stops), is_final=True, timeout=60)[1:]
    row.require(len(records) == len(stops), f"{len(records)} records of {len(stops)} stops")
    for record, (victim, client, stop) in zip(records, stops):
        row.judge(record, [client], stop, [victim], must_be_right=True)


def _on_disk(stage, row, is_read_only):
    """Stops on a disk that has failed; once it is well again, each is there, once."""
    with _disk(stage) as disk, \
            _daemon(stage, "settle: 50ms\nreopen_window: 0s\n", disk / "store.db") as daemon:
        _judge_busy(stage, row, daemon, 1)
        _fill(disk / "ballast")
        stops = []
        while daemon.metrics()[_HELD] == 0 and len(stops) < 20:
            stops += _stop_some(stage, daemon, 2)
        if is_read_only:
            _remount(disk, "ro")
            stops += _stop_some(stage, daemon, 3)
            _remount(disk, "rw")
        wait_metric(daemon, _HELD, lambda held: held > 0)
        os.unlink(disk / "ballast")
        _judge_stops(row, daemon, stops)


def disk_broken(calls):
    """EIO from what the store does with its files, in the middle of it: writes, syncs, or both."""
    def attempt(stage, row):
        gate = stage.directory / "is-broken"
        faults = faulty(disk=f"{calls}:{stage.directory / 'store.db'}", disk_gate=gate)
        with _daemon(stage, "settle: 50ms\nreopen_window: 0s\n", env=faults) as daemon:
            _judge_busy(stage, row, daemon, 1)
            gate.touch()
            stops = list(_stop_some(stage, daemon, _BROKEN))
            wait_metric(daemon, _HELD, lambda held: held == _BROKEN)
            row.require(daemon.metrics()[_ERRORS] > 0, "no error of the store is counted")
            row.require(daemon.wait_log("cannot write the store"), "the log says nothing of it")
            gate.unlink()
            _judge_stops(row, daemon, stops)
            wait_metric(daemon, _HELD, lambda held: held == 0)
            row.require(daemon.wait_log(f"the store {daemon.store} takes records again"),
                        "the log does not say that it is well")
            row.require(daemon.metrics()[_DROPPED] == 0, "records were dropped")
    return attempt


def disk_full(stage, row):
    """No block is left."""
    _on_disk(stage, row, False)


def disk_read_only(stage, row):
    """The same, and remounted under the daemon before there is room again."""
    _on_disk(stage, row, True)


FAULTS = [
    ("daemon: SIGSTOP for 5 s in a mass stop", frozen),
    ("daemon: SIGKILL at random in a drain", killed),
    ("daemon: EINTR, a signal each 500 us", ticks),
    ("daemon: store on a full disk", disk_full),
    ("daemon: store remounted read-only", disk_read_only),
    *[(f"daemon: store with EIO from each {calls}", disk_broken(calls))
      for calls in ("write", "sync")],
]
