# SPDX-License-Identifier: GPL-2.0-only
"""HTTP: passwords, floods, and clients that are slow, large, broken or silent."""

import base64
import collections
import contextlib
import os
import random
import re
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from kit.clock import wait_until
from kit.http_server import HTTP_HOST, HttpServer, make_certificate, password_hash

LIST = "/api/v1/shutdowns"
QUICK = 1.0  # seconds, with the sanitizers, on a busy machine
CONNECTIONS = 128  # in total
PER_PEER = 32
IDLE_SECONDS = 10
TOTAL_SECONDS = 20


@pytest.fixture
def http_server(stage):
    """Without a store, without a web configuration."""
    return HttpServer(stage)


def basic(user, password):
    """The header."""
    word = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {word}"}


def users_config(stage, cost=10, **users):
    """A web configuration with these users and passwords."""
    path = stage.directory / "web.yml"
    fresh = stage.directory / "web.yml.new"
    fresh.write_text("basic_auth_users:\n" + "".join(
        f"  {user}: {password_hash(password, cost)}\n" for user, password in users.items()),
        encoding="utf-8")
    fresh.replace(path)
    return path


# Passwords


def test_passwords(stage):
    """Every path asks; good, bad, unknown and broken ones; the body tells nothing."""
    config = users_config(stage, 4, alice="correct horse", bob="battery: staple")
    server = HttpServer(stage, "--web.config.file", config)
    for path in ("/", "/metrics", "/-/healthy", "/-/ready", LIST, "/nothing"):
        status, headers, body = server.request(path)
        assert status == 401
        assert headers["WWW-Authenticate"] == 'Basic realm="shutwatch", charset="UTF-8"'
        assert b"nothing" not in body
    for user, password in (("alice", "correct horse"), ("bob", "battery: staple")):
        assert server.request("/metrics", headers=basic(user, password))[0] == 200

    def refused(headers):
        """Also when it has to come again later."""
        while (got := server.request("/metrics", headers=headers))[0] == 429:
            time.sleep(int(got[1]["Retry-After"]))
        return got[0] == 401

    assert refused(basic("alice", "battery: staple"))
    assert refused(basic("carol", "correct horse"))
    assert refused(basic("", ""))
    for broken in ("Basic", "Basic ", "Basic !!!!", "Basic YWxpY2U=", "Bearer abc", "basic " * 99,
                   "Basic " + "QUFB" * 2000):
        assert refused({"Authorization": broken})
    assert "correct horse" not in server.said()


def test_changed_passwords(stage):
    """A new file holds from the next request on; a bad one changes nothing."""
    config = users_config(stage, 4, alice="one")
    server = HttpServer(stage, "--web.config.file", config)
    assert server.request("/", headers=basic("alice", "one"))[0] == 200
    users_config(stage, 4, alice="two")
    assert server.request("/", headers=basic("alice", "one"))[0] == 401
    assert server.request("/", headers=basic("alice", "two"))[0] == 200
    config.write_text("basic_auth_users:\n  alice: two\n", encoding="utf-8")
    for _ in range(20):
        assert server.request("/", headers=basic("alice", "two"))[0] == 200
    server.wait_said("the old one stays in force")
    assert server.said().count("must be a bcrypt hash") == 1
    config.unlink()
    assert server.request("/")[0] == 401


@pytest.mark.parametrize("user", ["alice", "mallory"])
def test_password_flood(stage, user):
    """200 wrong ones: few are hashed, and who was good before goes on undisturbed."""
    server = HttpServer(stage, "--web.config.file", users_config(stage, alice="correct horse"))
    good = basic("alice", "correct horse")
    assert server.request("/metrics", headers=good)[0] == 200
    statuses = collections.Counter()
    lock = threading.Lock()

    def attack(first):
        for number in range(first, 200, 8):
            status, headers, _ = server.request("/metrics", headers=basic(user, f"no {number}"),
                                                source="127.0.0.2")
            assert status == 401 or int(headers["Retry-After"]) >= 1
            with lock:
                statuses[status] += 1

    cpu, start = server.cpu_seconds(), time.monotonic()
    threads = [threading.Thread(target=attack, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        before = time.monotonic()
        assert server.request("/metrics", headers=good)[0] == 200
        slowest = max(slowest, time.monotonic() - before)
    took, cpu = time.monotonic() - start, server.cpu_seconds() - cpu
    print(f"{dict(statuses)} in {took:.2f} s, {cpu:.2f} s of CPU, the good waited {slowest:.3f} s")
    assert sum(statuses.values()) == 200 and set(statuses) == {401, 429}
    assert statuses[401] <= 4 + 4 * took + 1
    assert cpu < 0.3 * took + 2
    assert slowest < QUICK


# Slots and times


def silent(server, count, source):
    """So many connections that say nothing."""
    return [server.connect(source) for _ in range(count)]


def is_closed(connection, timeout=0.0):
    """Has the other side ended it?"""
    if not select.select([connection], [], [], timeout)[0]:
        return False
    try:
        return connection.recv(4096) == b""
    except ConnectionError:
        return True


def close_all(connections):
    """All of them."""
    for connection in connections:
        connection.close()


def test_silent_connections(http_server):
    """200 of one peer: it keeps its share, the rest is refused at once; others are served."""
    crowd = silent(http_server, 200, "127.0.0.3")
    wait_until(lambda: sum(map(is_closed, crowd)) >= 200 - PER_PEER, "the refusals")
    assert sum(map(is_closed, crowd)) == 200 - PER_PEER
    start = time.monotonic()
    assert http_server.request("/metrics")[0] == 200
    assert time.monotonic() - start < QUICK
    close_all(crowd)
    wait_until(lambda: _is_served(http_server, "127.0.0.3"), "the slots to be free again")


def _is_served(server, source):
    try:
        return server.request("/metrics", source=source)[0] == 200
    except (ConnectionError, OSError):
        return False


def test_silent_crowd(http_server):
    """Of many peers: all slots are taken, and a newcomer is refused quickly, not left waiting."""
    crowd = []
    for peer in range(8):
        crowd += silent(http_server, PER_PEER, f"127.0.1.{peer + 1}")
    wait_until(lambda: sum(map(is_closed, crowd)) >= len(crowd) - CONNECTIONS, "the refusals")
    start = time.monotonic()
    assert not _is_served(http_server, "127.0.0.1")
    assert time.monotonic() - start < QUICK
    # Nobody has to go for the slots to be free again.
    wait_until(lambda: _is_served(http_server, "127.0.0.1"), "the idle to be closed",
               timeout=IDLE_SECONDS + 5)
    close_all(crowd)


def test_drip(http_server):
    """A byte now and then is not idle; it ends all the same."""
    start = time.monotonic()
    with http_server.connect() as dripping, http_server.connect() as quiet:
        dripping.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        quiet_for = None
        while not is_closed(dripping, 0.5):
            if quiet_for is None and is_closed(quiet):
                quiet_for = time.monotonic() - start
            with contextlib.suppress(ConnectionError):
                dripping.sendall(b"X")
            assert time.monotonic() - start < TOTAL_SECONDS + 3
    assert IDLE_SECONDS - 1 < quiet_for < IDLE_SECONDS + 3
    assert TOTAL_SECONDS - 1 < time.monotonic() - start


def test_slow_readers(stage):
    """Large answers that nobody reads: the others are served, the slots come back."""
    store = stage.directory / "store.db"
    subprocess.run([HTTP_HOST, "fill", store, "1000"], check=True)
    server = HttpServer(stage, "--store", store)
    readers = []
    for number in range(40):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.bind((f"127.0.2.{number % 4 + 1}", 0))
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(b"GET /api/v1/shutdowns?limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        readers.append(reader)
    assert server.request("/metrics")[0] == 200
    assert server.request(LIST + "?limit=1000", headers={"Accept-Encoding": "gzip"})[0] == 200
    close_all(readers)


# What is too large, and what is no HTTP


def test_large_requests(http_server):
    """Refused with the status that says why; the memory of a connection is bounded."""
    def status(data):
        found = re.match(rb"HTTP/1\.1 (\d+) ", http_server.raw(data))
        return int(found[1]) if found else None

    get = b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n"
    assert status(get % (b"/" + b"a" * 20_000, b"")) in (414, 431)
    assert status(get % (b"/-/healthy", b"X: " + b"a" * 20_000 + b"\r\n")) == 431
    assert status(get % (b"/-/healthy", b"X: a\r\n" * 4_000)) == 431
    assert status(get % (b"/?" + b"a&" * 9_000, b"")) in (400, 414, 431)
    assert status(get % (b"/" + b"a" * 4_000, b"")) == 404
    assert status(get % (b"/-/healthy", b"X: " + b"a" * 4_000 + b"\r\n")) == 200
    assert http_server.request("/metrics")[0] == 200


_BROKEN = [
    b"",
    b"\r\n",
    b"\n" * 5_000,
    b"\0" * 500,
    b"GET\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
    b"GET http://x/ HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    b" / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%zz%0 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /metrics?%=%&&&=&==%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500,
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: " + b",;=\"\\" * 900 + b"\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + b"gzip;q=" * 900 + b"\r\n\r\n",
    b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n" * 200,
]


def _mutants(count):
    """Requests with bytes changed, cut, doubled; the same in each run."""
    chance = random.Random(9942)
    whole = [b"GET /api/v1/shutdowns?service=a%20b&limit=5 HTTP/1.1\r\nHost: a\r\n"
             b"Accept: */*\r\n\r\n",
             b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain;q=0.5\r\n"
             b"Authorization: Basic YTpi\r\n\r\n"]
    for _ in range(count):
        data = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 8)):
            at = chance.randrange(len(data))
            kind = chance.randrange(3)
            if kind == 0:
                data[at] = chance.randrange(256)
            elif kind == 1:
                del data[at:at + chance.randrange(1, 9)]
            else:
                data[at:at] = chance.randbytes(chance.randrange(1, 40))
            data = data or bytearray(b"x")
        yield bytes(data)
    for _ in range(count // 4):
        yield chance.randbytes(chance.randrange(1, 3_000))


@pytest.mark.parametrize("has_tls", [False, True])
def test_broken_requests(stage, has_tls):
    """Whatever comes, an answer of HTTP or none; the server goes on, without a line in the log."""
    args = ()
    if has_tls:
        make_certificate(stage.directory, "server")
        config = stage.directory / "web.yml"
        config.write_text("tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n",
                          encoding="utf-8")
        args = ("--web.config.file", config)
    server = HttpServer(stage, *args)
    said = server.said()
    for data in [*_BROKEN, *_mutants(400)]:
        with server.connect() as connection, contextlib.suppress(ConnectionError, TimeoutError):
            connection.sendall(data)
            connection.settimeout(0.02)  # some wait for more: it is their time-out, not ours
            got = connection.recv(65536)
            assert has_tls or got == b"" or got.startswith(b"HTTP/1."), (data, got)
    assert not server.program.has_ended()
    assert server.said() == said
    wait_until(lambda: has_tls or _is_served(server, "127.0.0.1"), "the server to answer")


# The end


@pytest.mark.parametrize("cost", [None, 12])
def test_stop(stage, cost):
    """Half a second, whatever hangs on it: silent, half a request, unread answers, a hash."""
    args = ("--web.config.file", users_config(stage, cost, alice="x")) if cost else ()
    server = HttpServer(stage, *args)
    crowd = silent(server, 20, "127.0.0.4")
    for number in range(10):
        crowd += silent(server, 1, "127.0.0.5")
        crowd[-1].sendall(b"GET / HTTP/1.1\r\nHost: a" if number % 2 else
                          b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
    headers = "".join(f"{key}: {value}\r\n" for key, value in basic("alice", "y").items())
    for _ in range(10):
        crowd += silent(server, 1, "127.0.0.6")
        crowd[-1].sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
    assert crowd[-1].recv(4096).startswith(b"HTTP/1.1 ")
    os.kill(server.program.pid, signal.SIGTERM)
    assert server.program.wait() == 0
    said = b"".join(server.program.out.all())
    assert int(re.match(rb"stopped in (\d+) ms", said)[1]) < 500
    assert all(is_closed(connection, 1) or is_closed(connection, 1) for connection in crowd[:20])
    with pytest.raises(ConnectionRefusedError):
        server.connect()
    close_all(crowd)
