# SPDX-License-Identifier: GPL-2.0-only
"""How each connection ended: when, by whose hand, in whose hands; against client and lab."""

from kit.clock import MS, SECOND
from kit.judge import at_ns, details_of, t0_ns
from lab.outcomes import MACHINE_WAS_LATE
from lab.slack import LOOK_NS, slack_ns

_LIVES = ("open", "handed_over")
_WHOSE = "ended by a packet after the server's own FIN, before anybody had looked whose it is"
_SAME_NS = 2_000  # two times of one clock, as the record writes them
# Between the exit event and the close the kernel frees all memory of the process (since 6.16, see
# do_exit()), and that takes its turn more than once.
_TEARDOWN_NS = 200 * MS
_TURNS = 3
_EACH_NS = 2 * MS  # of CPU, for each process that ends in the same shutdown: they take turns


class Ends:
    """One record's; disagreements() are sentences, undecidable counts what nobody can know."""

    def __init__(self, stopped, undecidable):
        self._stopped = stopped
        self._undecidable = undecidable
        self._slack_ns = slack_ns(stopped.record)
        processes = stopped.record["processes"]
        self._pids = {process["pid"] for process in processes}
        self._emptied_s = self._queue_ends()
        self._exits = {process["pid"]: at_ns(stopped.record, process["exit"]["at_s"])
                       for process in processes if process["exit"]}

    def disagreements(self):
        """All of them."""
        details = details_of(self._stopped.record)
        for detail in self._stopped.record["connections"]["details"]:
            yield from self._closed_by(detail)
        for connection in self._stopped.connections:
            if detail := details.get(connection.local):
                for said in (*self._seen(connection, detail), *self._whose(connection, detail),
                             *self._whole(connection, detail)):
                    yield f"{connection.local}: {detail['outcome']}, {said}"

    def _queue_ends(self):
        """When a queue went down with its listener: one after the other, others have their turn."""
        record = self._stopped.record
        limit_s = (self._slack_ns + _TURNS * self._stopped.late_ns) / SECOND
        reset = sorted(detail["closed_at_s"] for detail in record["connections"]["details"]
                       if detail["outcome"] == "unaccepted" and detail["closed_at_s"] is not None)
        found = set()
        for listener in record["listeners"]:
            last_s = listener["closed_at_s"]
            for at_s in reset if last_s is not None else ():
                if -_SAME_NS / SECOND <= at_s - last_s <= limit_s:
                    found.add(at_s)
                    last_s = max(at_s, last_s)
        return found

    def _closed_ns(self, detail):
        return at_ns(self._stopped.record, detail["closed_at_s"])

    def _closed_by(self, detail):
        """By an exit: as that process ended; by the application: before it did."""
        name = f"{detail['peer']}: {detail['outcome']}"
        if detail["closed_at_s"] is None:
            if detail["outcome"] not in _LIVES:
                yield f"{name}, and closed_at_s is null"
            return
        if detail["closed_at_s"] < 0:
            yield f"{name}, closed_at_s is {detail['closed_at_s']}"
        if detail["pid"] is None:
            # A process that began to end before T0, as its client left, is none of the record.
            left = detail["closed_by"] == "exit" and detail["outcome"] == "peer_closed"
            if detail["closed_by"] not in ("peer", "kernel", "app") and not left:
                yield f"{name}, closed_by {detail['closed_by']}, and pid is null"
            return
        if detail["pid"] not in self._pids:
            yield f"{name}, {detail['pid']} is no process of the record"
        exit_ns, closed_ns = self._exits.get(detail["pid"]), self._closed_ns(detail)
        # Closed before, while shutwatch went through its files: over once shutwatch lets go of it.
        if detail["closed_by"] == "app" and exit_ns and closed_ns > exit_ns + LOOK_NS:
            yield f"{name}, closed_by app {(closed_ns - exit_ns) / 1e6:.1f} ms after its exit"
        if detail["closed_by"] == "exit":
            limit_ns = (_TEARDOWN_NS + _TURNS * self._stopped.late_ns
                        + _EACH_NS * len(self._exits))
            if exit_ns is None:
                yield f"{name}, closed_by exit, and {detail['pid']} has not ended"
            elif not -_SAME_NS <= closed_ns - exit_ns <= limit_ns:
                yield (f"{name}, closed_by exit, {(closed_ns - exit_ns) / 1e6:+.1f} ms from that "
                       "of its process")

    def _seen(self, connection, detail):
        """When its client saw that; what is unacknowledged by then comes before the FIN."""
        if connection.end not in ("fin", "rst", "fin+rst") or detail["closed_at_s"] is None:
            return
        # Half closed and asked once more it is over with the client's own FIN.
        is_late_fin = connection.end == "fin+rst"
        seen_ns = connection.fin_ns if is_late_fin else connection.ended_ns
        lag_ns = seen_ns - self._closed_ns(detail)
        if lag_ns <= self._slack_ns or detail["unacked_bytes"]:
            return
        said = (f"closed_at_s {detail['closed_at_s']}, its client saw the end "
                f"{lag_ns / 1e6:.1f} ms later")
        # One after the other: the kernel's thread that brings the FIN, and the client's.
        if lag_ns <= self._slack_ns + self._stopped.late_ns + connection.late_ns:
            self._undecidable[MACHINE_WAS_LATE] += 1
        else:
            yield said

    def _whose(self, connection, detail):
        """The lab saw who held it at the signal, and who had been accepted."""
        look = self._stopped.look if connection.is_accepted is not None else None
        holders = look.holders.get(connection.local) if look else None
        if holders and detail["pid"] not in holders and not self._is_inherited(detail, holders):
            yield f"pid is {detail['pid']}, {sorted(holders)} held it at the signal"
        elif detail["pid"] is None and detail["closed_by"] == "app":
            self._undecidable[_WHOSE] += 1
        if detail["outcome"] == "unaccepted":
            if connection.is_accepted:
                yield "it had been accepted at the signal"
            if detail["closed_at_s"] not in self._emptied_s:
                yield f"closed_at_s {detail['closed_at_s']}, and no listener closed then"
            if detail["pid"] is not None:
                yield f"pid is {detail['pid']}"
        elif detail["closed_by"] == "kernel" and detail["pid"] is None and holders:
            yield "pid is null"

    def _is_inherited(self, detail, holders):
        """It was accepted by a parent for its child, or by one that had begun to end before T0."""
        parents = {process["pid"]: process["ppid"]
                   for process in self._stopped.record["processes"]}
        if detail["pid"] is None:
            return detail["outcome"] == "peer_closed" and not holders & self._pids
        return parents.get(detail["pid"]) in holders

    def _whole(self, connection, detail):
        """What was still on its way when it was closed."""
        if not connection.is_part or connection.kind == "reading":
            return
        limit_ns = self._slack_ns + self._stopped.late_ns
        after_ns = {"left_open": self._closed_ns, "idle": lambda _: t0_ns(self._stopped.record)}
        if when := after_ns.get(detail["outcome"]):
            late_ns = connection.said["last_byte_ns"] - when(detail)
            if late_ns > limit_ns:
                yield f"a byte came {late_ns / SECOND:.3f} s too late for that"
