# SPDX-License-Identifier: GPL-2.0-only
"""Opens and closes listeners as fast as it can, for three seconds from its start."""

import socket
import time

with socket.create_server(("127.0.0.1", 0)) as first:
    print("ready", first.getsockname()[1], flush=True)
end = time.monotonic() + 3
COUNT = 0
while time.monotonic() < end:
    with socket.create_server(("127.0.0.1", 0)):
        COUNT += 1
print(f'{{"event": "churned", "count": {COUNT}}}', flush=True)
