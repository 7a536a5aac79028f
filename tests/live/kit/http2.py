# SPDX-License-Identifier: GPL-2.0-only
"""An HTTP/2 connection of the client, frame by frame (RFC 9113): no dependency, no cleverness."""

from kit.client import Connection

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
ACK = END_STREAM = 1
END_HEADERS = 4
# From HPACK's static table: :method GET, :scheme http, :path /, and :status 200.
ASK, ANSWER = b"\x82\x86\x84", b"\x88"


def frame(kind, payload=b"", flags=0, stream=0):
    """The bytes of one."""
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
            + payload)


class Frames:
    """Cuts a stream of bytes into (kind, flags, stream, payload)."""

    def __init__(self):
        self._bytes = b""

    def feed(self, data):
        """All frames that are whole by now."""
        self._bytes += data
        while len(self._bytes) >= 9:
            end = 9 + int.from_bytes(self._bytes[:3], "big")
            if len(self._bytes) < end:
                return
            head, payload = self._bytes[:9], self._bytes[9:end]
            self._bytes = self._bytes[end:]
            yield head[3], head[4], int.from_bytes(head[5:], "big"), payload


class Http2Connection(Connection):
    """One request on stream 1; settings and pings are acknowledged."""

    def __init__(self, client, kind, path, **plan):
        self._frames = Frames()
        super().__init__(client, kind, path, **plan)

    def ask(self):
        self._note("asked")
        self.asked += 1
        self._send(PREFACE + frame(SETTINGS)
                   + frame(HEADERS, ASK, END_STREAM | END_HEADERS, stream=1))

    def take(self, data):
        for kind, flags, _, payload in self._frames.feed(data):
            if kind in (SETTINGS, PING) and not flags & ACK:
                self._send(frame(kind, payload if kind == PING else b"", ACK))
            if kind == DATA and flags & END_STREAM:
                self._note("answered")
                self.answered += 1

    def update_window(self):
        """As a client does some time after it has read an answer."""
        self._send(frame(WINDOW_UPDATE, (1000).to_bytes(4, "big")))
