# SPDX-License-Identifier: GPL-2.0-only
"""Looking things up in a record, and the whole comparison in one call."""

from kit.judge import assert_agrees
from kit.timing import assert_times, told_times


def process(record, pid):
    """The one process with that pid."""
    found = [p for p in record["processes"] if p["pid"] == pid]
    if len(found) != 1:
        raise AssertionError(f"pid {pid} is in the record {len(found)} times")
    return found[0]


def pids(record):
    """All processes of the record."""
    return sorted(p["pid"] for p in record["processes"])


def signals(record, pid):
    """[(signal, sender's pid, result, disposition), …] of a process."""
    return [(s["signal"], s["sender"]["pid"], s["result"], s["disposition"])
            for s in process(record, pid)["signals"]]


def connections(*clients):
    """Of several clients."""
    return [connection for client in clients for connection in client.connections]


def assert_whole(record, clients, stop, victims, times=None, **rest):
    """Everything that a victim of ours and the clients wrote down; "times" replaces single ones."""
    for victim in victims:
        victim.wait()
    seen = connections(*clients)
    assert_agrees(record, seen, stop, victims, **rest)
    assert_times(record, {**told_times(record, victims, seen), **(times or {})})
