# SPDX-License-Identifier: GPL-2.0-only
"""app.py under a uvicorn that waits for its clients for so long and no longer.

    bounded.py PORT SECONDS    for uvicorn before 0.23, which has no --timeout-graceful-shutdown
"""

import asyncio
import sys

import uvicorn


class Bounded(uvicorn.Server):
    """Its shutdown has an end."""

    async def shutdown(self, sockets=None):
        """As ever, but forced after a time."""
        loop = asyncio.get_running_loop()
        loop.call_later(float(sys.argv[2]), setattr, self, "force_exit", True)
        await super().shutdown(sockets)


if __name__ == "__main__":
    Bounded(uvicorn.Config("app:app", port=int(sys.argv[1]))).run()
