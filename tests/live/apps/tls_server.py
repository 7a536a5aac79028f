# SPDX-License-Identifier: GPL-2.0-only
"""tls_server.py PORT KEY CERTIFICATE silent|polite: one answer on each connection, kept alive.

At TERM it closes the listener and all connections; "polite" sends close_notify first.
"""

import signal
import socket
import ssl
import sys


def _say_goodbye(connection):
    connection.setblocking(False)
    try:
        connection.unwrap()
    except ssl.SSLError:
        pass  # it wants the peer's close_notify, for which nobody waits


def main():
    port, key, certificate, goodbye = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", int(port)))
    connections = []

    def stop(*_):
        listener.close()
        for connection in connections:
            if goodbye == "polite":
                _say_goodbye(connection)
            connection.close()
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    print(f"ready {port}", flush=True)
    while True:
        connection = context.wrap_socket(listener.accept()[0], server_side=True)
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        connections.append(connection)


main()
