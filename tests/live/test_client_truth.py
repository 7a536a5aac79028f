# SPDX-License-Identifier: GPL-2.0-only
"""Where a line of shutwatch-client could easily tell an untruth: races, leftovers, no "ready"."""

import contextlib
import os
import signal
import socket
import time

import pytest

from kit.clock import MS, now_ns
from test_client import HELLO, OK, Run, reset, says

CLOSING = OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(name="run")
def start_run(stage):
    """Starts one client and its listener."""
    with contextlib.ExitStack() as ends:
        def start(*args, **options):
            made = Run(stage, *args, **options)
            ends.callback(made.listener.close)
            return made
        yield start


@contextlib.contextmanager
def frozen(pid):
    """The client sees at once what happens meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    yield
    os.kill(pid, signal.SIGCONT)


def fin_and_reset(connection):
    """In this order."""
    connection.shutdown(socket.SHUT_WR)
    reset(connection)


def says_late_reset(line):
    """A FIN, and a reset after it."""
    says(line, late_reset=True, errno=32)
    assert line["reset_ns"] is None and line["fin_ns"] <= line["late_reset_ns"]


def test_send_after_fin_and_reset(run):
    """The server had closed before the next request: that is how it ended."""
    one = run("--idle", "1", "--reuse-after", "300ms")
    connection = one.accept()
    connection.sendall(HELLO)
    one.wait_ready()
    with frozen(one.client.pid):
        fin_and_reset(connection)
        time.sleep(0.4)  # until the next request is due
    says_late_reset(one.line())


@pytest.mark.parametrize("is_frozen", [False, True])
def test_fin_and_reset_while_paused(run, is_frozen):
    """Both are noted when they come, in their order."""
    one = run("--half-response", "1", "--half-response-resume", "1s")
    connection = one.accept()
    connection.sendall(HELLO)
    one.wait_ready()
    before = now_ns()
    with frozen(one.client.pid) if is_frozen else contextlib.nullcontext():
        fin_and_reset(connection)
    line = one.line()
    says_late_reset(line)
    assert line["late_reset_ns"] < before + 500 * MS < line["last_byte_ns"]


def test_no_reuse_after_connection_close(run):
    """No client asks again then: its request would be lost by its own fault."""
    one = run("--idle", "1", "--reuse-after", "100ms")
    connection = one.accept()
    connection.sendall(HELLO)
    assert connection.recv(1000).startswith(b"GET")
    connection.sendall(CLOSING)
    connection.settimeout(0.4)
    with pytest.raises(TimeoutError):
        connection.recv(1000)
    connection.close()
    says(one.line(), requests=2, answers=2, says_close=True)


@pytest.mark.parametrize("answer", [CLOSING, OK + b"\r\nuntil the end"])
def test_idle_needs_keep_alive(run, answer):
    """A server that closes has no idle connections: that is not "ready"."""
    one = run("--idle", "1")
    with one.accept() as connection:
        connection.sendall(answer)
    says(one.lines(status=1)[0], says_close=answer is CLOSING,
         end="open" if answer is CLOSING else "fin")
    assert not one.client.out.all()


def test_leftovers(run):
    """An empty line after an answer does not spoil it, nor the next."""
    one = run("--idle", "1", "--reuse-after", "100ms")
    connection = one.accept()
    connection.sendall(HELLO + b"\r\n")
    assert connection.recv(1000).startswith(b"GET")
    connection.sendall(HELLO + b"\r\n")
    connection.close()
    says(one.line(), requests=2, answers=2, malformed=True, unasked_bytes=4)


def test_postgres_refuses_the_start(run):
    """A FATAL error instead of a session: there was no request that it could be part of."""
    one = run("--protocol", "postgres", "--idle", "1")
    with one.accept(reads=b"shutwatch-client\0\0") as connection:
        connection.sendall(b"E\0\0\0\x1aSFATAL\0VFATAL\0C57P03\0\0")
    line = one.lines(status=1)[0]
    says(line, requests=0, answers=0, last="none", status="57P03", says_close=True)
    assert line["first_byte_ns"] is None


def test_interrupted_before_ready(run):
    """Then its states were not reached."""
    one = run("--idle", "1")
    with one.accept():
        os.kill(one.client.pid, signal.SIGTERM)
        says(one.lines(status=1)[0], end="open", answers=0, last="none", status=None)
    assert b"did not reach their state" in one.client.err.all()[0]
