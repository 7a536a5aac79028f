# SPDX-License-Identifier: GPL-2.0-only
"""Processes, signals and listeners of a record against what the lab did and saw itself."""

import os
import signal

from kit.clock import CAUSALITY_NS, EDGE_NS
from kit.judge import at_ns, details_of, plain_name, t0_ns
from kit.sockets import plain_ip
from lab.slack import LOOK_NS

_ANY = ("0.0.0.0", "::")


def _by_pid(stopped):
    return {process["pid"]: process for process in stopped.record["processes"]}


def _status(stopped):
    """The lab started it, and has its exit status from waitid()."""
    if stopped.status is None:
        return
    found = _by_pid(stopped).get(stopped.stop.pid, {}).get("exit") or {}
    told = (found.get("code"), found.get("signal"))
    due = ((stopped.status, None) if stopped.status >= 0
           else (None, signal.Signals(-stopped.status).name))
    if told != due:
        yield f"{stopped.stop.pid} ended with (code, signal) {due}, the record says {told}"


def _killed(stopped):
    """The lab killed it, and it was not ending before that."""
    for pid in stopped.killed.keys() - stopped.killed.had_begun:
        killed_ns = stopped.killed[pid]
        process = _by_pid(stopped).get(pid, {"exit": None, "signals": []})
        end = process["exit"] or {"signal": None, "at_s": 0}
        if end["signal"] is None and process["exit"] and at_ns(
                stopped.record, end["at_s"]) < killed_ns + CAUSALITY_NS:
            continue  # it had begun to exit by itself, after the lab had looked
        if end["signal"] != "SIGKILL":
            yield f"{pid} was killed by the lab, the record says {process['exit']}"
        elif at_ns(stopped.record, end["at_s"]) < killed_ns - CAUSALITY_NS:
            yield f"{pid} was killed later than {end['at_s']}"
        if not any(told["signal"] == "SIGKILL" for told in process["signals"]):
            yield f"{pid} was killed by the lab, and got no SIGKILL"


def _told(stopped):
    """Who was sent the stop signal."""
    pid = stopped.stop.pid
    if stopped.how.is_group:
        return {member for member, group in stopped.look.groups.items()
                if group == pid} - stopped.leaving
    return {pid}


def _is_ours(stopped, told):
    return bool(told["sender"]) and told["sender"]["pid"] == stopped.stop.sender


def _signals(stopped):
    """The stop signal by the lab to everyone it was for, and none by it that it did not send."""
    stop = stopped.stop
    if stop.sender is None:  # a manager sent it
        return
    due = _told(stopped)
    name = signal.Signals(stop.signal).name
    with open(f"/proc/{os.getpid()}/comm", encoding="ascii") as comm:
        own = {"pid": stop.sender, "comm": comm.read().strip(), "uid": os.getuid()}
    for pid, process in _by_pid(stopped).items():
        ours = [told for told in process["signals"] if _is_ours(stopped, told)]
        first = [told for told in ours if told["signal"] == name]
        if pid in due and len(first) != 1:
            yield f"{pid} got {name} from {stop.sender} once, the record says {len(first)} times"
        for told in ours:
            at = at_ns(stopped.record, told["at_s"])
            if {key: told["sender"][key] for key in own} != own:
                yield f"{pid}: the sender is {told['sender']}, it was {own}"
            if told["signal"] == "SIGKILL":
                is_right = pid in stopped.killed and at >= stopped.killed[pid] - CAUSALITY_NS
            else:
                is_right = told in first and pid in due and (
                    stop.before_ns - CAUSALITY_NS <= at <= stop.after_ns + CAUSALITY_NS)
            if not is_right:
                yield f"{pid}: {told['signal']} at {told['at_s']} was not sent by the lab"


def _is_target(listener, remote):
    """Do connections to that name arrive there?"""
    host, _, port = remote.rpartition(":")
    family = "inet6" if ":" in listener["address"] else "inet"
    return (listener["port"] == int(port) and listener["family"] == family
            and (listener["address"] in _ANY or plain_ip(listener["address"]) == host.strip("[]")))


def _listeners(stopped):
    """Wherever a client got in, there is one."""
    listeners = stopped.record["listeners"]
    for remote in {plain_name(c.remote) for c in stopped.connections if c.established_ns}:
        if not any(_is_target(listener, remote) for listener in listeners):
            yield f"no listener on {remote}, where clients were connected"


def _queued(stopped):
    """Who waits all the time is counted; where servers go on accepting, others may be."""
    details, low, high = details_of(stopped.record), 0, 0
    # The queue is read at the look, and those who come until then are in it.
    until_ns = EDGE_NS + LOOK_NS + stopped.late_ns
    for connection in stopped.connections:
        if connection.established_ns is None or connection.is_accepted:
            continue
        away_ns = connection.established_ns - t0_ns(stopped.record)
        detail = details.get(connection.local, {"outcome": None})
        stays = connection.is_accepted is False and stopped.stays_queued
        is_over = connection.ended_ns and connection.ended_ns < t0_ns(stopped.record)
        high += away_ns <= until_ns and not is_over
        low += stays or (detail["outcome"] == "unaccepted" and away_ns < -EDGE_NS)
    queued = sum(listener["queued_at_signal"] or 0 for listener in stopped.record["listeners"])
    if not low <= queued <= high:
        yield f"queued_at_signal is {queued}, the lab says {low} to {high}"


def disagreements(stopped):
    """All of them, as sentences."""
    for check in (_status, _killed, _signals, _listeners, _queued):
        yield from check(stopped)
