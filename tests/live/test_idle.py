# SPDX-License-Identifier: GPL-2.0-only
"""While nothing stops, shutwatch must not run at all, whatever the services do."""

import os

import pytest

from kit.clock import wait_until
from kit.servers import start_nginx

_SECONDS = 10
_PER_SECOND = 300
# Its own last sleep: it may still be on its way there when the first count is read.
_ALLOWANCE = 1
# Whoever else on this host starts to listen or stops wakes a watcher of everything, and rightly so:
# then the ten seconds are looked at again.
_TRIES = 3


def _switches(pid):
    """How often its threads went to sleep of their own accord, which is how often they woke."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii", errors="replace") as status:
            total += sum(int(line.split()[1]) for line in status
                         if line.startswith("voluntary_ctxt_switches"))
    return total


def _sleeps(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2][:1] == b"S"


def _wake_ups(watch, client):
    before = _switches(watch.pid)
    client.run_for(_SECONDS * 1000)
    return _switches(watch.pid) - before


@pytest.mark.parametrize("target", ["everything", "pid"])
def test_idle(stage, target):
    """Thousands of short HTTP connections, and not one wake-up."""
    nginx = start_nginx(stage, upstream=1)
    args = ["--json"] + (["--pid", nginx.pid] if target == "pid" else [])
    watch = stage.shutwatch(*args).wait_watching()
    client = stage.client(nginx.port)
    client.start_flow(_PER_SECOND, "/ok")
    client.run_for(300)
    wait_until(lambda: _sleeps(watch.pid), "shutwatch to wait for events")
    tries = [_wake_ups(watch, client)]
    while target == "everything" and tries[-1] > _ALLOWANCE and len(tries) < _TRIES:
        tries.append(_wake_ups(watch, client))
    client.stop_flow()
    client.wait_ended()

    answered = sum(c.answered for c in client.connections)
    assert answered > 0.9 * _PER_SECOND * _SECONDS * len(tries)
    assert tries[-1] <= _ALLOWANCE, tries
    assert not watch.has_ended()
    if target == "pid":
        assert watch.out.so_far() == []
