# SPDX-License-Identifier: GPL-2.0-only
"""The load of the demo: clients who write down what they saw, and the database of the service."""

import asyncio
import json
import re
import time

ADDRESS = "127.0.0.1"
ARRIVAL_SECONDS = 0.02  # between two new connections
GOODBYE_SECONDS = 0.3  # how long the database takes for it

# What a client saw of the stop.
ANSWERED = "whole answer, then closed"
IDLE = "closed while idle"
UNANSWERED = "closed, no whole answer"
RESET = "connection reset"
REFUSED = "connection refused"


def _request(path, connection="keep-alive"):
    return f"GET {path} HTTP/1.1\r\nHost: orders\r\nConnection: {connection}\r\n\r\n".encode()


def _is_whole(answer):
    """Whether these are all the bytes of one HTTP response."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    if length:
        return len(body) == int(length[1])
    return bool(separator) and body.endswith(b"0\r\n\r\n")


class Client:
    """One connection: sends some bytes, reads until the end."""

    def __init__(self):
        self.name = None  # "address:port", as the service knows it
        self.answer = b""
        self.answered_at = None  # last byte of the answer, time.monotonic()
        self.ended_at = None
        self.fault = None  # RESET or REFUSED

    async def run(self, port, sends):
        """From the connection to its end, whoever ends it."""
        try:
            reader, writer = await asyncio.open_connection(ADDRESS, port)
        except ConnectionRefusedError:
            self.fault = REFUSED
            return
        except ConnectionResetError:
            self.fault = RESET
            return
        self.name = "{}:{}".format(*writer.get_extra_info("sockname"))
        writer.write(sends)
        try:
            while data := await reader.read(65536):
                self.answer += data
                self.answered_at = time.monotonic()
        except (ConnectionResetError, BrokenPipeError):
            self.fault = RESET
        self.ended_at = time.monotonic()
        writer.close()

    def has_answer(self):
        """All of it?"""
        return _is_whole(self.answer)

    def is_over_before(self, stop_at):
        """Then it is not the stop's business."""
        return self.ended_at is not None and self.ended_at < stop_at

    def saw(self, stop_at):
        """One of the sentences above."""
        if self.fault:
            return self.fault
        if not self.has_answer():
            return UNANSWERED
        return IDLE if self.answered_at < stop_at else ANSWERED


class Load:
    """All clients of a service on a port."""

    def __init__(self, port):
        self.port = port
        self.clients = []
        self.last = {}  # what the service answered last to an arriving client
        self._tasks = set()
        self._arriving = set()
        self._flow = None

    def open(self, count, path, part=1.0):
        """Clients that send a request, or a part of one, and stay until the service closes."""
        request = _request(path)
        made = [Client() for _ in range(count)]
        for client in made:
            self._start(client, request[:int(len(request) * part)])
        return made

    def _start(self, client, sends):
        self.clients.append(client)
        task = asyncio.create_task(client.run(self.port, sends))
        self._tasks.add(task)
        return task

    async def _arrive(self):
        while True:
            client = Client()
            task = self._start(client, _request("/", "close"))
            self._arriving.add(task)
            task.add_done_callback(lambda task, client=client: self._left(task, client))
            await asyncio.sleep(ARRIVAL_SECONDS)

    def _left(self, task, client):
        self._arriving.discard(task)
        if client.has_answer():
            self.last = json.loads(client.answer.partition(b"\r\n\r\n")[2])

    def start_arrivals(self):
        """From now on a new client every ARRIVAL_SECONDS, each with one request."""
        self._flow = asyncio.create_task(self._arrive())

    async def wait_next(self):
        """Until one more arriving client has come and gone."""
        number = len(self.clients)
        while len(self.clients) == number or self._arriving:
            await asyncio.sleep(ARRIVAL_SECONDS / 4)

    async def finish(self):
        """No more arrivals; waits for the clients that are there."""
        self._flow.cancel()
        await asyncio.gather(*self._tasks)

    def refused(self):
        """How many were, so far."""
        return sum(client.fault == REFUSED for client in self.clients)


async def wait_answer(port):
    """Until the service answers."""
    while True:
        client = Client()
        await client.run(port, _request("/", "close"))
        if client.has_answer():
            return
        await asyncio.sleep(ARRIVAL_SECONDS)


async def _talk(reader, writer):
    while await reader.readline():
        await asyncio.sleep(GOODBYE_SECONDS)
        writer.write(b"goodbye\n")
    writer.close()


async def open_database():
    """A database that knows but one word. Returns its port; it lives as long as the event loop."""
    server = await asyncio.start_server(_talk, ADDRESS, 0)
    return server.sockets[0].getsockname()[1]
