# SPDX-License-Identifier: GPL-2.0-only
"""h2_server.py PORT: one answer on each HTTP/2 connection, then a PING, then it listens on.

At TERM it closes the listener and all connections.
"""

import pathlib
import selectors
import signal
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from kit import http2  # noqa: E402  pylint: disable=wrong-import-position


class Peer:
    """One connection."""

    def __init__(self, sock):
        self.sock = sock
        self._frames = http2.Frames()
        self._preface = http2.PREFACE

    def serve(self):
        """What has come."""
        data = self.sock.recv(4096)
        skipped, self._preface = len(self._preface), self._preface[len(data):]
        for kind, flags, stream, _ in self._frames.feed(data[skipped:]):
            if kind == http2.SETTINGS and not flags & http2.ACK:
                self.sock.sendall(http2.frame(http2.SETTINGS)
                                  + http2.frame(http2.SETTINGS, flags=http2.ACK))
            elif kind == http2.HEADERS:
                self.sock.sendall(
                    http2.frame(http2.HEADERS, http2.ANSWER, http2.END_HEADERS, stream)
                    + http2.frame(http2.DATA, b"x" * 100, http2.END_STREAM, stream)
                    + http2.frame(http2.PING, b"12345678"))


def main():
    """Until TERM."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    chosen = selectors.DefaultSelector()
    chosen.register(listener, selectors.EVENT_READ)
    peers = []

    def stop(*_):
        listener.close()
        for peer in peers:
            peer.sock.close()
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    print(f"ready {sys.argv[1]}", flush=True)
    while True:
        for key, _ in chosen.select():
            if key.data:
                key.data.serve()
            else:
                peers.append(Peer(listener.accept()[0]))
                chosen.register(peers[-1].sock, selectors.EVENT_READ, peers[-1])


main()
