# SPDX-License-Identifier: GPL-2.0-only
"""Many services that stop at once, each with clients of its own, all in one loop."""

import contextlib
from types import SimpleNamespace

from kit.clock import now_ns, wait_until
from kit.sockets import free_ports, server_side
from kit.stops import servers

_REQUEST = "/6000/10"  # answered when all have been told to stop, and before long


class Crowd:
    """One idle connection to each service, and later one with a request in flight."""

    def __init__(self, stage, ports, victims):
        self._stage = stage
        self._victims = dict(zip(ports, victims, strict=True))
        self._client = stage.client(0)
        self._of_pid = {victim.pid: [] for victim in victims}
        self._stops = {}
        self._open(self._client.idle)

    def _open(self, make, **plan):
        for port, victim in self._victims.items():
            self._client.target = ("127.0.0.1", port)
            self._of_pid[victim.pid] += make(1, **plan)
        self._client.wait_opened(60)
        for port, victim in self._victims.items():
            wait_until(lambda port=port, victim=victim: self._are_taken(port, victim.pid),
                       f"the server on port {port} to accept and read", 20)

    def _are_taken(self, port, pid):
        sockets = server_side(pid, port)
        for connection in self._of_pid[pid]:
            found = sockets.get(connection.local)
            connection.is_taken = bool(found and found.is_accepted and not found.unread and
                                       not found.unacked)
        return all(connection.is_taken for connection in self._of_pid[pid])

    def stop(self):
        """All are told, in the middle of a request, and seen to their ends."""
        self._open(self._client.in_flight, path=_REQUEST)
        self._stops = {victim.pid: self._stage.send(victim.pid)
                       for victim in self._victims.values()}
        self._client.wait_ended(timeout=60)
        for victim in self._victims.values():
            victim.wait()

    def run_until_ns(self, end_ns):
        """A stretch of time that is part of the scenario."""
        self._client.run_for(max(0, end_ns - now_ns()) // 1_000_000)

    def _pid_of(self, record):
        """By the port of its connections: the processes may all be unknown."""
        ports = {int(detail["local"].rpartition(":")[2])
                 for detail in record["connections"]["details"]}
        pids = {self._victims[port].pid for port in ports if port in self._victims}
        pids |= {process["pid"] for process in record["processes"]}
        return pids.pop() if len(pids) == 1 else None

    def judge(self, row, records):
        """Each service has one, and what it says is what its clients saw."""
        stops = dict(self._stops)
        for record in records:
            pid = self._pid_of(record)
            client = SimpleNamespace(connections=self._of_pid.get(pid, []))
            row.judge(record, [client], stops.pop(pid, None))
        row.require(not stops, f"{len(stops)} services have no record")
        cut_short = [stop for pid, stop in self._stops.items()
                     if self._of_pid[pid][-1].end == "fin" and
                     self._of_pid[pid][-1].events[-1][0] < stop.after_ns]
        row.require(not cut_short, f"{len(cut_short)} had answered before they were told to stop")


@contextlib.contextmanager
def crowd(stage, count, comm):
    """So many services, each with an idle connection. None of them outlives the block."""
    ports = free_ports(count)
    with servers(ports, comm) as victims:
        yield Crowd(stage, ports, victims)
