# SPDX-License-Identifier: GPL-2.0-only
"""A service that forks children which end at once: COUNT of them for every line on stdin."""

import os
import socket
import sys

with socket.create_server(("127.0.0.1", 0)) as listener:
    print("ready", listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        for _ in range(int(sys.argv[1])):
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
        print('{"event": "forked"}', flush=True)
