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

_LIVING = 4            # services at a time
_STOPS = ("handler", "default", "leave", "sigwait", "reraise")
_RECORD_S = 60         # until the record of a stop is there, on a machine that has much to do
_SIGNALS = (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
_RECORDS_KEPT = 200    # by the store, long enough to be found; its pages are not the subject


class Life:
    """One service, from its start to its end: nobody else needs this process meanwhile, so that
    the client's times are those of the things that it saw."""

    def __init__(self, stage, chance, comm):
        self.how = chance.choice(_STOPS)
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
        self.stop = stage.send(self.victim.pid, chance.choice(_SIGNALS))
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

    pid: int
    began_ns: int
    stopped_ns: int
    connections: int
    wrong: list
    has_record: bool = True
    loss: dict = None  # of a record that says it is incomplete
    is_judged: bool = True


def _judge(daemon, life):
    """The verdict on its record, once that is there."""
    pid = life.victim.pid
    verdict = Verdict(pid, life.began_ns, life.stop.after_ns, len(life.client.connections), [])
    try:
        record = daemon.wait_records(
            is_final=True, timeout=_RECORD_S,
            ready=lambda record: any(p["pid"] == pid for p in record["processes"]))[-1]
        verdict.is_judged = record["complete"] and not life.was_client_late()
        if verdict.is_judged:
            verdict.wrong = life.disagreements(record)
        elif not record["complete"]:
            verdict.loss = record["loss"]
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
        queue.put(Verdict(0, 0, 0, 0, [traceback.format_exc()[:3000]]))
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
        self.stops = self.connections = self.kills = self.unknown = self.incomplete = 0
        self.late = 0
        self._dead = (now_ns(), now_ns())  # from when to when, last
        self._unrecorded = set()  # pids
        self.wrong = 0
        self._mismatches = []

    def round(self, seconds, kills):
        """Services come and go; once the daemon is killed and started again, if `kills`."""
        queue = multiprocessing.Queue()
        workers = [multiprocessing.Process(
            target=_live, args=(self._daemon, self.comm, self._chance.randrange(1 << 32), seconds,
                                queue)) for _ in range(_LIVING)]
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
                self._dead = (killed_ns, now_ns())
                self.kills += 1
                kills = False
        for worker in workers:
            worker.join()

    def _take(self, queue):
        try:
            verdict = queue.get(timeout=0.1)
        except Empty:
            return
        self._note_unrecorded()
        if not verdict.has_record:
            began_s, stopped_s, back_s = ((ns - self._dead[0]) / 1e9 for ns in (
                verdict.began_ns, verdict.stopped_ns, self._dead[1]))
            verdict.wrong.append(f"  it began at {began_s:.3f} s and was stopped at "
                                 f"{stopped_s:.3f} s; the daemon was last killed at 0 s and back "
                                 f"at {back_s:.3f} s")
        if not verdict.has_record and verdict.pid in self._unrecorded:
            self.unknown += 1
            self._mismatches += [f"not recorded, says the daemon's log: {verdict.wrong[0]}",
                                 *verdict.wrong[1:]]
            return
        self.stops += 1
        self.connections += verdict.connections
        self.late += not verdict.is_judged and not verdict.loss
        self.wrong += bool(verdict.wrong)
        self._mismatches += verdict.wrong
        if verdict.loss:
            self.incomplete += 1
            self._mismatches.append(f"says that it is incomplete: {verdict.loss}")

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

    def wait_entries(self, most, seconds=10):
        """Until no more are left than that. Returns how many there are."""
        deadline = time.monotonic() + seconds
        while self.entries() > most and time.monotonic() < deadline:
            time.sleep(0.05)  # a metric tells nobody that it has changed
        return self.entries()
