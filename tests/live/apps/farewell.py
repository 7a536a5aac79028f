# SPDX-License-Identifier: GPL-2.0-only
"""farewell.py PORT: answers once on one connection; at TERM it says a farewell there, and waits.

It ends, without a close, when its client has closed. The farewell comes in a later jiffy than TERM.
"""

import os
import signal
import socket
import sys
import time

_LATER_S = 0.02  # than the signal: two jiffies of the slowest kernel


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    print(f"ready {sys.argv[1]}", flush=True)
    connection, _ = listener.accept()

    def stop(*_):
        time.sleep(_LATER_S)
        connection.sendall(b"a farewell\n")

    signal.signal(signal.SIGTERM, stop)
    connection.recv(4096)
    connection.sendall(b"an answer\n")
    connection.recv(4096)  # until the client closes
    os._exit(0)


main()
