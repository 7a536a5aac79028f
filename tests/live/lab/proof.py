# SPDX-License-Identifier: GPL-2.0-only
"""One piece of advice on trial: the stop before it was taken, and the same stop after.

The clients' own lines say who was lost; the record says what is wrong, and how long it took.
"""

import contextlib
import dataclasses
import shutil
import textwrap
import time
import traceback
from collections.abc import Callable

from kit.findings import found, wrong
from kit.stage import Stage
from lab.ending import Ending
from lab.load import Load
from lab.scenario import wait_end
from lab.server import TERM, How

_GRACE_S = 3     # then SIGKILL to all that is left, as any supervisor does
_BEFORE_S = 0.3  # the scenario: how long clients are there before the stop


@dataclasses.dataclass
class Side:
    """What came of one stop."""

    how: str
    outcome: str
    record: dict
    total_s: float    # until the last process ended; endless: it lives on
    lost: int         # clients that were refused, reset, or left without their answer
    left: int         # processes that live on

    @property
    def wrong(self):
        """What is more than good to know."""
        return sorted(wrong(self.record))


@dataclasses.dataclass(frozen=True)
class Case:
    """A server, a load, a finding, and what its advice makes of the server."""

    name: str
    finding: str
    says: str                    # must be in the advice; {value}: what was computed
    figure: str                  # "total_s", "lost" or "left": must become less
    before: Callable             # (stage) -> Running
    after: Callable              # the same, or (stage, value) if there is a value
    load: Callable               # (Load) -> the client that goes on until it is ended, or None
    value: Callable = None       # (evidence) -> the seconds that the advice names
    how: How = TERM
    how_after: How = None        # None: as before
    notice_s: float | None = None  # so long clients still come: the load balancer has to notice
    sleeps: bool = False         # the advice: leave that first, and signal only `value` s later
    needs: tuple = ()            # programs
    lacks: Callable = None       # () -> what else is not there, or None
    is_slow: bool = False        # not in the quick part

    def missing(self):
        """What is not installed."""
        missing = [name for name in self.needs if not shutil.which(name)]
        more = self.lacks() if self.lacks and not missing else None
        return missing + ([more] if more else [])


def within(key):
    """As advice.c: four fifths of the time after which it was killed, whole seconds."""
    return lambda evidence: max(1, int(evidence[key] * 4 / 5))


def at_least(key):
    """As advice.c: the next whole second above the measurement."""
    return lambda evidence: int(evidence[key]) + 1


def is_lost(connection):
    """Did its client not get what it asked for, by the client's own line?"""
    if connection.end in ("open", "closed", "own_rst"):
        return False
    is_error = connection.said["protocol"] == "http" and str(connection.said["status"])[0] == "5"
    return (connection.end != "fin" or connection.asked > connection.answered
            or connection.is_part or is_error)


class _Stopping:
    """One stop as a supervisor and a load balancer make it."""

    def __init__(self, stage, running, case):
        self._running = running
        self._case = case
        words = running.watch or (f"--pid={running.pid}",)
        self._watch = stage.watch(*words)
        self._ending = Ending(running.cgroup)
        self._load = Load(stage, running)

    def _leave(self, began, flow):
        """The load balancer notices after a while, and sends no more clients."""
        if flow and self._case.notice_s is not None:
            _until(began + self._case.notice_s)
            self._load.end(flow)

    def run(self, how, sleep_s):
        """Seen to its end. Returns the Side."""
        flow = self._case.load(self._load)
        time.sleep(_BEFORE_S)  # the scenario
        began = time.monotonic()
        if sleep_s:
            self._leave(began, flow)
            _until(began + sleep_s)
        self._running.stop(how)
        if not sleep_s:
            self._leave(began, flow)
        wait_end(self._running, self._ending, self._watch, _GRACE_S)
        record = self._watch.record(40)
        left = len(self._running.pids()) if self._ending.at_ns is None else 0
        self._load.end_all()
        total_s = record["timing"]["total_s"]
        return Side(how.name, record["outcome"], record,
                    float("inf") if left or total_s is None else total_s,
                    sum(map(is_lost, self._load.lines())), left)

    def close(self):
        """It need not have ended."""
        self._ending.close()


def _until(moment):
    """The scenario: a stretch of time."""
    time.sleep(max(0, moment - time.monotonic()))


def _side(case, start, how, sleep_s=None):
    stage = Stage("advice")
    try:
        with contextlib.closing(_Stopping(stage, start(stage), case)) as stopping:
            return stopping.run(how, sleep_s)
    except Exception:
        print(stage.describe())
        raise
    finally:
        stage.close()


@dataclasses.dataclass
class Proof:
    """Both sides, and what is against the advice."""

    case: Case
    before: Side = None
    after: Side = None
    advice: str = ""
    against: list = dataclasses.field(default_factory=list)


def judge(proof, value):
    """What is against it, now that both sides are known."""
    case = proof.case
    said = case.says.format(value=value)
    if said not in proof.advice:
        yield f"the advice does not say {said!r}"
    if found(proof.after.record, case.finding):
        yield f"{case.finding} is still found"
    old, new = getattr(proof.before, case.figure), getattr(proof.after, case.figure)
    if new >= old:
        yield f"{case.figure} was {old}, and is {new}"


def prove(case):
    """Stops it, takes the advice, stops it again. Returns the Proof."""
    proof = Proof(case, _side(case, case.before, case.how))
    finding = found(proof.before.record, case.finding)
    if not finding:
        proof.against.append(f"{case.finding} was not found")
        return proof
    proof.advice = finding["advice"]
    value = case.value(finding["evidence"]) if case.value else None
    takes_value = value is not None and not case.sleeps
    proof.after = _side(case, (lambda stage: case.after(stage, value)) if takes_value
                        else case.after, case.how_after or case.how,
                        value if case.sleeps else None)
    proof.against += judge(proof, value)
    return proof


def try_to_prove(case):
    """The same; what fails is against the advice."""
    try:
        return prove(case)
    except Exception as error:  # pylint: disable=broad-exception-caught
        traceback.print_exc()
        return Proof(case, against=[f"could not run: {error!r}"[:2000]])


# The table

_WIDTHS = (-36, -6, -6, -8, 8, 5, 5)


def _line(*cells, last):
    return "  ".join([*(f"{cell:<{-width}}" if width < 0 else f"{cell:>{width}}"
                        for cell, width in zip(cells, _WIDTHS, strict=True)), last])


def head():
    """The first line."""
    return _line("case", "", "signal", "outcome", "total", "lost", "left", last="findings")


def lines(proof):
    """Both rows, the advice, and what is against it."""
    said = []
    for name, when, side in ((proof.case.name, "before", proof.before), ("", "after", proof.after)):
        if side:
            total = "-" if side.total_s == float("inf") else f"{side.total_s:.3f} s"
            said.append(_line(name, when, side.how, side.outcome, total, side.lost, side.left,
                              last=", ".join(side.wrong) or "-"))
    if proof.advice:
        said += textwrap.wrap(f"{proof.case.finding}: {proof.advice}", 96,
                              initial_indent="    ", subsequent_indent="    ")
    return said + [f"    AGAINST IT: {why}" for why in proof.against]


def last(proofs, skipped):
    """The sum of all."""
    proven = sum(not proof.against for proof in proofs)
    said = f"{proven} of {len(proofs)} cases: the finding is gone, and its figure is less"
    return said + (f"; skipped: {', '.join(skipped)}" if skipped else "")
