# SPDX-License-Identifier: GPL-2.0-only
"""The service of the demo: a FastAPI application as there are many, with one worker.

    uvicorn --app-dir tools/demo service:app      DATABASE_PORT=PORT in the environment
"""

import asyncio
import os

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

SLOW_SECONDS = 2
STREAM_PARTS, PART_SECONDS = 30, 0.1

app = FastAPI()


class State:  # pylint: disable=too-few-public-methods
    """What the handlers share."""

    busy = 0  # requests in the hands of slow() and stream()
    database = None  # (reader, writer)


@app.on_event("startup")
async def open_database():
    """One connection, held as long as the service lives."""
    State.database = await asyncio.open_connection("127.0.0.1", os.environ["DATABASE_PORT"])


@app.on_event("shutdown")
async def close_database():
    """Says goodbye, and waits for the answer: the database takes its time."""
    reader, writer = State.database
    writer.write(b"goodbye\n")
    await reader.readline()
    writer.close()


@app.get("/")
async def plain():
    """Answers at once."""
    return {"busy": State.busy, "pid": os.getpid()}


@app.get("/slow")
async def slow():
    """Answers after a while."""
    State.busy += 1
    await asyncio.sleep(SLOW_SECONDS)
    State.busy -= 1
    return {"state": "ordered"}


@app.get("/stream")
async def stream():
    """Answers bit by bit."""
    async def parts():
        State.busy += 1
        for number in range(STREAM_PARTS):
            yield f"part {number}\n"
            await asyncio.sleep(PART_SECONDS)
        State.busy -= 1
    return StreamingResponse(parts(), media_type="text/plain")
