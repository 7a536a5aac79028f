# SPDX-License-Identifier: GPL-2.0-only
"""A FastAPI service that answers as the victims in C do: GET /WAIT_MS/BYTES; and a stream."""

import asyncio

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, StreamingResponse

app = FastAPI()


async def _parts(wait_ms, count):
    for _ in range(count):
        yield b"x" * 100
        await asyncio.sleep(wait_ms / count / 1000)


@app.get("/stream/{wait_ms}/{count}")
async def stream(wait_ms: int, count: int):
    """Parts spread evenly over the time."""
    return StreamingResponse(_parts(wait_ms, count))


@app.get("/{wait_ms}/{size}")
async def answer(wait_ms: int, size: int):
    """An answer of that size after that time."""
    await asyncio.sleep(wait_ms / 1000)
    return PlainTextResponse("x" * size)
