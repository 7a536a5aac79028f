# SPDX-License-Identifier: GPL-2.0-only
"""flood.py PORT COUNT: so many requests at a time, each with another wrong password.

"ready PORT" once there were that many answers; after TERM how many there were of each kind.
"""

import asyncio
import base64
import itertools
import json
import os
import signal
import socket
import struct
import sys
from collections import Counter

_numbers = itertools.count()
# Closes with RST: thousands in TIME_WAIT would be in the way of what is measured afterwards.
_RESET = struct.pack("ii", 1, 0)


async def _ask(port):
    """The status of an answer, or what came instead."""
    wrong = base64.b64encode(f"prometheus:wrong {next(_numbers)}".encode()).decode()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        return type(error).__name__
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    try:
        writer.write(f"GET /metrics HTTP/1.1\r\nHost: test\r\nAuthorization: Basic {wrong}\r\n"
                     "Connection: close\r\n\r\n".encode())
        answer = await reader.read()
        return answer.split(b" ", 2)[1].decode() if answer else "closed"
    except OSError as error:
        return type(error).__name__
    finally:
        writer.close()


async def _flood(port, count):
    answers = Counter()
    is_over = asyncio.Event()

    async def keep_asking():
        while not is_over.is_set():
            answers[await _ask(port)] += 1
            if answers.total() == count:
                print(f"ready {port}", flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, is_over.set)
    await asyncio.gather(*(keep_asking() for _ in range(count)))
    print(json.dumps({"event": "flooded", "pid": os.getpid(), "answers": answers}), flush=True)


asyncio.run(_flood(int(sys.argv[1]), int(sys.argv[2])))
