# SPDX-License-Identifier: GPL-2.0-only
"""The client that knows the truth: connections in named states, and what became of each.

One epoll loop that the test itself drives (run_until and what builds on it): no thread, no race
inside the client. Every time is CLOCK_BOOTTIME. Kinds of connections:

  idle       one request answered, kept alive          in_flight  a request without its answer
  reading    stopped reading in the middle of one      half       half a request sent
  silent     connected, nothing sent                   stream     as reading, but never stops
  arriving   made by start_flow: request, answer, "Connection: close"
"""

import errno
import os
import select
import socket
import time

from kit.clock import MS, SLOWNESS, now_ns, wait_until
from kit.http import Answer, request
from kit.line import Line, name_address
from kit.sockets import server_side

_TICK_S = 0.01  # conditions outside the loop (lines of a victim) are looked at this often
_READ_BYTES = 65536


class Connection(Line):
    """One connection, and the line that the client writes down about it."""

    def __init__(self, client, kind, path, keep_alive=True, pause_at=None, after_fin="close"):
        super().__init__(kind, name_address(client.target), now_ns())
        self.path = path
        self._client = client
        self._keep_alive = keep_alive
        self._pause_at = pause_at
        self._after_fin = after_fin  # close, ask, or hold: nothing, until the test calls ask()
        self._answer = Answer()
        self._unacked = None
        self._sock = client.new_socket()
        self._connect()

    # What the client does

    def _connect(self):
        error = self._sock.connect_ex(self._client.target)
        if error in (0, errno.EINPROGRESS):
            self._client.watch(self._sock, select.EPOLLOUT, self)
        else:
            self._fail(error)

    def _send(self, data):
        try:
            sent = self._sock.send(data)
        except OSError as error:
            self._fail(error.errno)
            return
        if sent != len(data):
            raise RuntimeError("a request did not fit into the socket's buffer")
        if self.fin_ns is None:
            self.sent_bytes += sent

    def ask(self):
        """Sends a whole request."""
        self._note("asked")
        self.asked += 1
        self._send(request(self.path, self._keep_alive))

    def ask_half(self):
        """Sends the first half of a request; finish() sends the rest."""
        self._note("half")
        self.is_half = True
        whole = request(self.path, self._keep_alive)
        self._send(whole[:len(whole) // 2])

    def finish(self):
        """The other half."""
        self._note("asked")
        self.is_half = False
        self.asked += 1
        whole = request(self.path, self._keep_alive)
        self._send(whole[len(whole) // 2:])

    def resume(self):
        """Reads on after pause_at."""
        self._pause_at = None
        if self.end == "open":
            self._client.expect(self._sock, select.EPOLLIN)

    def close(self):
        """Our own FIN; after the server's (held open until now) it is only the other half."""
        is_half_closed = self.end == "open" and self.fin_ns
        self._over("fin" if self.fin_ns else "closed")
        if is_half_closed:
            self.ended_ns = now_ns()

    def drop(self):
        """The end of the test, whatever the state: nothing more is written down."""
        self._sock.close()

    def reset(self):
        """Our own RST."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._over("own_rst")

    # What happens to it

    def handle(self, events):
        """Called by the loop."""
        if self.established_ns is None:
            self._handle_connected()
        elif self.fin_ns and events & (select.EPOLLERR | select.EPOLLHUP):
            self._fail(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        else:
            self._handle_readable()

    def _handle_connected(self):
        error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._fail(error)
            return
        self.established_ns = now_ns()
        self.local = name_address(self._sock.getsockname())
        self._client.expect(self._sock, select.EPOLLIN)
        self.begin()

    def begin(self):
        """The first thing that is sent, if anything is."""
        if self.kind == "half":
            self.ask_half()
        elif self.kind != "silent":
            self.ask()

    def _handle_readable(self):
        try:
            data = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error.errno)
            return
        if data:
            self.received_bytes += len(data)
            self.take(data)
        else:
            self.handle_fin()
        if self._pause_at is not None and self.received_bytes >= self._pause_at:
            self._client.expect(self._sock, 0)

    def take(self, data):
        """Bytes of an answer."""
        if not self.is_part:
            self._note("part")
        self.is_part = True
        self._answer.feed(data)
        if self._answer.is_whole():
            self._note("answered")
            self.answered += 1
            self.is_part = False
            self._answer = Answer()

    def handle_fin(self):
        """The server has closed its side."""
        self.fin_ns = now_ns()
        if self._after_fin == "close":
            self._over("fin")
            return
        self._client.expect(self._sock, 0)
        if self._after_fin == "ask":  # as a client does that writes before it looks
            self.ask()

    def _fail(self, error):
        if error == errno.ECONNREFUSED:
            self._over("refused")
        elif error in (errno.ECONNRESET, errno.EPIPE):
            self._over("fin+rst" if self.fin_ns else "rst")
        else:
            raise OSError(error, os.strerror(error))

    def _note(self, event):
        self.events.append((now_ns(), event))

    def _over(self, end):
        """Before the close: the time of what was seen, not of what we did then."""
        if self.end != "open":
            return
        self.end = end
        self.ended_ns = self.fin_ns if end == "fin" else now_ns()
        self._client.forget(self._sock)
        self._sock.close()

    def is_opened(self):
        """Has it reached the state that its kind names (or ended already)?"""
        if self.end != "open":
            return True
        if self.kind in ("idle", "arriving"):
            return self.answered > 0
        if self.kind == "reading":
            return self.received_bytes >= self._pause_at
        if self.kind == "stream":
            return self.received_bytes > 0
        return self.established_ns is not None

    def is_settled(self, unacked):
        """Has the server sent what it can? Told, look by look, what is not acknowledged."""
        before, self._unacked = self._unacked, unacked
        if self.kind == "reading":
            return unacked > 0 and unacked == before
        return unacked == 0 or self.asked > self.answered


class Client:
    """Opens connections to one address and drives them."""

    def __init__(self, address, port, netns=None):
        self.target = (address, port)
        self.connections = []
        self._netns = netns
        self._flow = None
        self._epoll = select.epoll()
        self._watched = {}

    # For Connection

    def new_socket(self):
        """In the client's network namespace."""
        family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
        kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
        if self._netns is None:
            return socket.socket(family, kind)
        with self._netns.entered():
            return socket.socket(family, kind)

    def watch(self, sock, events, connection):
        """From now on the loop calls connection.handle()."""
        self._epoll.register(sock, events)
        self._watched[sock.fileno()] = connection

    def expect(self, sock, events):
        """What to wake up for; errors and hang-ups are told in any case."""
        self._epoll.modify(sock, events)

    def forget(self, sock):
        """It ended; it may never have been watched."""
        if self._watched.pop(sock.fileno(), None):
            self._epoll.unregister(sock)

    # Opening

    def open(self, kind, count=1, path="/0/1", make=Connection, **plan):
        """New connections; they proceed while the loop runs."""
        made = [make(self, kind, path, **plan) for _ in range(count)]
        self.connections += made
        return made

    def idle(self, count=1, **plan):
        """One request answered at once, then nothing."""
        return self.open("idle", count, **plan)

    def in_flight(self, count=1, path="/500/10", **plan):
        """A request whose answer takes its time."""
        return self.open("in_flight", count, path, **plan)

    def reading(self, count=1, path="/0/33554432", pause_at=100_000, **plan):
        """Stops in the middle of a big answer, until resume()."""
        return self.open("reading", count, path, pause_at=pause_at, **plan)

    def half(self, count=1, path="/0/1", **plan):
        """Half a request, until finish()."""
        return self.open("half", count, path, **plan)

    def silent(self, count=1, **plan):
        """Connected and nothing more."""
        return self.open("silent", count, **plan)

    def start_flow(self, per_second, path="/0/1"):
        """New connections at a steady rate, as long as the loop runs."""
        self._flow = [now_ns(), 1_000_000_000 // per_second, path]

    def stop_flow(self):
        """The last of them was it."""
        self._flow = None

    # Driving

    def _open_due(self):
        while self._flow and self._flow[0] <= now_ns():
            self._flow[0] += self._flow[1]
            self.open("arriving", path=self._flow[2], keep_alive=False)

    def _step(self):
        self._open_due()
        timeout = _TICK_S
        if self._flow:
            timeout = min(timeout, max(0, (self._flow[0] - now_ns()) / 1e9))
        for fd, events in self._epoll.poll(timeout):
            if fd in self._watched:
                self._watched[fd].handle(events)

    def run_until(self, condition, what, timeout=10.0):
        """Drives all connections until the condition holds."""
        timeout *= SLOWNESS
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {timeout} s for: {what}")
            self._step()

    def run_for(self, ms):
        """A stretch of time that is part of the scenario."""
        end = now_ns() + ms * MS
        self.run_until(lambda: now_ns() >= end, "the time to pass", ms / 1000 + 5)

    def wait_opened(self, timeout=20.0):
        """Until every connection is in the state that its kind names."""
        self.run_until(lambda: all(c.is_opened() for c in self.connections),
                       "connections to open", timeout)

    def wait_taken(self, pid, timeout=20.0):
        """... and the server (any process of its network namespace) accepted and read all.

        Answers that are in are acknowledged as well: until then they are in flight, though the
        client has them (it may delay the acknowledgement by 40 ms). And where the client stopped
        reading, the server has written until it could no more.
        """
        self.wait_opened(timeout)
        wait_until(lambda: self._are_taken(pid), "the server to accept and read", timeout)

    def _are_taken(self, pid):
        sockets = server_side(pid, self.target[1])
        are_taken = True
        for connection in self.connections:
            found = sockets.get(connection.local)
            is_taken = bool(found and found.is_accepted and not found.unread)
            is_settled = is_taken and connection.is_settled(found.unacked)
            connection.is_taken |= is_taken
            are_taken &= connection.end != "open" or is_settled
        return are_taken

    def wait_ended(self, connections=None, timeout=20.0):
        """Until every one of them (default: all) has ended."""
        chosen = self.connections if connections is None else connections
        self.run_until(lambda: all(c.end != "open" for c in chosen), "connections to end", timeout)

    def close(self):
        """Lets go of everything; what is open stays "open" on its line."""
        for connection in self.connections:
            connection.drop()
        self._epoll.close()

    def tally(self, t0_ns=0, kind=None):
        """{"kind: none+rst": count} of what was seen; "whole" means answered after T0."""
        counts = {}
        for connection in self.connections:
            if kind not in (None, connection.kind):
                continue
            seen = min(connection.saw(t0_ns, 0))
            key = f"{connection.kind}: {seen}+{connection.end}"
            counts[key] = counts.get(key, 0) + 1
        return counts
