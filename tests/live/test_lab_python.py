# SPDX-License-Identifier: GPL-2.0-only
"""FastAPI with 10,000 open connections, stopped while 500 new ones arrive every second."""

import time

import pytest

from kit.clock import wait_until
from kit.judge import Judge, details_of
from kit.sockets import queued, server_side
from lab.ending import Ending
from lab.load import Load
from lab.python_servers import start_fastapi_load
from lab.server import TERM, TERM_ALL

_STATES = {"idle": 9_300, "silent": 300, "half-request": 100}
_IN_FLIGHT = 300
_OPEN = sum(_STATES.values()) + _IN_FLIGHT
_PER_SECOND = 500
_HANDLER = "/4000/10"  # lasts until all clients are there, and well into the drain
_FLOW_S = 0.5          # of it: before the signal, and after the end


def _open(load):
    """A client for those that are open, and one for those that arrive. Returns the latter.

    shutwatch-client --target=HOST:PORT --source=127.0.0.2 --ready-timeout=1m
        --idle=9300 --silent=300 --half-request=100
    shutwatch-client --target=HOST:PORT --source=127.0.0.3 --in-flight=300
        --in-flight-path=/4000/10
    shutwatch-client --target=HOST:PORT --source=127.0.0.4 --flow=500 --flow-path=/0/1

    each with paths of their states, and --output=FILE. A source address of its own gives each
    28,000 ports, so that no name comes twice.
    """
    load.add("--source=127.0.0.2", "--ready-timeout=1m",
             *[f"--{state}={count}" for state, count in _STATES.items()])
    load.add("--source=127.0.0.3", f"--in-flight={_IN_FLIGHT}", paths={"in_flight": _HANDLER})
    return load.add("--source=127.0.0.4", f"--flow={_PER_SECOND}")


def _wait_taken(running):
    """Until all that are to stay open are accepted. Returns the names of all that are."""
    port = int(running.target.rpartition(":")[2])
    wait_until(lambda: not queued(running.pid, port), "all to be accepted", 60)
    sides = server_side(running.pid, port)
    return {name for name, side in sides.items() if side.is_accepted and not side.unread}


@pytest.mark.parametrize("how", [TERM, TERM_ALL], ids=lambda how: how.name)
def test_fastapi_load(stage, how):
    """Every connection of every client is there, once, and told right; the sums are exact."""
    running = start_fastapi_load(stage)
    watch = stage.watch(running.pid, "--details=all", settle="2s")
    load = Load(stage, running)
    flow = _open(load)
    time.sleep(_FLOW_S)  # part of the scenario
    taken = _wait_taken(running)
    ending = Ending(running.cgroup)
    stop = running.stop(how)
    wait_until(lambda: ending.at_ns, "the workers to end", 60)
    time.sleep(_FLOW_S)  # part of the scenario: who arrives now is refused
    load.end(flow)
    ending.close()
    record = watch.record(60)
    load.wait_ended()
    connections = load.lines()
    for connection in connections:
        connection.is_taken = connection.local in taken

    judge = Judge(record, connections, stop)
    judge.counts_undecidable = True
    assert not list(judge.disagreements())
    inbound = record["connections"]["inbound"]
    assert record["complete"]
    assert sum(inbound["outcomes"].values()) == inbound["open_at_signal"] + inbound["late"]
    assert inbound["open_at_signal"] >= _OPEN
    assert inbound["in_flight_at_signal"] >= _IN_FLIGHT
    assert {c.local for c in connections if c.kind != "arriving"} <= details_of(record).keys()
    assert inbound["refused"] > 0
