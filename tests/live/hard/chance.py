# SPDX-License-Identifier: GPL-2.0-only
"""Services that begin, serve and stop at random, under a daemon that watches all of them."""

import os
import random
import signal
import time

from kit.judge import Judge, Truth
from kit.sockets import free_ports
from kit.stops import new_comm, targets

_LIVING = 8            # services at a time
_STOPS = ("handler", "default", "leave", "sigwait", "reraise")
_RECORD_S = 30         # until the record of a stop is there
_SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
_RECORDS_KEPT = 100    # by the store: its pages are not what is looked at here


class Life:
    """One service, from its start to the verdict on its record."""

    def __init__(self, stage, chance, comm):
        self.how = chance.choice(_STOPS)
        self._stage = stage
        self.victim = stage.server(f"--comm={comm}", f"--stop={self.how}", port=free_ports()[0])
        self.client = stage.client(self.victim.port)
        self.client.idle(chance.randrange(0, 20))
        for _ in range(chance.randrange(0, 6)):
            self.client.in_flight(1, f"/{chance.randrange(5, 300)}/10")
        self.client.half(chance.randrange(0, 3))
        self.client.silent(chance.randrange(0, 10))
        self.client.wait_taken(self.victim.pid)
        self.stop = None

    def tell(self, number):
        """To stop."""
        self.stop = self._stage.send(self.victim.pid, number)

    def see_end(self):
        """Of its connections and of the process."""
        self.client.wait_ended()
        self.victim.wait()

    def disagreements(self, record):
        """What is wrong with its record."""
        if not record["complete"]:
            return [f"incomplete: {record['loss']}"]
        return Judge(record, self.client.connections, self.stop,
                     Truth([self.victim])).disagreements()

    def describe(self):
        """For a mismatch."""
        return (f"--stop={self.how}, signal {self.stop.signal}, pid {self.victim.pid}, "
                f"{len(self.client.connections)} connections")


class Soak:
    """Rounds of random stops; what came of them."""

    def __init__(self, stage, daemon, seed):
        self._stage, self._daemon = stage, daemon
        self._chance = random.Random(seed)
        self.comm = new_comm()
        daemon.write_config(f"settle: 100ms\nreopen_window: 0s\n{targets(self.comm)}"
                            f"store:\n  retention: {{count: {_RECORDS_KEPT}}}\n")
        self.stops = self.connections = self.kills = 0
        self.mismatches = []

    def round(self):
        """Some services, told to stop in any order, some at once; then each record is judged."""
        lives = [Life(self._stage, self._chance, self.comm)
                 for _ in range(self._chance.randrange(1, _LIVING))]
        for life in lives:
            life.client.run_for(self._chance.randrange(0, 60))
            life.tell(self._chance.choice(_SIGNALS))
        if self._chance.random() < 0.05:
            self._daemon.kill()
            self._daemon.start()
            self.kills += 1
        for life in lives:
            life.see_end()
        for life in lives:
            self._judge(life)
            self._forget(life)

    def _judge(self, life):
        pid = life.victim.pid
        found = self._daemon.wait_records(
            is_final=True, timeout=_RECORD_S,
            ready=lambda record: any(process["pid"] == pid for process in record["processes"]))
        self.stops += 1
        self.connections += len(life.client.connections)
        self.mismatches += [f"{life.describe()}: {why}"
                            for why in life.disagreements(found[-1])]

    def _forget(self, life):
        self._stage.forget(life.victim, life.client)

    # How large it is

    def resident_kib(self):
        """Of the daemon."""
        with open(f"/proc/{self._daemon.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def open_files(self):
        """Of the daemon."""
        return len(os.listdir(f"/proc/{self._daemon.pid}/fd"))

    def entries(self):
        """Of all maps but that of addresses, which go when their room is needed."""
        prefix = "shutwatch_bpf_map_entries{"
        return int(sum(value for series, value in self._daemon.metrics().items()
                       if series.startswith(prefix) and '"listeners"' not in series))

    def wait_entries(self, most, seconds=10):
        """Until no more are left than that. Returns how many there are."""
        deadline = time.monotonic() + seconds
        while self.entries() > most and time.monotonic() < deadline:
            time.sleep(0.05)  # a metric tells nobody that it has changed
        return self.entries()
