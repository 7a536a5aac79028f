# SPDX-License-Identifier: GPL-2.0-only
"""heedless.py PORT: its handler of TERM does nothing; it answers nobody, and closes after clients.

Each connection is read until its client's FIN, then closed. It serves on until it is killed.
"""

import signal
import socket
import sys


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    signal.signal(signal.SIGTERM, lambda *_: print("signal", flush=True))
    print(f"ready {sys.argv[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(4096):
                pass
        print("closed", flush=True)


main()
