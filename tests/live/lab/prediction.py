# SPDX-License-Identifier: GPL-2.0-only
"""What `shutwatch audit` said just before the stop, beside what came of it."""

import json
import signal

from kit.shutwatch import FAILED, FINE, SHUTWATCH

_TARGETS = ("--pid", "--unit", "--port", "--cgroup", "--comm", "--exe")


def predict(stage, running, how):
    """The outcome that the audit expects. It must see the service, once."""
    words = [word for word in running.watch if word.startswith(_TARGETS)]
    words = words or [f"--pid={running.pid}"]
    if not running.tell:
        words.append(f"--signal={signal.Signals(how.signal).name}")
    program = stage.program([SHUTWATCH, "audit", "--json", *words])
    if program.wait(20) not in (FINE, FAILED):
        raise RuntimeError(f"the audit failed\n{program.describe()}")
    said = [json.loads(line) for line in program.out.all()]
    if len(said) != 1:
        raise RuntimeError(f"{len(said)} services, expected one\n{program.describe()}")
    return said[0]["outcome"]


def why_not(predicted, record):
    """Why it came differently; None: it came as predicted, or nobody knows."""
    real, inbound = record["outcome"], record["connections"]["inbound"]
    if predicted == real:
        return None
    if real == "forced":
        return "did not end by itself in the time that it was given"
    lost = [d for d in record["connections"]["details"] if d["direction"] == "inbound"
            and d["outcome"] in ("reset", "cut", "abandoned", "unaccepted", "late_reset")]
    if (predicted, real) == ("clean", "lossy"):
        if not inbound["aborted"] and inbound["refused"] + inbound["refused_handshakes"]:
            return "clients came after the listener had closed, and were refused"
        if all(d["at_signal"] == "new" for d in lost):
            return "clients came after the signal, and were lost"
        return "not all that was open was answered: what a handler does, the audit cannot know"
    if (predicted, real) == ("lossy", "clean"):
        return "what was in flight or queued was answered in time"
    return None
