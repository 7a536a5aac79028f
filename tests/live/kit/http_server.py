# SPDX-License-Identifier: GPL-2.0-only
"""The HTTP server of shutwatch, started; certificates and passwords for it."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess

from kit.shutwatch import BUILD

# It has the command line of `shutwatch daemon`, and needs no kernel to observe.
HTTP_HOST = BUILD / "tests" / "http_host"
_SERVING = re.compile(rb"serving HTTPS? on (\S+):(\d+)$")


class HttpServer:
    """Runs until the end of the test."""

    def __init__(self, stage, *args, listen="127.0.0.1:0", program=HTTP_HOST):
        self.program = stage.program([program, "daemon", "--web.listen-address", listen, *args])
        line = self.program.err.wait(lambda said: _SERVING.search(said.strip()))
        if line is None:
            raise AssertionError(f"it does not serve: {self.program.err.so_far()}")
        self.port = int(_SERVING.search(line.strip())[2])

    def connect(self, source="127.0.0.1", timeout=10):
        """A TCP connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout, (source, 0))

    @contextlib.contextmanager
    def client(self, tls=None, source="127.0.0.1", timeout=20):
        """An http.client, its connection kept alive."""
        kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
        extra = {"context": tls} if tls else {}
        client = kind("127.0.0.1", self.port, timeout=timeout,
                      source_address=(source, 0), **extra)
        try:
            yield client
        finally:
            client.close()

    def request(self, path, method="GET", body=None, headers=(), **connection):
        """One request on its own connection: status, headers, body."""
        with self.client(**connection) as client:
            client.request(method, path, body, dict(headers))
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, path, status=200, **request):
        """What an API answers."""
        got, headers, body = self.request(path, **request)
        assert got == status, (got, body)
        assert headers["Content-Type"] == "application/json"
        return json.loads(body)

    def raw(self, data, source="127.0.0.1"):
        """Sends bytes, and returns all that comes until the end of the connection."""
        got = b""
        with self.connect(source) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
                with contextlib.suppress(OSError):  # it was reset already
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    got += part
        return got

    def said(self):
        """Its log so far."""
        return b"".join(self.program.err.so_far()).decode()

    def wait_said(self, what):
        """Until its log has that."""
        assert self.program.err.wait(lambda line: what.encode() in line) is not None

    def cpu_seconds(self):
        """What it has used."""
        with open(f"/proc/{self.program.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def password_hash(password, cost=10):
    """bcrypt."""
    said = subprocess.run([HTTP_HOST, "hash", password, str(cost)], check=True, text=True,
                          stdout=subprocess.PIPE)
    return said.stdout.strip()


def _openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


def make_certificate(folder, name, issuer=None, usage="serverAuth"):
    """NAME.pem and NAME.key in the folder, signed by itself or by another of these."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    signed = ["-CA", folder / f"{issuer}.pem", "-CAkey", folder / f"{issuer}.key"] if issuer else []
    extensions = (["-addext", f"extendedKeyUsage={usage}"] if issuer
                  else ["-addext", "basicConstraints=critical,CA:TRUE"])
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1", *extensions, *signed)
    return certificate
