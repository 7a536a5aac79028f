# SPDX-License-Identifier: GPL-2.0-only
"""Services that begin, serve and stop at random, under a daemon that watches all of them."""

import dataclasses
import multiprocessing
import os
import random
import signal
import time
import traceback
from collections import Counter
from queue import Empty

from kit.clock import now_ns
from kit.judge import Judge, Truth
from kit.stage import Stage
from kit.stops import new_comm, targets

LIVING = 4             # services at a time
INSTANT_NS = 200_000_000  # whom the daemon had no longer, it may not have looked at
_STOPS = ("handler", "default", "leave", "sigwait", "reraise")
_RECORD_S = 60         # until the record of a stop is there, on a machine that has much to do
_SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
_RECORDS_KEPT = 200    # by the store, long enough to be found; its pages are not the subject


class Life:
    """One service, from its start to its end: nobody else needs this process meanwhile, so that
    the client's times are those of the things that it saw."""

    def __init__(self, stage, chance, comm):
        self.how = chance.choice(_STOPS)
        signal_number = chance.choice(_SIGNALS)
        self.kind = f"{self.how} {signal_number.name.removeprefix('SIG')}"
        self.began_ns = now_ns()
        self._stage = stage
        # Whichever port is free when it binds: the other lives look for one as well.
        self.victim = stage.victim("server", "--port=0", f"--comm={comm}", f"--stop={self.how}")
        self.client = stage.client(self.victim.port)
        self.client.idle(chance.randrange(0, 20))
        for _ in range(chance.randrange(0, 6)):
            self.client.in_flight(1, f"/{chance.randrange(5, 300)}/10")
        self.client.half(chance.randrange(0, 3))
        self.client.silent(chance.randrange(0, 10))
        self.client.wait_taken(self.victim.pid)
        self.client.run_for(chance.randrange(0, 60))
        self.stop = stage.send(self.victim.pid, signal_number)
        self.client.wait_ended()
        self.victim.wait()

    def was_client_late(self):
        """Did it not run while the victim answered, before the signal? Then its times, of when it
        saw things, are not those of when they happened."""
        told = Counter(line["peer"] for line in self.victim.all_truth("answered")
                       if line["after_ns"] < self.stop.before_ns)
        return any(sum(event == "answered" and at_ns < self.stop.before_ns
                       for at_ns, event in connection.events) < told[connection.local]
                   for connection in self.client.connections)

    def disagreements(self, record):
        """What is wrong with its record."""
        found = Judge(record, self.client.connections, self.stop,
                      Truth([self.victim])).disagreements()
        told = {key: record["connections"][key] for key in ("inbound", "outbound")}
        return found and [*found, f"  {record['id']}: {told}, loss: {record['loss']}"]

    def describe(self):
        """For a mismatch."""
        return (f"--stop={self.how}, signal {self.stop.signal}, pid {self.victim.pid}, "
                f"{len(self.client.connections)} connections")


@dataclasses.dataclass
class Verdict:
    """What came of one life."""

    kind: str
    pid: int
    began_ns: int
    ended_ns: int
    connections: int
    wrong: list = dataclasses.field(default_factory=list)
    has_record: bool = True
    loss: dict = None  # of a record that says it is incomplete
    is_late: bool = False  # the client was: nobody can judge
    unrecorded: str = None  # why there is no record, if that is allowed


@dataclasses.dataclass
class Tally:
    """Of many lives. stops = judged + incomplete + late + unrecorded + those without a record
    that should have one, which are wrong."""

    stops: int = 0
    connections: int = 0
    judged: int = 0
    wrong: int = 0
    incomplete: int = 0
    late: int = 0
    unrecorded: int = 0

    def add(self, verdict):
        """One life more."""
        self.stops += 1
        self.connections += verdict.connections
        self.wrong += bool(verdict.wrong)
        self.incomplete += bool(verdict.loss)
        self.late += verdict.is_late
        self.unrecorded += bool(verdict.unrecorded)
        self.judged += bool(verdict.has_record and not verdict.loss and not verdict.is_late)


def _judge(daemon, life):
    """The verdict on its record, once that is there."""
    pid = life.victim.pid
    verdict = Verdict(life.kind, pid, life.began_ns, life.victim.reaped_ns,
                      len(life.client.connections))
    try:
        record = daemon.wait_records(
            is_final=True, timeout=_RECORD_S,
            ready=lambda record: any(p["pid"] == pid for p in record["processes"]))[-1]
        if not record["complete"]:
            verdict.loss = record["loss"]
        elif life.was_client_late():
            verdict.is_late = True
        else:
            verdict.wrong = life.disagreements(record)
    except AssertionError as error:
        verdict.has_record = False
        verdict.wrong = [f"no record: {str(error)[:60]}"]
    verdict.wrong = [f"{life.describe()}: {why}" for why in verdict.wrong]
    return verdict


def _live(daemon, comm, seed, seconds, queue):
    """Lives, one after the other; a process of its own."""
    stage = Stage(f"soak-{seed}")
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            life = Life(stage, chance, comm)
            queue.put(_judge(daemon, life))
            stage.forget(life.victim, life.client)
    except Exception:  # pylint: disable=broad-exception-caught
        queue.put(Verdict("none", 0, 0, 0, 0, [traceback.format_exc()[:3000]], has_record=False))
    finally:
        stage.close()
        queue.close()
        queue.join_thread()
        os._exit(0)  # pylint: disable=protected-access


class Soak:
    """Rounds of random stops; what came of them."""

    def __init__(self, daemon, seed):
        self._daemon = daemon
        self._chance = random.Random(seed)
        self.comm = new_comm()
        daemon.write_config(f"settle: 100ms\nreopen_window: 0s\n{targets(self.comm)}"
                            f"store:\n  retention: {{count: {_RECORDS_KEPT}}}\n"
                            # One name: what is kept by name must not grow either.
                            "services:\n  - match: {exe: '*/victims/server'}\n    name: soak\n")
        self.total = Tally()
        self.kinds = {}  # what it does about which signal: Tally
        self.kills = self.unseen = self.short = 0
        self._dead = []  # from when to when, each time
        self._unrecorded = set()  # pids
        self._mismatches = []

    def round(self, seconds, kills):
        """Services come and go; once the daemon is killed and started again, if `kills`."""
        queue = multiprocessing.Queue()
        workers = [multiprocessing.Process(
            target=_live, args=(self._daemon, self.comm, self._chance.randrange(1 << 32), seconds,
                                queue)) for _ in range(LIVING)]
        for worker in workers:
            worker.start()
        kill_at = time.monotonic() + self._chance.random() * seconds
        while any(worker.is_alive() for worker in workers) or not queue.empty():
            self._take(queue)
            if kills and time.monotonic() > kill_at:
                killed_ns = now_ns()
                self._daemon.kill()
                self._daemon.program.err.all()
                self._note_unrecorded()
                self._daemon.start()
                self._dead.append((killed_ns, now_ns()))
                self.kills += 1
                kills = False
        for worker in workers:
            worker.join()
            if worker.exitcode:
                self.total.wrong += 1
                self._mismatches.append(f"one who starts services ended: {worker.exitcode}")

    def _take(self, queue):
        try:
            verdict = queue.get(timeout=0.1)
        except Empty:
            return
        self._note_unrecorded()
        if not verdict.has_record:
            self._excuse(verdict)
        self.total.add(verdict)
        self.kinds.setdefault(verdict.kind, Tally()).add(verdict)
        self._mismatches += verdict.wrong
        if verdict.unrecorded:
            self._mismatches.append(f"not recorded, says the daemon's log: {verdict.unrecorded}")
        if verdict.loss:
            self._mismatches.append(f"says that it is incomplete: {verdict.loss}")

    def _excuse(self, verdict):
        """A stop may be without a record if the daemon says so and hardly could have looked: of
        that life it was dead all the time but for an instant."""
        dead_ns = sum(max(0, min(back, verdict.ended_ns) - max(killed, verdict.began_ns))
                      for killed, back in self._dead)
        lived_ns = verdict.ended_ns - verdict.began_ns
        is_said = verdict.pid in self._unrecorded
        why = (f"{verdict.kind}, pid {verdict.pid}, lived for {lived_ns / 1e9:.3f} s, of which the "
               f"daemon was dead for {dead_ns / 1e9:.3f} s")
        if not is_said or lived_ns - dead_ns >= INSTANT_NS:
            verdict.wrong.append(f"  {why}; its log {'says' if is_said else 'does not say'} that "
                                 "there is no record")
            return
        verdict.wrong, verdict.unrecorded = [], why
        self.unseen += dead_ns > 0
        self.short += not dead_ns

    def _note_unrecorded(self):
        """What this life of the daemon has said of services that were gone before it could look."""
        self._unrecorded |= {int(line["msg"].split()[1]) for line in self._daemon.log()
                             if "its stop is not recorded" in line["msg"]}

    def take_mismatches(self):
        """What is new of them, and of what is incomplete."""
        new, self._mismatches = self._mismatches, []
        return new

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

    def wait_entries(self, most, seconds=3):
        """Until no more are left than that. Returns how many there are."""
        deadline = time.monotonic() + seconds
        while self.entries() > most and time.monotonic() < deadline:
            time.sleep(0.05)  # a metric tells nobody that it has changed
        return self.entries()
