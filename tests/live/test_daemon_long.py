# SPDX-License-Identifier: GPL-2.0-only
"""The daemon over thousands of shutdowns: nothing grows that should not.

SHUTWATCH_LONG=1           20,000 of them are judged, instead of 2,000
"""

import contextlib
import itertools
import os
import socket
import time

import pytest

from kit.clock import wait_until
from kit.daemon import Daemon
from kit.sockets import free_ports
from kit.stops import new_comm, servers, stop_batch, targets, wait_metric

# Until then two caches grow that are bounded: the metrics know the last 4,096 records again, and
# SQLite keeps 2 MB of pages.
WARM_UP = 4250
JUDGED = 20_000 if os.environ.get("SHUTWATCH_LONG") else 2000
BATCH = 25
REPORT_EVERY = 250
NOISE_KIB = 256


def _resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def _entries(daemon):
    """Of all maps but the one that keeps addresses of the past until their room is needed."""
    found = {series: value for series, value in daemon.metrics().items()
             if series.startswith("shutwatch_bpf_map_entries")}
    del found['shutwatch_bpf_map_entries{map="listeners"}']
    return found


def _growth(sizes):
    """But for the largest step: a host with more processes than ever takes a longer list, once."""
    steps = [after - before for before, after in itertools.pairwise(sizes)]
    assert len(steps) == JUDGED // REPORT_EVERY
    return sum(steps) - max(steps)


@pytest.fixture(name="comm")
def _comm():
    return new_comm()


@pytest.fixture
def daemon(stage, comm):
    """Which settles in no time."""
    made = Daemon(stage, f"settle: 50ms\nreopen_window: 0s\n{targets(comm)}")
    try:
        yield made.start()
    finally:
        made.close()


def test_nothing_grows(daemon, comm):
    """25 services stop at a time: memory and maps are as before, each is stored exactly once."""
    before = _entries(daemon)
    assert before
    pids, resident = [], {}
    began = time.monotonic()
    while len(pids) < WARM_UP + JUDGED:
        pids += stop_batch(daemon, BATCH, comm)
        if len(pids) % REPORT_EVERY == 0:
            wait_metric(daemon, "shutwatch_store_records_total",
                        lambda stored: stored >= len(pids))
            resident[len(pids)] = _resident_kib(daemon.pid)
            print(f"{len(pids)} shutdowns: {resident[len(pids)]} KiB")
    print(f"{time.monotonic() - began:.1f} s")
    assert _growth([kib for count, kib in resident.items() if count >= WARM_UP]) <= NOISE_KIB
    records = daemon.wait_records(len(pids), is_final=True)
    assert sorted(p["pid"] for r in records for p in r["processes"]) == sorted(pids)
    assert len({record["id"] for record in records}) == len(pids)
    assert all(record["complete"] and record["outcome"] == "clean" for record in records)
    # Others of this host may be looked at just now.
    wait_until(lambda: _entries(daemon) == before, f"{before} again, from {_entries(daemon)}")


def test_strangers_leave_nothing(daemon):
    """Services that nobody asked for stop, with connections, before it is known who they are."""
    before = _entries(daemon)
    assert before
    for _ in range(10):
        ports = free_ports(BATCH)
        with servers(ports, new_comm()) as victims, contextlib.ExitStack() as connections:
            for victim, port in zip(victims, ports):
                connections.enter_context(socket.create_connection(("127.0.0.1", port), 5))
                victim.terminate()
            for victim in victims:
                assert victim.wait(20) == 0
    wait_until(lambda: _entries(daemon) == before, f"{before} again, from {_entries(daemon)}")
    assert daemon.records() == []
