# SPDX-License-Identifier: GPL-2.0-only
"""hungry.py PORT: accepts and reads, never answers; a line on stdin makes it take memory for ever.

It says what it accepted; each MiB is written to, so that the kernel has to give it.
"""

import json
import os
import select
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
clients = []
print(f"ready {sys.argv[1]}", flush=True)
while True:
    ready, _, _ = select.select([listener, sys.stdin, *clients], [], [])
    if sys.stdin in ready:
        break
    for sock in ready:
        if sock is listener:
            clients.append(listener.accept()[0])
            print(json.dumps({"event": "accepted", "pid": os.getpid()}), flush=True)
        else:
            sock.recv(65536)
eaten = []
while True:
    eaten.append(bytearray(b"x" * (1 << 20)))
