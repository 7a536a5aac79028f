# SPDX-License-Identifier: GPL-2.0-only
"""A TLS connection of the client, which says goodbye (close_notify) when the server closes."""

import ssl
import subprocess

from kit.client import Connection
from kit.clock import now_ns


def make_certificate(directory):
    """A throw-away key and certificate in two files."""
    key, certificate = directory / "key.pem", directory / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=test", "-days", "2", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return key, certificate


class TlsConnection(Connection):
    """sent_bytes and received_bytes count what is on the wire."""

    def __init__(self, client, kind, path, **plan):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="test")
        self._is_shaken = False
        self.goodbye_ns = None        # when we sent close_notify
        self.goodbye_reset_ns = None  # when the RST that answered it came
        super().__init__(client, kind, path, **plan)

    def begin(self):
        self._shake_hands()

    def _shake_hands(self):
        try:
            self._tls.do_handshake()
            self._is_shaken = True
        except ssl.SSLWantReadError:
            pass
        self._flush()
        if self._is_shaken:
            super().begin()

    def _flush(self):
        if self._outgoing.pending:
            super()._send(self._outgoing.read())

    def _send(self, data):
        self._tls.write(data)
        self._flush()

    def take(self, data):
        self._incoming.write(data)
        if not self._is_shaken:
            self._shake_hands()
            return
        try:
            while plain := self._tls.read(65536):
                super().take(plain)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass

    def handle_fin(self):
        """Says goodbye into the closed connection, and waits for the RST that answers it."""
        self.fin_ns = now_ns()
        self._client.expect(self._sock, 0)
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass
        self.goodbye_ns = now_ns()
        self._flush()

    def _over(self, end):
        if end == "fin+rst" and self.goodbye_ns:
            self.goodbye_reset_ns = now_ns()
            end = "fin"
        super()._over(end)
