# SPDX-License-Identifier: GPL-2.0-only
"""Very many connections: several victims that are one service, loaded, and stopped at once.

A process may open 20,000 files, so each victim has its share of the connections, and a client of
its own. The victims are quiet: what the clients write down is the truth.
"""

import dataclasses
import json

from kit.clock import wait_until
from kit.shutwatch import BUILD
from kit.sockets import free_ports, queued
from lab.ending import Ending
from lab.look import Look
from lab.server import HTTP_PATHS, TERM_ALL, Running

_SHARE_MAX = 15_000
_PER_SECOND = 5_000  # are opened, or more: a handler must last until all are
_HALF_RESPONSES = 8  # of each client: each fills the buffers on its way, some megabytes
_VICTIMS = 'for port; do "$0" --port="$port" --reuseport --quiet & done; wait'


@dataclasses.dataclass
class Crowd:
    """One service: a shell and its children, the victims."""

    total: int
    parts: list  # a Running per victim, each with the pid of the shell

    def share(self, number):
        """How many connections a part gets."""
        return self.total // len(self.parts) + (number < self.total % len(self.parts))

    def stop(self):
        """One signal to all of them. Returns the Stop."""
        return self.parts[0].stop(TERM_ALL)

    def wait_gone(self):
        """Until the last one has ended."""
        wait_until(lambda: not self.parts[0].pids(), "the crowd to end", 120)


def start_crowd(stage, total, has_one_port=False):
    """As many victims as so many connections take, each on a port of its own or all on one."""
    count = max(2, -(-total // _SHARE_MAX))
    ports = free_ports() * count if has_one_port else free_ports(count)
    cgroup = stage.subgroup()
    shell = stage.program(["sh", "-c", _VICTIMS, BUILD / "victims" / "server", *ports],
                          cgroup=cgroup)
    wait_until(lambda: len(shell.out.so_far()) == count or shell.has_ended(), "all to be ready")
    return Crowd(total, [Running(shell.pid, f"127.0.0.1:{port}", cgroup.path) for port in ports])


def _counts(share):
    """How many connections in which state."""
    counts = {"idle": share * 4 // 10, "in-flight": share * 2 // 10, "half-request": share // 10,
              "half-response": _HALF_RESPONSES}
    return {**counts, "silent": share - sum(counts.values())}


def _start_client(stage, crowd, number):
    """Each with an address of its own: at one port that gives it 28,000 ports as well."""
    target = crowd.parts[number].target
    lines = stage.directory / f"crowd-{number}.jsonl"
    wait_ms = 2000 + crowd.total * 1000 // _PER_SECOND
    client = stage.program([
        BUILD / "shutwatch-client", f"--target={target}", f"--source=127.0.0.{number + 1}",
        *[f"--{state}={count}" for state, count in _counts(crowd.share(number)).items()],
        f"--idle-path={HTTP_PATHS['idle']}", f"--in-flight-path=/{wait_ms}/10",
        f"--half-response-path={HTTP_PATHS['half_response']}",
        f"--half-response-resume={wait_ms}ms", "--ready-timeout=2m", f"--output={lines}"])
    return client, lines


def load_crowd(stage, crowd):
    """Every connection in its state, and accepted. Returns [(client, the file of its lines)]."""
    clients = [_start_client(stage, crowd, number) for number in range(len(crowd.parts))]
    for client, _ in clients:
        if client.out.wait(lambda line: line == b"ready\n", 150) is None:
            raise RuntimeError(f"a client of the crowd ended early\n{client.describe()}")
    for port in {int(part.target.rpartition(":")[2]) for part in crowd.parts}:
        wait_until(lambda port=port: not queued(crowd.parts[0].pid, port), "all accepted", 60)
    return clients


def _lines(clients):
    """What all of them wrote down, once they have ended."""
    for client, path in clients:
        if client.wait(60) != 0:
            raise RuntimeError(f"a client of the crowd failed\n{client.describe()}")
        with open(path, encoding="ascii") as file:
            yield from map(json.loads, file)


def run_crowd(stage, total, *options, has_one_port=False):
    """Starts, loads and stops one. Returns (record, clients' lines, Stop, the end, Look)."""
    crowd = start_crowd(stage, total, has_one_port)
    watch = stage.watch(crowd.parts[0].pid, "--details=all", *options)
    clients = load_crowd(stage, crowd)
    ending = Ending(crowd.parts[0].cgroup)
    look = Look.at(*crowd.parts)
    stop = crowd.stop()
    crowd.wait_gone()
    record = watch.record(120)
    ending.close()
    return record, list(_lines(clients)), stop, ending.at_ns, look
