# SPDX-License-Identifier: GPL-2.0-only
"""`shutwatch daemon`: started, killed, started again; its log, its metrics, its records."""

import http.client
import json
import os
import re
import signal
import subprocess
import time

from kit.process import Program
from kit.shutwatch import FINE, SHUTWATCH
from kit.sockets import free_ports

WAIT = 20.0


class Daemon:
    """One host's daemon over all its lives: the same store, pins and runtime directory."""

    def __init__(self, stage, config="", flags=(), sees_all=False, program=SHUTWATCH):
        self._stage = stage
        self._shutwatch = program
        self.sees_all = sees_all  # also what others do on this machine
        self.directory = stage.directory
        self.pins = f"/sys/fs/bpf/shutwatch-test-{os.getpid()}"
        self.store = self.directory / "store.db"
        self.config = self.directory / "shutwatch.yaml"
        self.port = free_ports()[0]
        self.flags = list(flags)
        self.source, self.headers = "127.0.0.1", {}  # of our requests
        self.program = None
        self.write_config(config)

    def write_config(self, text):
        """Replaces the configuration file."""
        if "targets:" not in text and not self.sees_all:
            text += f"targets:\n  - cgroup: {self._stage.cgroup.name}\n"
        settle = "" if "settle:" in text else "settle: 500ms\n"
        self.config.write_text(settle + text, encoding="utf-8")

    def argv(self, *more):
        """The whole command line."""
        return [self._shutwatch, "daemon", "--config.file", self.config, "--store", self.store,
                "--pins", self.pins, "--runtime", self.directory / "run",
                "--web.listen-address", f"127.0.0.1:{self.port}", "--log.format", "json",
                *self.flags, *more]

    def start(self, **options):
        """Until it is ready. Returns itself."""
        self.program = self._stage.program([str(word) for word in self.argv()],
                                           **options)
        if self.wait_log("watching", number=0) is None:
            raise AssertionError(f"the daemon ended before it was ready\n{self.describe()}")
        return self

    @property
    def pid(self):
        """Of the process that lives now."""
        return self.program.pid

    def describe(self):
        """What it printed."""
        return self.program.describe()

    def log(self):
        """The lines of this life, as objects."""
        return [json.loads(line) for line in self.program.err.so_far()]

    def wait_log(self, start, number=0, timeout=WAIT):
        """The line number `number` whose message starts so, or None if it ended without."""
        def is_there(_):
            return len(self._lines(start)) > number
        self.program.err.wait(is_there, timeout)
        found = self._lines(start)
        return found[number] if len(found) > number else None

    def _lines(self, start):
        return [line for line in self.log() if line["msg"].startswith(start)]

    def kill(self):
        """SIGKILL: it cleans nothing up."""
        os.kill(self.pid, signal.SIGKILL)
        self.program.wait()

    def stop(self):
        """SIGTERM. Returns the seconds until it was gone."""
        began = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        if self.program.wait() != FINE:
            raise AssertionError(f"exit status {self.program.wait()}\n{self.describe()}")
        return time.monotonic() - began

    def unpin(self):
        """Removes what stays in the kernel."""
        subprocess.run([str(word) for word in self.argv("--unpin")], check=True,
                       capture_output=True)

    def close(self):
        """Ends it and leaves nothing behind."""
        if self.program and not self.program.has_ended():
            self.kill()
        self.unpin()

    # What it found out

    def get(self, path, headers=(), method="GET"):
        """(status, headers, body) of an HTTP request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT,
                                                source_address=(self.source, 0))
        try:
            connection.request(method, path, headers={**self.headers, **dict(headers)})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def metrics(self):
        """{series as printed: value}."""
        status, _, body = self.get("/metrics")
        assert status == 200
        found = {}
        for line in body.decode().splitlines():
            match = re.fullmatch(r"([^#\s].*?) (\S+)", line)
            if match:
                found[match[1]] = float(match[2])
        return found

    def command(self, *args):
        """The output of a reading command on its store."""
        return subprocess.run([str(SHUTWATCH), args[0], "--store", str(self.store), *args[1:]],
                              check=True, capture_output=True, text=True).stdout

    def records(self):
        """All records, oldest first."""
        if not self.store.exists():
            return []
        lines = self.command("export", "--format", "json").splitlines()
        return sorted((json.loads(line) for line in lines), key=lambda record: record["id"])

    def wait_records(self, count=1, is_final=False, timeout=WAIT, ready=None):
        """At least that many records, the last of which are final if that is asked for."""
        deadline = time.monotonic() + timeout
        while True:
            found = [r for r in self.records()
                     if not (is_final and r["provisional"]) and (not ready or ready(r))]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(found)} of {count} records after {timeout} s: "
                                     f"{self.records()}\n{self.describe()}")
            time.sleep(0.05)  # the store tells nobody that it has grown


def busy_server(stage, duration_ms=600):
    """A server with connections that end one after the other once it is told to stop."""
    victim = stage.server()
    client = stage.client(victim.port)
    client.idle(3)
    for i in range(1, 9):
        client.in_flight(1, f"/{duration_ms * i // 8}/10")
    client.wait_taken(victim.pid)
    return victim, client
