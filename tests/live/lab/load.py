# SPDX-License-Identifier: GPL-2.0-only
"""shutwatch-client at work for the lab: several of them load one server."""

import os
import signal

from kit.clock import wait_until
from kit.shutwatch import BUILD
from lab.seen import read_lines

_CLIENT = BUILD / "shutwatch-client"


class Load:
    """All clients of one server."""

    def __init__(self, stage, running):
        self._stage = stage
        self._running = running
        self._clients = []
        self.paths = running.paths

    def add(self, *words, paths=None):
        """One more client, in its states. words: "--idle=4", …; paths: {state: path}."""
        output = self._stage.directory / f"lines-{len(self._clients)}.jsonl"
        asked = {**self.paths, **(paths or {})}
        options = [f"--{state.replace('_', '-')}-path={asked[state]}" for state in asked
                   if any(word.startswith(f"--{state.replace('_', '-')}=") for word in words)]
        client = self._stage.program(
            [_CLIENT, "--target", self._running.target, "-o", output, *self._running.client,
             *options, *words], netns=self._running.netns)
        self._clients.append((client, output))
        # It only looks on: on a machine that is busy with the server it is not to come last.
        if not any(word.startswith("--half-response") for word in words):  # which reads megabytes
            os.sched_setscheduler(client.pid, os.SCHED_RR, os.sched_param(1))
        if client.out.wait(lambda line: line == b"ready\n", 60) is None:
            raise RuntimeError(f"the client did not get ready\n{client.describe()}")
        return client

    def wait_ended(self, timeout=30):
        """Until every client is done by itself."""
        for client, _ in self._clients:
            client.wait(timeout)

    def end(self, client):
        """Ends one that goes on by itself; what is open is written down as open."""
        if not client.has_ended():
            os.kill(client.pid, signal.SIGTERM)
        wait_until(client.has_ended, "the client to end")

    def end_all(self):
        """Ends all that still run."""
        for client, _ in self._clients:
            self.end(client)

    def lines(self):
        """What all of them wrote down. Each must have ended well."""
        for client, _ in self._clients:
            if client.wait() != 0:
                raise RuntimeError(f"a client failed\n{client.describe()}")
        return [line for _, output in self._clients for line in read_lines(output)]
