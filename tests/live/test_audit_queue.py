# SPDX-License-Identifier: GPL-2.0-only
"""`audit` of accept queues: what stays in them is lost, what flows through them is not."""

import socket
import sys
import threading

from test_audit import audit_one, findings, stop

from kit.sockets import free_ports

# 4 ms a connection: those of 20 clients wait, each for 80 ms.
_SLOW = """
import signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
print("ready", sys.argv[1], flush=True)
while True:
    client, _ = server.accept()
    time.sleep(0.004)
    client.close()
"""


def _come_and_go(port, is_over):
    while not is_over.is_set():
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.recv(1)


def test_queue_in_flow(stage):
    """Under load some wait at any moment, and none for long: nothing that could fail a gate."""
    port, = free_ports()
    server = stage.python_victim(sys.executable, "-c", _SLOW, port)
    is_over = threading.Event()
    threads = [threading.Thread(target=_come_and_go, args=(port, is_over)) for _ in range(20)]
    for thread in threads:
        thread.start()
    try:
        told = [audit_one(stage, "--pid", server.pid) for _ in range(5)]
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert any(one["listeners"][0]["queued"] for one in told)
    assert {(one["outcome"], *findings(one)) for one in told} == {("clean",)}


def test_queue_of_a_server_with_a_handler(stage):
    """It hears the signal and does not accept: what waits is lost all the same."""
    victim = stage.server("--no-accept")
    client = stage.client(victim.port)
    client.silent(4)
    client.wait_opened()
    told = audit_one(stage, "--pid", victim.pid)
    assert (told["outcome"], findings(told)) == ("lossy", ["accept_queue_dropped"])
    assert [listener["stalled"] for listener in told["listeners"]] == [4]
    record = stop(stage, victim.pid).record()
    assert record["connections"]["inbound"]["outcomes"] == {"unaccepted": 4}


def test_queue(stage):
    """What waits to be accepted is reset with the listener."""
    victim = stage.server("--stop=default", "--no-accept")
    client = stage.client(victim.port)
    client.silent(4)
    client.wait_opened()
    told = audit_one(stage, "--pid", victim.pid)
    assert told["outcome"] == "lossy"
    assert set(findings(told)) == {"accept_queue_dropped", "no_handler"}
    assert [listener["queued"] for listener in told["listeners"]] == [4]

    record = stop(stage, victim.pid).record()
    assert record["outcome"] == "lossy"
    assert record["connections"]["inbound"]["outcomes"] == {"unaccepted": 4}
