# SPDX-License-Identifier: GPL-2.0-only
"""Traps about what became of single connections. Names are those of the list of traps."""

import os
import signal
import socket

import pytest

from kit import tls
from kit.clock import wait_until
from kit.expect import assert_whole, process
from kit.judge import assert_agrees, details_of, outcomes
from kit.shutwatch import ROOT
from kit.sockets import free_ports, queued, server_side, unacked_fins
from kit.timing import assert_times, told_times


def test_answered_then_closed(trap):
    """A request in flight at TERM is answered 300 ms later, then the connection is closed."""
    victim = trap.server()
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2)
    client.in_flight(1, "/300/10")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 2, "in_flight: whole+fin": 1}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"completed": 1, "idle": 2}
    assert record["outcome"] == "clean"
    assert record["connections"]["inbound"]["in_flight_at_signal"] == 1
    assert process(record, victim.pid)["exit"]["code"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_backlog_unaccepted(trap, when):
    """Five clients in the accept queue, two have sent data; watched before or after they came."""
    victim = trap.server("--no-accept")
    watch = trap.watch(victim.pid) if when == "before" else None
    client = trap.client(victim.port)
    client.silent(3)
    client.in_flight(2)
    client.wait_opened()
    wait_until(lambda: queued(victim.pid, victim.port) == 5, "5 queued")
    watch = watch or trap.watch(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"silent: idle+rst": 3, "in_flight: none+rst": 2}

    record = watch.record()
    closed = victim.only("listener_closed")
    assert_whole(record, [client], stop, [victim],
                 {"drain_s": (closed["before_ns"], closed["after_ns"])})
    assert outcomes(record) == {"unaccepted": 5}
    assert {d["at_signal"] for d in record["connections"]["details"]} == {"queued"}
    assert [listener["queued_at_signal"] for listener in record["listeners"]] == [5]
    assert record["outcome"] == "lossy"


def _stop_faulty(trap, fault, opening, seen, expected):
    """A server with a fault, two connections in one state, TERM: seen by the client, expected."""
    victim = trap.server(*fault)
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    opening(client)
    client.wait_opened()
    victim.wait_truth("accepted", 2)
    if "--no-read" not in fault:
        client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.wait_ended()
    assert client.tally(stop.before_ns) == {seen: 2}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {expected: 2}
    assert record["outcome"] == "lossy"
    return record, client


def test_unread_request(trap):
    """The requests lie in the receive buffers, never read."""
    record, client = _stop_faulty(trap, ["--no-read"], lambda client: client.in_flight(2),
                                  "in_flight: none+rst", "reset")
    for connection in client.connections:
        detail = details_of(record)[connection.local]
        assert detail["unread_bytes"] == connection.sent_bytes
        assert detail["wire"] == "rst"


def test_read_never_answered(trap):
    """The requests were read, and the connections closed without an answer."""
    _stop_faulty(trap, ["--no-answer"], lambda client: client.in_flight(2),
                 "in_flight: none+fin", "cut")


def test_half_request(trap):
    """Half a request was received and read, then the connection closed."""
    _stop_faulty(trap, [], lambda client: client.half(2), "half: half+fin", "cut")


def test_linger_zero(trap):
    """SO_LINGER 0 on idle connections: RST where a FIN was due."""
    _stop_faulty(trap, ["--reset"], lambda client: client.idle(2), "idle: idle+rst", "reset")


@pytest.mark.parametrize("pause_ms", [0, 300])
def test_late_data(trap, pause_ms):
    """Idle connections get a FIN, and the next request crosses its acknowledgement.

    It meets a full socket in FIN_WAIT1: there the kernel calls tcp_reset() on its own socket
    (TCPAbortOnData), though the peer sent no RST.
    """
    victim = trap.server(f"--pause={pause_ms}")
    client = trap.client(victim.port)
    _send_late(trap, victim, client, client.idle(2, after_fin="ask"))


@pytest.mark.parametrize("setting, value", [
    ("tcp_fin_timeout", 60), ("tcp_fin_timeout", 120), ("tcp_max_tw_buckets", 0)],
    ids=["time_wait", "fin_wait2", "no_time_wait"])
def test_late_data_later(trap, setting, value):
    """The same once the FIN is acknowledged: a mini-socket, (above 60 s) yet a full one, or none.

    There is none where TIME_WAIT has no room, as after 131,072 closes within a minute.
    """
    netns = trap.netns()
    netns.set(f"net/ipv4/{setting}", value)
    victim = trap.server("--pause=400", netns=netns)
    client = trap.client(victim.port, netns=netns)
    late = client.idle(2, after_fin="hold")

    def ask():
        client.run_until(lambda: all(c.fin_ns for c in client.connections), "the FINs")
        wait_until(lambda: not unacked_fins(victim.pid, victim.port), "the FINs' ACKs")
        for connection in late:
            connection.ask()

    _send_late(trap, victim, client, late, ask)


def _send_late(trap, victim, client, late, ask=lambda: None):
    client.idle(1)
    watch = trap.watch(victim.pid)
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    ask()
    client.wait_ended()
    assert [c.end for c in late] == ["fin+rst"] * 2

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"late_reset": 2, "idle": 1}
    assert record["outcome"] == "lossy"


def test_ipv6_and_mapped(trap):
    """Clients over ::1 and over IPv4 to one dual-stack listener."""
    victim = trap.server("--address=::")
    watch = trap.watch(victim.pid)
    clients = [trap.client(victim.port, address) for address in ("::1", "127.0.0.1")]
    for client in clients:
        client.idle(2)
        client.in_flight(1, "/900/10")
        client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    for client in clients:
        client.wait_ended()
        assert client.tally(stop.before_ns) == {"idle: idle+fin": 2, "in_flight: whole+fin": 1}

    record = watch.record()
    assert_whole(record, clients, stop, [victim])
    assert outcomes(record) == {"completed": 2, "idle": 4}
    listener, = record["listeners"]
    assert (listener["family"], listener["address"]) == ("inet6", "::")
    assert listener["port"] == victim.port


@pytest.mark.parametrize("goodbye", ["silent", "polite"])
def test_tls_close_notify(trap, goodbye):
    """The server closes idle TLS connections; the client's close_notify is answered by RST.

    polite: the server sends a close_notify before its FIN. Then data did move after T0, and the
    contract's word for that is "completed".
    """
    key, certificate = tls.make_certificate(trap.directory)
    victim = trap.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/tls_server.py",
                                free_ports()[0], key, certificate, goodbye)
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(2, make=tls.TlsConnection)
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.run_until(lambda: all(c.goodbye_reset_ns for c in client.connections), "the RSTs")
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 2}

    record = watch.record()
    assert record["connections"]["inbound"]["late_closes"] == 2
    assert record["connections"]["inbound"]["aborted"] == 0
    assert record["outcome"] == "clean"
    if goodbye == "silent":
        assert_agrees(record, client.connections, stop)
        assert outcomes(record) == {"idle": 2}
    else:
        assert set(outcomes(record)) <= {"idle", "completed"}


def test_farewell_before_anybody_looked(trap):
    """An idle client is told goodbye, and shutwatch looks before that is acknowledged."""
    victim = trap.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/farewell.py",
                                free_ports()[0])
    watch = trap.watch(victim.pid)
    with socket.create_connection(("127.0.0.1", victim.port), 10) as client:
        client.sendall(b"a request\n")
        assert client.recv(100) == b"an answer\n"
        name = "{}:{}".format(*client.getsockname())
        wait_until(lambda: not server_side(victim.pid, victim.port)[name].unacked, "all is sent")
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)  # from now on after 40 ms
        os.kill(watch.pid, signal.SIGSTOP)
        stop = trap.send(victim.pid)
        assert client.recv(100) == b"a farewell\n"
        os.kill(watch.pid, signal.SIGCONT)
        wait_until(lambda: not server_side(victim.pid, victim.port)[name].unacked, "all is sent")
    record = watch.record()
    assert record["complete"] and record["trigger"]["sender"]["pid"] == stop.sender
    detail = details_of(record)[name]
    assert detail["at_signal"] is None  # it was idle; who looks that late cannot know
    assert record["connections"]["inbound"]["in_flight_at_signal"] == 0
    assert outcomes(record) == {"peer_closed": 1}


def test_last_answer_before_anybody_looked(trap):
    """Answered and closed within the jiffy of TERM: it was no idle client."""
    victim = trap.python_victim("/usr/bin/python3", ROOT / "tests/live/apps/last_answer.py",
                                free_ports()[0])
    watch = trap.watch(victim.pid)
    with socket.create_connection(("127.0.0.1", victim.port), 10) as client:
        client.sendall(b"a request\n")
        name = "{}:{}".format(*client.getsockname())
        wait_until(lambda: not server_side(victim.pid, victim.port)[name].unread, "it to be read")
        os.kill(watch.pid, signal.SIGSTOP)
        trap.send(victim.pid)
        assert client.recv(100) == b"an answer\n" and client.recv(100) == b""
        victim.wait()
        os.kill(watch.pid, signal.SIGCONT)
    record = watch.record()
    assert record["complete"] and outcomes(record) == {"completed": 1}
    assert details_of(record)[name]["at_signal"] is None


def test_backlog_reset(trap):
    """The peer's RST waits in the socket's backlog while the server holds the socket's lock."""
    victim = trap.victim("locked", free_ports()[0])
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    connection, = client.in_flight(1)
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    victim.wait_truth("locked")
    connection.reset()
    assert connection.local in server_side(victim.pid, victim.port)  # the RST has to wait
    victim.tell()
    victim.wait()
    assert client.tally(stop.before_ns) == {"in_flight: none+own_rst": 1}
    assert victim.only("sent_again")["result"] < 0

    record = watch.record()
    assert_agrees(record, client.connections, stop, [])
    assert outcomes(record) == {"peer_reset": 1}
    truth = told_times(record, [victim], client.connections)
    unlocked = victim.only("unlocks")["at_ns"], victim.only("sent")["at_ns"]
    assert_times(record, {**truth, "in_flight_s": unlocked, "drain_s": unlocked})
    assert record["connections"]["inbound"]["aborted"] == 0
    assert record["outcome"] == "clean"


def test_half_close(trap):
    """shutdown(SHUT_WR) after the last answer: it is over when the client's FIN has come too."""
    victim = trap.server("--half-close")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    client.idle(1, after_fin="hold")
    client.in_flight(2, "/200/10", after_fin="hold")
    client.wait_taken(victim.pid)
    stop = trap.send(victim.pid)
    client.run_until(lambda: all(c.fin_ns for c in client.connections), "the server's FINs")
    client.run_for(300)
    assert not victim.truth("closed")
    for connection in client.connections:
        connection.close()
    victim.wait_truth("closed", 3)
    assert client.tally(stop.before_ns) == {"idle: idle+fin": 1, "in_flight: whole+fin": 2}

    record = watch.record()
    assert_whole(record, [client], stop, [victim])
    assert outcomes(record) == {"completed": 2, "idle": 1}
    assert min(d["closed_at_s"] for d in record["connections"]["details"]) >= 0.3
    assert record["outcome"] == "clean"


@pytest.mark.parametrize("how", ["close", "exit"])
def test_big_response_buffered(trap, how):
    """4 MB wait in the send buffer when the process ends; the client reads them afterwards."""
    size = 4 << 20
    victim = trap.server("--send-buffer=33554432",
                         f"--stop={'handler' if how == 'close' else 'leave'}")
    watch = trap.watch(victim.pid)
    client = trap.client(victim.port)
    reading, = client.reading(1, f"/0/{size}")
    client.wait_taken(victim.pid)
    victim.wait_truth("answered")
    before = reading.received_bytes
    stop = trap.send(victim.pid)
    victim.wait()
    reading.resume()
    client.wait_ended()
    assert client.tally(stop.before_ns) == {"reading: whole+fin": 1}
    assert reading.received_bytes > size

    record = watch.record()
    end = (stop.before_ns, victim.reaped_ns)
    assert_whole(record, [client], stop, [victim],
                 {"first_action_s": end, "accepting_s": end, "in_flight_s": end, "drain_s": end}
                 if how == "exit" else {})
    detail = details_of(record)[reading.local]
    assert detail["wire"] == "fin"
    assert detail["sent_bytes"] == reading.received_bytes
    assert 0 < detail["unacked_bytes"] <= reading.received_bytes - before
    assert outcomes(record) == {"completed" if how == "close" else "abandoned": 1}
