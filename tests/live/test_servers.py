# SPDX-License-Identifier: GPL-2.0-only
"""Real servers, stopped under load: what each of their clients saw, against the record."""

import signal

import pytest

from kit.clock import MS
from kit.expect import pids
from kit.judge import assert_agrees, details_of
from kit.servers import start_nginx, start_uvicorn
from kit.timing import assert_times

_HANDLER_MS = 2000
_SLOW = f"/{_HANDLER_MS}/100"


def _by_kind(record, client):
    """{"idle": {"left_open"}, …}: the outcomes of each kind of connection."""
    details = details_of(record)
    found = {}
    for connection in client.connections:
        if connection.local in details:
            found.setdefault(connection.kind, set()).add(details[connection.local]["outcome"])
    return found


def _times_seen(client, stop, server):
    """What the client knows of the times: who was let in last, who was turned away first."""
    arrived = [c for c in client.connections if c.established_ns]
    refused = [c.ended_ns for c in client.connections if c.end == "refused"]
    ends = [c.ended_ns for c in arrived if c.kind != "arriving"]  # these end by the stop alone
    return {
        "react_s": (stop.before_ns, server.gone_ns),
        "first_action_s": (stop.before_ns, min(ends)),
        "accepting_s": (max(stop.before_ns, *(c.connect_ns for c in arrived)), min(refused)),
        "drain_s": (stop.before_ns, max(c.ended_ns for c in arrived)),
        "total_s": (stop.before_ns, server.gone_ns),
    }


def _stop_under_load(trap, server, client, how, during=lambda: None):
    """Arriving connections from 200 ms before the signal until 300 ms after the exit.

    Refused ones count until shutwatch has settled, so the flow must end before that.
    """
    watch = trap.watch(server.pid)
    client.wait_taken(server.pid)
    client.start_flow(50)
    client.run_for(200)
    stop = trap.send(server.pid, how)
    during()
    client.run_until(server.is_gone, "the server to end", 15)
    client.run_for(300)
    client.stop_flow()
    _resume(client)
    client.wait_ended()
    return watch, stop


def _resume(client):
    """The readers read on."""
    for connection in client.connections:
        if connection.kind == "reading":
            connection.resume()


def _resume_later(client):
    """The readers pause for a second after the signal."""
    def during():
        client.run_for(1000)
        _resume(client)
    return during


def _kinds(tally, kind):
    return {key.split(": ")[1] for key in tally if key.startswith(f"{kind}: ")}


def _assert_seen(client, stop, expected):
    """What the clients saw is known of these servers: else the set-up is not what is meant."""
    tally = client.tally(stop.before_ns)
    assert {kind: _kinds(tally, kind) for kind in expected} == expected, tally
    assert "refused" in str(tally)


@pytest.mark.parametrize("workers", [1, 2])
def test_uvicorn(trap, workers):
    """TERM: what is in flight is answered, idle and half-sent connections are closed."""
    server = start_uvicorn(trap, workers)
    client = trap.client(server.port)
    client.idle(4)
    client.in_flight(4, _SLOW)
    client.open("stream", 2, "/stream/1500/15")
    client.reading(2, "/0/16777216")
    client.half(2)
    client.silent(2)
    watch, stop = _stop_under_load(trap, server, client, signal.SIGTERM, _resume_later(client))
    _assert_seen(client, stop, {
        "idle": {"idle+fin"}, "in_flight": {"whole+fin"}, "stream": {"whole+fin"},
        "reading": {"whole+fin"}, "half": {"half+fin"}, "silent": {"idle+fin"}})

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    found = _by_kind(record, client)
    found.pop("arriving", None)
    assert found == {"idle": {"idle"}, "in_flight": {"completed"}, "stream": {"completed"},
                     "reading": {"completed"}, "half": {"cut"}, "silent": {"idle"}}
    slow = [c for c in client.connections if c.kind == "in_flight"]
    ends = [c.ended_ns if c.kind == "half" else c.events[-1][0] for c in client.connections
            if c.kind in ("in_flight", "stream", "reading", "half")]
    assert_times(record, {**_times_seen(client, stop, server), "in_flight_s": (
        max(c.events[0][0] for c in slow) + _HANDLER_MS * MS, max(ends))})
    assert server.pid in pids(record)
    assert record["outcome"] == "lossy"


def _nginx(trap):
    upstream = trap.server()
    # Half a request waits for the signal, and is finished after it, on a slow machine as well.
    server = start_nginx(trap, upstream.port, header_s=5)
    client = trap.client(server.port)
    client.idle(4)
    client.in_flight(4, _SLOW)
    client.reading(2, "/file")
    client.half(2)
    client.silent(2)
    return server, client


def test_nginx_term(trap):
    """TERM: the workers leave at once and the kernel closes what they held."""
    server, client = _nginx(trap)
    watch, stop = _stop_under_load(trap, server, client, signal.SIGTERM)
    _assert_seen(client, stop, {
        "idle": {"idle+fin"}, "in_flight": {"none+fin"}, "reading": {"part+fin"},
        "half": {"half+fin"}, "silent": {"idle+fin"}})

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    found = _by_kind(record, client)
    found.pop("arriving", None)
    assert found == {"idle": {"left_open"}, "in_flight": {"abandoned"}, "reading": {"abandoned"},
                     "half": {"abandoned"}, "silent": {"left_open"}}
    outbound = record["connections"]["outbound"]
    assert outbound["aborted"] == outbound["outcomes"]["abandoned"]
    assert outbound["aborted"] in (4, 5)  # or one more that arrived just then
    assert_times(record, {**_times_seen(client, stop, server),
                          "drain_s": (stop.before_ns, server.gone_ns)})
    assert len(pids(record)) == 3
    assert record["outcome"] == "lossy"


def test_nginx_quit(trap):
    """QUIT: idle connections go at once, requests are answered, the silent ones time out."""
    server, client = _nginx(trap)
    finishing = client.half(2, "/500/10")

    def during():
        client.run_for(500)
        for connection in finishing:
            connection.finish()
        _resume_later(client)()

    watch, stop = _stop_under_load(trap, server, client, signal.SIGQUIT, during)
    _assert_seen(client, stop, {
        "idle": {"idle+fin"}, "in_flight": {"whole+fin"}, "reading": {"whole+fin"},
        "half": {"half+fin", "whole+fin"}, "silent": {"idle+fin"}})

    record = watch.record()
    assert_agrees(record, client.connections, stop)
    details = details_of(record)
    assert {details[c.local]["outcome"] for c in finishing} == {"completed"}
    found = _by_kind(record, client)
    found.pop("arriving", None)
    assert found == {"idle": {"idle"}, "in_flight": {"completed"}, "reading": {"completed"},
                     "half": {"cut", "completed"}, "silent": {"idle"}}
    assert record["connections"]["outbound"]["aborted"] == 0
    assert_times(record, _times_seen(client, stop, server))
    assert record["trigger"]["signal"] == "SIGQUIT"
    assert record["outcome"] == "lossy"
