# SPDX-License-Identifier: GPL-2.0-only
"""What `shutwatch audit` said just before the stop, beside what came of it.

It knows who is there and what becomes of a signal; not what a handler does, nor who comes later.
Where it was wrong, the facts must say why: what each lost client had been doing when it was lost,
and what is known of the server. Anything else is a mismatch.
"""

import dataclasses
import json
import signal

from kit.clock import now_ns
from kit.shutwatch import FAILED, FINE, SHUTWATCH
from lab import outcomes
from lab.server import BURST, LOAD, MANY, MIXED

_TARGETS = ("--pid", "--unit", "--port", "--cgroup", "--comm", "--exe")
_LOST = ("reset", "cut", "abandoned", "unaccepted", "late_reset")

# Of these no fact but the clients' own is needed.
_REFUSED = "clients came after the listener had closed, and were refused"
_LATER = "clients came after the audit, and were lost"
_RACED = "idle clients asked once more when they had been told goodbye"
_SERVED = "all that waited in the queue was accepted after the signal"
_TOLD = "what was in flight got a part of an answer, which may be all that the kernel knows of"
_PATIENT = "it waited for its clients, until it was killed"
_THAWED = "it was halted (SIGSTOP), and was let go on after the signal"
_OTHER_SYSTEMD = "its systemd is that of another machine: the audit took the default of KillMode"

# What the program does that cannot be seen from outside, by what its lost clients were doing;
# "forced": why it did not end by itself.
_WAITS = "it waits for requests, until it is killed"
_MASTER = "its master kills a worker that has not ended in 3 s"
_HALF = {"half": "it closes the connection on half a request", "forced": _WAITS}


def _drops(why):
    return {"half": why, "busy": why}


_HABITS = {
    "uvicorn": _HALF, "uvicorn on ::1": _HALF, "uvicorn, 2 workers": _HALF,
    "systemd-uvicorn-2w": _HALF, "podman-uvicorn": _HALF,
    "gunicorn sync": {"forced": _MASTER}, "gunicorn gthread": {"forced": _MASTER},
    "gunicorn uvicorn": {**_HALF, "forced": _MASTER},
    "nginx-header2": {"half": "it waits 2 s for the rest of a request", "forced": _WAITS},
    "apache-event-grace3": {"forced": _WAITS},
    "node-none": _drops("node catches SIGTERM in any case, and then dies of it"),
    "node-close": {"forced": "server.close() waits for connections that nobody closes"},
    "node-exit": _drops("its handler calls exit() half a second later"),
    "node-reset": {**_drops("its handler resets every client"),
                   "idle": "its handler resets every client"},
    "go-none": _drops("Go catches SIGTERM in any case, and then dies of it"),
    "go-shutdown3": _drops("its handler gives requests 3 s, and no more"),
    "java-httpserver-none": _drops("Java catches SIGTERM in any case, and then ends"),
    "java-httpserver-stop2": _drops("its hook gives requests 2 s, and no more"),
}


@dataclasses.dataclass(frozen=True)
class Said:
    """What the audit said, and when it was asked."""

    outcome: str
    unit_error: str | None
    queued: int        # in queues that go with the service
    cut: int           # in flight in processes that the signal ends
    asked_ns: int
    is_frozen: bool = False  # what is told is halted, and does not hear it: see QUEUE

    @classmethod
    def from_json(cls, said, asked_ns):
        """One line of it."""
        return cls(said["outcome"], said["stop"]["unit_error"],
                   sum(_dropped(one, said) for one in said["listeners"]),
                   sum(one["inbound_in_flight"] for one in said["processes"]
                       if one["fate"] in ("dies", "killed")), asked_ns,
                   any(one["is_told"] and one["is_stopped"] and one["fate"] != "stops"
                       for one in said["processes"]))


def _dropped(listener, said):
    """How much of a queue goes with it: nothing that flows, where somebody accepts on."""
    fates = {process["fate"] for process in said["processes"]
             if process["pid"] in listener["pids"]}
    if listener["is_held_outside"] or "lives" in fates:
        return 0
    return listener["stalled" if "stops" in fates else "queued"]


def predict(stage, running, how):
    """What the audit says of it: it must see the service, once."""
    words = [word for word in running.watch if word.startswith(_TARGETS)]
    words = words or [f"--pid={running.pid}"]
    if not running.tell:
        words.append(f"--signal={signal.Signals(how.signal).name}")
    asked_ns = now_ns()
    program = stage.program([SHUTWATCH, "audit", "--json", *words])
    if program.wait(20) not in (FINE, FAILED):
        raise RuntimeError(f"the audit failed\n{program.describe()}")
    said = [json.loads(line) for line in program.out.all()]
    if len(said) != 1:
        raise RuntimeError(f"{len(said)} services, expected one\n{program.describe()}")
    return Said.from_json(said[0], asked_ns)


def _due(stop, row, said):
    """What it should say: of clients that come all the time, it may see some that would be lost.

    So it may of many, where the server has no thread for all of them: the record knows of a queue.
    """
    if said.is_frozen:
        return "forced" if row.server.startswith("podman") else "unaffected"
    waiting = said.queued + said.cut if row.scenario in (MIXED, BURST, LOAD) else 0
    if row.scenario == MANY and any(listener["queued_at_signal"]
                                    for listener in row.record["listeners"]):
        waiting = said.queued
    if stop.audit in ("clean", "draining") and waiting:
        return "lossy"
    return stop.audit


def _doing(detail, connection, said):
    """What a lost client had been doing."""
    if connection.said["late_request_ns"]:
        return "raced"
    if connection.kind == "arriving" and connection.connect_ns >= said.asked_ns:
        return "later"
    if detail["outcome"] == "unaccepted":
        return "queued"
    if connection.kind == "half":
        return "half"
    return "busy" if detail["at_signal"] == "in_flight" else detail["at_signal"]


def _losses(record, connections, said):
    """The reasons why clients were lost, as far as there are some; None: nobody knows."""
    seen = {connection.local: connection for connection in connections}
    inbound = record["connections"]["inbound"]
    doing = {_doing(d, seen[d["peer"]], said) if d["peer"] in seen else None
             for d in record["connections"]["details"]
             if d["direction"] == "inbound" and d["outcome"] in _LOST}
    return doing | ({"refused"} if inbound["refused"] + inbound["refused_handshakes"] else set())


def _killed_by(record):
    """The pids of those who sent SIGKILL."""
    return {s["sender"]["pid"] for process in record["processes"] for s in process["signals"]
            if s["signal"] == "SIGKILL" and s["sender"]}


def _why_forced(server, said, record):
    # "lossy": some wait in the queue besides.
    is_patient = said.outcome == "draining" or (server, said.outcome) == ("postgres", "lossy")
    why = _PATIENT if is_patient else _HABITS.get(server, {}).get("forced")
    killers = _killed_by(record)
    by_itself = killers & {process["pid"] for process in record["processes"]}
    return why if killers and bool(by_itself) == (why == _MASTER) else None


def why_not(row, connections, said):
    """Why it came differently, all reasons; (): nobody knows."""
    real = row.record["outcome"]
    if said.is_frozen:
        reasons = {_THAWED}
    elif real == "forced":
        reasons = {_why_forced(row.server, said, row.record)}
    elif real == "partial":
        reasons = {_OTHER_SYSTEMD if said.unit_error else None}
    elif (said.outcome, real) == ("clean", "lossy"):
        known = {"refused": _REFUSED, "later": _LATER, "raced": _RACED,
                 **_HABITS.get(row.server, {})}
        reasons = {known.get(doing) for doing in _losses(row.record, connections, said)}
    elif (said.outcome, real) == ("lossy", "clean"):
        was_told = _TOLD if sum(row.undecidable.values()) else None
        reasons = {_SERVED if said.queued and not said.cut else was_told}
    else:
        reasons = {None}
    return () if None in reasons else tuple(sorted(reasons))


def disagreements(row, said):
    """It said what it should not, or nobody knows why it was wrong."""
    stop = outcomes.of(row.server, row.signal, row.scenario)
    due = stop and _due(stop, row, said)
    if stop and said.outcome != due:
        yield f"audit: {said.outcome}, expected {due}"
    if said.outcome != row.record["outcome"] and not row.why_not:
        yield f"audit: {said.outcome}, it came {row.record['outcome']}, and no fact explains it"
