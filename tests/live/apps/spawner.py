# SPDX-License-Identifier: GPL-2.0-only
"""A service that forks one child after the other until it is told a line, COUNT at most.

They wait; SIGTERM to it ends them. It says who they are.
"""

import json
import os
import select
import signal
import socket
import sys


def _spawn():
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        while True:
            signal.pause()
    return child


with socket.create_server(("127.0.0.1", 0)) as listener:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    print("ready", listener.getsockname()[1], flush=True)
    children = []
    while len(children) < int(sys.argv[1]) and not select.select([sys.stdin], [], [], 0)[0]:
        children.append(_spawn())
    print(json.dumps({"event": "spawned", "children": children}), flush=True)
    signal.sigwait({signal.SIGTERM})
for pid in children:
    os.kill(pid, signal.SIGTERM)
for pid in children:
    os.waitpid(pid, 0)
