# SPDX-License-Identifier: GPL-2.0-only
"""relisten.py PORT: closes its listener at one line on stdin, and opens another at the next."""

import json
import os
import socket
import sys
import time


def listen():
    """On our port."""
    return socket.create_server(("127.0.0.1", int(sys.argv[1])))


def say(event):
    """As the victims in C do."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    print(json.dumps({"event": event, "pid": os.getpid(), "at_ns": now}), flush=True)


listener = listen()
print("ready", sys.argv[1], flush=True)
for _ in sys.stdin:
    if listener:
        listener = listener.close()
        say("listener_closed")
    else:
        listener = listen()
        say("listening")
