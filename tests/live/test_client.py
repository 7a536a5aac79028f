# SPDX-License-Identifier: GPL-2.0-only
"""shutwatch-client writes down exactly what its servers do: each does one thing, on purpose."""

import collections
import contextlib
import json
import os
import resource
import signal
import socket
import struct

import pytest

from kit.clock import MS, now_ns
from kit.shutwatch import BUILD

CLIENT = BUILD / "shutwatch-client"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER 0
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
HALF = OK + b"Content-Length: 10\r\n\r\nhello"
TIMES = ("connect_ns", "connected_ns", "first_request_ns", "answered_ns", "request_ns",
         "first_byte_ns", "last_byte_ns")


class Run:
    """One client and the listener that it is pointed at."""

    def __init__(self, stage, *args, address="127.0.0.1", backlog=16):
        self.listener = socket.create_server(
            (address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            backlog=backlog)
        self.listener.settimeout(10)
        port = self.listener.getsockname()[1]
        self.target = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self.path = stage.directory / "lines.jsonl"
        self.begun_ns = now_ns()
        self.client = stage.program([CLIENT, "--target", self.target, "-o", self.path, *args])

    def accept(self, reads=b"\r\n\r\n"):
        """The next connection, once its request has come."""
        connection, _ = self.listener.accept()
        connection.settimeout(10)
        got = b""
        while reads not in got:
            data = connection.recv(65536)
            assert data, f"the client ended after {got!r}"
            got += data
        return connection

    def wait_ready(self):
        """Its first line."""
        assert self.client.out.wait(lambda line: line == b"ready\n"), self.client.describe()

    def lines(self, status=0):
        """Everything, after its end."""
        assert self.client.wait(20) == status, self.client.describe()
        self.listener.close()
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        for line in lines:
            times = [line[name] for name in TIMES if line[name]]
            assert times == sorted(times) and self.begun_ns < times[0] <= times[-1] < now_ns()
            assert line["peer"] == self.target
        return lines

    def line(self):
        """The only one."""
        lines = self.lines()
        assert len(lines) == 1, lines
        return lines[0]


@pytest.fixture
def run(stage):
    """Starts one."""
    with contextlib.ExitStack() as ends:
        def start(*args, **options):
            made = Run(stage, *args, **options)
            ends.callback(made.listener.close)
            return made
        yield start


def reset(connection):
    """RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


def says(line, **fields):
    """Whether the line does; what is not named is what most lines say."""
    expected = {"end": "fin", "last": "whole", "requests": 1, "answers": 1, "status": "200",
                "late_reset": False, "malformed": False, "says_close": False, "errno": 0,
                "unasked_bytes": 0, **fields}
    assert {name: line[name] for name in expected} == expected


@pytest.mark.parametrize("answer, whole", [
    (HELLO, True), (HALF, False),
    (OK + b"\r\nuntil the end", True),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", True),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", False),
    (b"HTTP/1.1 103 Early\r\n\r\n" + HELLO, True),
    (b"HTTP/1.1 103 Early\r\n\r\n" + HALF, False)])
@pytest.mark.parametrize("end, fields", [
    (socket.socket.close, {"end": "fin"}), (reset, {"end": "rst", "errno": 104})])
def test_answer_then_end(run, answer, whole, end, fields):
    """Whole or part, FIN or RST: an answer until the end of the connection needs a FIN."""
    one = run("--in-flight", "1")
    connection = one.accept()
    one.wait_ready()
    address = "{}:{}".format(*connection.getpeername())
    if end is reset and b"until" in answer:
        whole = False
    connection.sendall(answer)
    before = now_ns()
    end(connection)
    line = one.line()
    says(line, last="whole" if whole else "part", answers=int(whole), local=address,
         received_bytes=len(answer), state="in_flight", family="inet", protocol="http", **fields)
    ended = line["fin_ns" if fields["end"] == "fin" else "reset_ns"]
    assert before < ended < before + 500 * MS and ended <= line["closed_ns"]
    assert (line["fin_ns"] is None) == (fields["end"] == "rst")


@pytest.mark.parametrize("end, fields", [
    (socket.socket.close, {"end": "fin"}), (reset, {"end": "rst", "errno": 104})])
def test_no_answer(run, end, fields):
    """None."""
    one = run("--in-flight", "1")
    connection = one.accept()
    one.wait_ready()
    end(connection)
    line = one.line()
    says(line, last="none", answers=0, status=None, received_bytes=0, **fields)
    assert line["first_byte_ns"] is None and line["sent_bytes"] > 0


def test_connection_close_is_noted(run):
    """And the status, whatever it is."""
    one = run("--in-flight", "1", address="::1")
    with one.accept() as connection:
        connection.sendall(b"HTTP/1.1 503 x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        one.wait_ready()
    says(one.line(), says_close=True, status="503", family="inet6", state="in_flight")


def test_malformed(run):
    """Something else than HTTP."""
    one = run("--in-flight", "1")
    with one.accept() as connection:
        connection.sendall(b"SSH-2.0-server\r\n")
        one.wait_ready()
    says(one.line(), last="part", answers=0, status=None, malformed=True)


def test_half_request(run):
    """Finished when the time has come, and answered."""
    one = run("--half-request", "1", "--half-request-finish", "300ms")
    connection = one.accept(reads=b"GET /")
    one.wait_ready()
    ready_ns = now_ns()
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(1000)
    connection.sendall(HELLO)
    connection.close()
    line = one.line()
    says(line, state="half_request")
    assert 250 * MS < line["request_ns"] - ready_ns < 1000 * MS


def test_half_request_never_finished(run):
    """A 408 that nobody asked for is no answer to a request."""
    one = run("--half-request", "1")
    connection = one.accept(reads=b"GET /")
    one.wait_ready()
    answer = b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n"
    connection.sendall(answer)
    connection.close()
    says(one.line(), last="none", requests=0, answers=0, status="408", unasked_bytes=len(answer))


def _send_while_it_fits(connection, size):
    """The head of an answer and as much of its body as goes. Returns what is left."""
    connection.sendall(OK + b"Content-Length: %d\r\n\r\n" % size)
    connection.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while size:
            size -= connection.send(b"x" * min(size, 65536))
    connection.settimeout(10)
    return size


def test_half_response_read_on(run):
    """The server is stuck until then."""
    one = run("--half-response", "1", "--half-response-resume", "1s")
    connection = one.accept()
    left = _send_while_it_fits(connection, 20_000_000)
    assert left
    one.wait_ready()
    connection.sendall(b"x" * left)
    connection.close()
    line = one.line()
    says(line, state="half_response")
    assert line["last_byte_ns"] - line["first_byte_ns"] > 900 * MS


def test_half_response_reset(run):
    """What is lost is lost."""
    one = run("--half-response", "1")
    connection = one.accept()
    assert _send_while_it_fits(connection, 20_000_000)
    one.wait_ready()
    reset(connection)
    line = one.line()
    says(line, last="part", answers=0, end="rst", errno=104)
    assert line["received_bytes"] < 20_000_000


def test_stream(run):
    """Ready with its first byte; cut."""
    one = run("--stream", "1")
    connection = one.accept()
    connection.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    one.wait_ready()
    connection.sendall(b"1\r\nb\r\n")
    connection.close()
    says(one.line(), last="part", answers=0, state="stream")


def test_never_accepted(run):
    """The listener closes on silent and queued ones."""
    one = run("--silent", "2", "--queued", "3")
    one.wait_ready()
    one.listener.close()
    lines = one.lines()
    assert collections.Counter(line["state"] for line in lines) == {"silent": 2, "queued": 3}
    for line in lines:
        says(line, end="rst", errno=104, last="none", answers=0, status=None,
             requests=int(line["state"] == "queued"))
        assert line["connected_ns"] and line["reset_ns"]


def test_refused(run):
    """Before, during and after: a flow meets a closed port, and the run ends by itself."""
    one = run("--flow", "100", "--burst", "5@100ms", "--until-gone=300ms", backlog=1000)
    one.wait_ready()
    for _ in range(20):
        with one.accept() as connection:
            connection.sendall(HELLO)
    one.listener.close()
    ends = collections.Counter((line["state"], line["end"]) for line in one.lines())
    assert ends["flow", "refused"] > 20 and ends["burst", "refused"] >= 10
    assert ends["flow", "fin"] + ends["burst", "fin"] == 20
    assert set(ends) <= {(state, end) for state in ("flow", "burst")
                         for end in ("refused", "fin", "rst")}


@pytest.mark.parametrize("is_lingering", [False, True])
def test_late_request(run, is_lingering):
    """A request after the server's FIN: reset by one that has closed, not by one that reads."""
    one = run("--idle", "1", "--late-request", "200ms")
    connection = one.accept()
    connection.sendall(HELLO)
    one.wait_ready()
    if is_lingering:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000).startswith(b"GET")
    else:
        connection.close()
    line = one.line()
    says(line, late_reset=not is_lingering, errno=0 if is_lingering else 32)
    assert 190 * MS < line["late_request_ns"] - line["fin_ns"] < 700 * MS
    if is_lingering:
        assert line["late_reset_ns"] is None
        connection.close()
    else:
        assert line["late_request_ns"] - MS < line["late_reset_ns"] < line["closed_ns"]


def test_reuse(run):
    """An idle client asks again; its last request is what counts."""
    one = run("--idle", "1", "--reuse-after", "100ms")
    connection = one.accept()
    first_ns = now_ns()
    for _ in range(3):
        before_ns = now_ns()
        connection.sendall(HELLO)
        assert connection.recv(1000).startswith(b"GET")
    connection.close()
    line = one.line()
    says(line, last="none", requests=4, answers=3, status=None)
    assert line["first_byte_ns"] is None
    # Noted once it is written: by then the server may have read it. The next comes 100 ms later.
    assert line["first_request_ns"] < first_ns + 90 * MS
    assert before_ns < line["answered_ns"] < line["request_ns"] - 90 * MS


def test_interrupted(run):
    """It writes what is known."""
    one = run("--in-flight", "1", "--silent", "1", "--source", "127.0.0.2,127.0.0.3")
    connection = one.accept()
    one.wait_ready()
    os.kill(one.client.pid, signal.SIGTERM)
    lines = one.lines()
    connection.close()
    assert {line["local"].split(":")[0] for line in lines} == {"127.0.0.2", "127.0.0.3"}
    assert [line["end"] for line in lines] == ["open", "open"]


def test_redis(run):
    """RESP: an answer, and a BLPOP that is cut."""
    one = run("--protocol", "redis", "--idle", "1", "--in-flight", "1")
    idle = one.accept(reads=b"PING\r\n")
    idle.sendall(b"+PONG\r\n")
    busy = one.accept(reads=b"BLPOP")
    one.wait_ready()
    idle.close()
    busy.close()
    lines = {line["state"]: line for line in one.lines()}
    says(lines["idle"], status="+", protocol="redis")
    says(lines["in_flight"], last="none", answers=0, status=None)


def test_postgres(run):
    """Start-up, a query answered, and the FATAL error of a shutdown."""
    one = run("--protocol", "postgres", "--idle", "1")
    connection = one.accept(reads=b"shutwatch-client\0\0")
    connection.sendall(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
    assert connection.recv(1000) == b"Q\0\0\0\x0dselect 1\0"
    connection.sendall(b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I")
    one.wait_ready()
    fatal = b"E\0\0\0\x1aSFATAL\0VFATAL\0C57P01\0\0"
    connection.sendall(fatal)
    connection.close()
    says(one.line(), status="57P01", unasked_bytes=len(fatal), says_close=True)


def test_5000_at_once(stage):
    """All of them answered, then closed by the victim, and none of the flow is lost."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 6000:
        pytest.skip("5,000 connections take more files than are allowed here")
    victim = stage.server()
    path = stage.directory / "lines.jsonl"
    client = stage.program([CLIENT, "--target", f"127.0.0.1:{victim.port}", "--path", "/0/5",
                            "--idle", "4900", "--in-flight", "100", "--in-flight-path",
                            "/2000/5", "--flow", "500", "--until-gone", "-o", path])
    assert client.out.wait(lambda line: line == b"ready\n", 30), client.describe()
    victim.wait_truth("asked", 5200, timeout=30)  # behind 200 of the flow nobody is in the queue
    stage.send(victim.pid)
    assert client.wait(30) == 0, client.describe()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    seen = collections.Counter((line["state"], line["last"], line["end"]) for line in lines
                               if line["state"] != "flow")
    assert seen == {("idle", "whole", "fin"): 4900, ("in_flight", "whole", "fin"): 100}
    flow = [line for line in lines if line["state"] == "flow"]
    span_s = (max(line["connect_ns"] for line in flow)
              - min(line["connect_ns"] for line in flow)) / 1e9
    assert 450 < (len(flow) - 1) / span_s < 510
    assert {line["end"] for line in flow} <= {"fin", "rst", "refused"}
    answered = {told["peer"] for told in victim.truth("answered")}
    assert answered == {line["local"] for line in lines if line["last"] == "whole"}
    accepted = {told["peer"] for told in victim.truth("accepted")}
    assert accepted >= {line["local"] for line in lines if line["end"] == "fin"}
