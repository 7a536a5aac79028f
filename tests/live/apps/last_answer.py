# SPDX-License-Identifier: GPL-2.0-only
"""last_answer.py PORT: takes one request; TERM makes it answer, close and exit within a jiffy."""

import os
import signal
import socket
import sys


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print(f"ready {sys.argv[1]}", flush=True)
    connection, _ = listener.accept()
    connection.recv(4096)
    signal.sigwait({signal.SIGTERM})
    connection.sendall(b"an answer\n")
    connection.close()
    os._exit(0)


main()
