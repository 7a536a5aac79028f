# SPDX-License-Identifier: GPL-2.0-only
"""Every stop of the lab, written down before it happens, as its clients see it.

Who was answered, who was not, and how long it worked on, decides which findings are right: those
of severity warning and error are here, what is merely good to know is not. A stop of which the
clients lost nothing has none, or a comment that says why.
"""

import dataclasses
from collections import Counter

from kit.pairs import CUT_OFF
from lab.server import BURST, IDLE, LATE, LOAD, LONG, MANY, MIXED, QUEUE

_REFUSED = "refused_after_listener_close"
_DROPPED = "accept_queue_dropped"
_STALLED = "accept_stalled"
_CUT_OFF = "cut_off_at_exit"
_GRACE = "grace_exceeded"
_BUSY = "drain_blocked_active"
_IDLING = "drain_blocked_idle"
_MASTER = "killed_by_supervisor"
_WRONG = "wrong_stop_signal"
_NO_HANDLER = "no_handler"
_CUT = "requests_cut"
_UNREAD = "aborted_unread_data"
_LINGER = "aborted_linger"
# It closes its listener at once, and then works on for longer than half a second.
_EARLY = ("listener_closed_too_early", _REFUSED)

# Of clients that arrive all the time, one may be in the accept queue, or not be read yet, when the
# listener closes.
# So many may be in the middle of a handshake when the listener closes.
_AT_ONCE = {MIXED: 1, BURST: 100, LOAD: 5}
MACHINE_WAS_LATE = "the machine was as late as that: who had seen the end was not run"
# Of a steady flow some ask once more just as their connection is closed.
_RACES = {scenario: {_DROPPED, _UNREAD, "keepalive_close_race"}
          for scenario in (MIXED, BURST, LOAD)}


@dataclasses.dataclass(frozen=True)
class Stop:
    """What comes of one stop."""

    outcomes: tuple           # more than one: a race decides
    findings: frozenset
    maybe: frozenset          # a race decides as well
    audit: str                # the outcome that it predicts
    undecidable: int = 0      # so many, at most, of which nobody can know what became

    def too_many(self, scenario, counts):
        """counts: {why: how many}."""
        counts = Counter(counts)
        del counts[MACHINE_WAS_LATE]  # not of the server
        counts.subtract({CUT_OFF: min(counts[CUT_OFF], _AT_ONCE.get(scenario, 0))})
        if counts.total() > self.undecidable:
            yield (f"{counts.total()} not decidable, {self.undecidable} at most are due: "
                   + "; ".join(sorted(+counts)))


def stop(outcome, *findings, maybe=(), audit=None, undecidable=0):
    """As the rows have it: "lossy|clean" is a race; the audit is right if nothing else is said."""
    outcomes = tuple(outcome.split("|"))
    return Stop(outcomes, frozenset(findings), frozenset(maybe), audit or outcomes[0],
                undecidable)


_CLEAN = stop("clean")
# The audit cannot know what a handler does, nor who comes later: it believes that it drains.
_DRAINS = stop("clean", audit="clean")
# Idle ones are closed, and ask in that moment.
_RACED = stop("lossy", "keepalive_close_race", audit="clean")
# All that waited is accepted after the signal. The audit does not count on it.
_SERVED = stop("clean", audit="lossy")
_UNSERVED = stop("lossy", _DROPPED)
_PERHAPS_SERVED = stop("lossy|clean", maybe=(_DROPPED,))
# A handler of 60 s, for which it waits until the lab kills it.
_WAITED = stop("forced", _CUT_OFF, _GRACE, _BUSY, audit="clean")
_WORKS_ON = stop("lossy", *_EARLY, audit="clean")

_UVICORN = {
    # Half a request is all that these have got when they close the connection.
    MIXED: stop("lossy", _CUT, *_EARLY, audit="clean"),
    IDLE: _CLEAN, LATE: _RACED, QUEUE: _SERVED, LONG: _WAITED, BURST: _WORKS_ON, MANY: _DRAINS,
}
# The parent keeps the listener open until the last worker is gone: nobody accepts meanwhile.
_UVICORN_ALL = {
    **_UVICORN,
    MIXED: stop("lossy", _CUT, _DROPPED, _STALLED, _REFUSED, audit="clean"),
    BURST: stop("lossy", _DROPPED, _STALLED, _REFUSED, audit="clean"),
    LOAD: stop("lossy", _CUT, _DROPPED, _STALLED, _REFUSED, audit="clean"),
}
# It tells one worker after the other: the second accepts until the first has ended. Who waits for
# half a second is a matter of which has something to do.
_UVICORN_PARENT = {
    **_UVICORN,
    MIXED: stop("lossy", _CUT, _DROPPED, _REFUSED, maybe=(_STALLED,), audit="clean"),
    # A whole burst may fall into the time of the second one, and none into that of nobody.
    BURST: stop("lossy", _REFUSED, maybe=(_DROPPED, _STALLED), audit="clean"),
    LOAD: stop("lossy", _CUT, _DROPPED, _REFUSED, maybe=(_STALLED,), audit="clean"),
}

# Two workers, each busy with one client; all others wait in the queue. A silent client keeps a
# worker until its master has no more patience with it, and that is after 3 s: it loses nothing by
# that, but the stop takes as long, and the worker is killed.
_KILLED = stop("forced", _MASTER, audit="clean")
_GUNICORN_SYNC = {
    MIXED: stop("lossy", _DROPPED, _STALLED, _REFUSED),
    IDLE: _KILLED,
    QUEUE: stop("lossy|forced", _DROPPED, maybe=(_MASTER, _STALLED)),
    LONG: stop("forced", _DROPPED, _STALLED, _CUT_OFF, _MASTER, audit="lossy"),
    BURST: stop("lossy", _DROPPED, _STALLED, _REFUSED),
    MANY: stop("lossy", _DROPPED, _STALLED),
}
# As patient with whoever is idle, silent, or stuck in the middle of a request.
_GUNICORN_GTHREAD = {
    MIXED: stop("forced", _MASTER, _CUT_OFF, *_EARLY, audit="clean"),
    IDLE: _KILLED, MANY: _KILLED, LATE: _RACED,
    # One at least is accepted, and that one is silent; the request of another is answered.
    QUEUE: stop("forced", _MASTER, maybe=(_DROPPED,), audit="lossy"),
    LONG: stop("forced", _CUT_OFF, _MASTER, audit="clean"),
    BURST: _WORKS_ON,
}
_GUNICORN_UVICORN = {**_UVICORN, LONG: _GUNICORN_GTHREAD[LONG]}
# QUIT and INT: the master sends SIGQUIT to its workers. The handler of these sleeps for 0.1 s, and
# then leaves whatever the thread was doing: of the request that it had, an answer or a cut. The
# rest waits in the queue of a listener that is open until the exit.
_GUNICORN_SYNC_QUIT = {
    # Readers of a big answer come first: to the kernel it is one that was closed while it was sent.
    MIXED: stop("lossy", _DROPPED, _REFUSED, maybe=(_WRONG, _CUT), undecidable=2),
    IDLE: _CLEAN,
    # Who was frozen may take half a second to do anything.
    QUEUE: stop("lossy", _DROPPED, maybe=(_WRONG, _CUT, _STALLED)),
    LONG: stop("lossy", _WRONG, _CUT, _DROPPED),
    BURST: stop("lossy", _WRONG, _CUT, _DROPPED, _REFUSED),
    MANY: stop("lossy", _WRONG, _CUT, _DROPPED),
}
# Only the thread that accepts leaves: Python waits for the others before it ends, which go on
# answering, or wait for silent clients, until the master kills them.
_GUNICORN_GTHREAD_QUIT = {
    MIXED: stop("forced", _WRONG, _MASTER, _CUT_OFF, _DROPPED, _STALLED, _REFUSED, audit="lossy"),
    IDLE: _KILLED, LATE: _RACED,
    # How many a worker accepts before it hears of it, all even; a silent one keeps it.
    QUEUE: stop("lossy|forced", maybe=(_DROPPED, _MASTER, _STALLED)),
    LONG: stop("forced", _WRONG, _MASTER, _CUT_OFF, audit="lossy"),
    # All that were in flight are answered.
    BURST: stop("lossy", _DROPPED, _STALLED, _REFUSED),
    MANY: stop("forced", _MASTER, audit="lossy"),
}
# This worker gives SIGQUIT back its default: it dies of it, with a core dump if it may.
_NO_QUIT = (_NO_HANDLER, "unhandled_stop_signal_core")
_GUNICORN_UVICORN_QUIT = {
    # Streams may end between two parts.
    MIXED: stop("lossy", _WRONG, _CUT_OFF, _REFUSED, *_NO_QUIT, undecidable=2),
    IDLE: stop("clean", _NO_QUIT[1]),
    LATE: stop("lossy", "keepalive_close_race", _NO_QUIT[1], audit="clean", maybe=_NO_QUIT),
    # What they accept before they hear of it is answered at once, as a rule.
    QUEUE: stop("lossy|clean", _NO_QUIT[1], maybe=(_WRONG, _CUT_OFF, _DROPPED, _UNREAD, *_NO_QUIT)),
    LONG: stop("lossy", _WRONG, _CUT_OFF, *_NO_QUIT),
    BURST: stop("lossy", _WRONG, _CUT_OFF, _REFUSED, *_NO_QUIT),
    MANY: stop("lossy", _WRONG, _CUT_OFF, *_NO_QUIT),
}

_HTTP_SERVER = {
    MIXED: stop("lossy", _NO_HANDLER, _CUT_OFF, _REFUSED),
    IDLE: _CLEAN,
    QUEUE: stop("lossy", _NO_HANDLER, _DROPPED),
    # A burst may be under way.
    BURST: stop("lossy", _REFUSED, maybe=(_NO_HANDLER, _CUT_OFF), audit="clean"),
}
# The shell alone dies, and the server serves on: no client notices anything.
_ORPHANED = stop("partial", "wrapper_died_first")

_NGINX_TERM = {
    MIXED: stop("lossy", _WRONG, _CUT_OFF, _REFUSED),
    # Closed while idle they lose nothing, and asked too late they lose as much by SIGQUIT.
    IDLE: _CLEAN, LATE: _RACED,
    # Workers accept until they see the signal: whom they accepted, they drop.
    QUEUE: stop("lossy", maybe=(_WRONG, _CUT_OFF, _DROPPED)),
    LONG: stop("lossy", _WRONG, _CUT_OFF),
    BURST: stop("lossy", _WRONG, _CUT_OFF, _REFUSED),
    MANY: stop("lossy", _WRONG, _CUT_OFF),
}
_NGINX_QUIT = {
    # It waits 2 s for the other half of a request.
    MIXED: _UVICORN[MIXED],
    IDLE: _CLEAN, LATE: _RACED, QUEUE: _PERHAPS_SERVED, LONG: _WAITED, BURST: _WORKS_ON,
    MANY: _DRAINS,
}
# It half closes, and its clients do the rest: of those that it accepts after the signal (in flight,
# or of the flow until the listener closes), nobody has seen whose they were.
_FLOW = 3
_APACHE_TERM = {
    # It cuts off at once, and waits for its upstream or for halves of requests, until it is killed.
    # Nobody accepts in that time, and the listener is open.
    # Two big answers end in the middle.
    MIXED: stop("forced", _WRONG, _CUT, _DROPPED, _STALLED, _GRACE, _REFUSED, audit="lossy",
                undecidable=2 + _FLOW),
    IDLE: _CLEAN, LATE: _RACED,
    # What it answers before it has seen the signal is answered; what it accepts then is cut off.
    QUEUE: stop("lossy|clean", maybe=(_WRONG, _CUT, _CUT_OFF, _DROPPED, _UNREAD), undecidable=3),
    LONG: stop("forced", _WRONG, _CUT, _GRACE, "drain_blocked_outbound", audit="lossy"),
    # Bursts of 100 come until the queue of 511 is full, and one more.
    BURST: stop("lossy", _WRONG, _CUT, _DROPPED, _STALLED, _REFUSED, undecidable=100),
    # Some of them may still wait for a thread.
    MANY: stop("lossy", _WRONG, _CUT, maybe=(_UNREAD, _DROPPED, _STALLED), undecidable=20),
}
# Clean, and not quick: its parent looks once a second whether its children have ended.
_APACHE_LOOKS = ("slow_cleanup",)
_APACHE_WINCH = {
    # One of those that arrive may ask again just as it is told goodbye.
    MIXED: stop("forced", _CUT_OFF, _GRACE, _BUSY, *_EARLY, audit="clean",
                maybe=("keepalive_close_race",), undecidable=_FLOW),
    IDLE: stop("clean", maybe=_APACHE_LOOKS),
    # It says goodbye, and reads on for a second: who asks in that time gets no RST, and no answer.
    LATE: stop("lossy", _CUT, maybe=_APACHE_LOOKS, audit="clean"),
    # Who thaws first, a child that accepts or the parent that closes, is a race.
    QUEUE: stop("clean|lossy", maybe=(*_APACHE_LOOKS, _DROPPED), audit="lossy", undecidable=3),
    LONG: _WAITED, BURST: stop("lossy", *_EARLY, audit="clean", undecidable=100),
    MANY: stop("clean", maybe=_APACHE_LOOKS, undecidable=20),
}

# No handler of its own, though its runtime has one: which the audit sees, and believes.
_NO_OWN_HANDLER = {
    # Go: who was accepted, and whose request was on its way, gets an RST for it.
    MIXED: stop("lossy", _NO_HANDLER, _CUT_OFF, _REFUSED, audit="clean",
                maybe=("keepalive_close_race",)),
    IDLE: _CLEAN,
    # Idle ones are closed as a server with a handler closes them.
    LATE: _RACED,
    QUEUE: stop("lossy", _NO_HANDLER, _DROPPED, maybe=(_CUT_OFF, _UNREAD)),
    LONG: stop("lossy", _NO_HANDLER, _CUT_OFF, audit="clean"),
    BURST: stop("lossy", _NO_HANDLER, _CUT_OFF, _REFUSED, audit="clean",
                maybe=("keepalive_close_race",)),
    MANY: stop("lossy", _NO_HANDLER, _CUT_OFF, audit="clean"),
}
# It ends by a plain exit() of the runtime: 143 is an exit code.
_JAVA_NONE = {
    **_NO_OWN_HANDLER,
    MIXED: stop("lossy", _CUT_OFF, _REFUSED, audit="clean"),
    # It accepts on until it has ended, 300 ms later.
    QUEUE: stop("lossy", maybe=(_CUT_OFF, _DROPPED)),
    LONG: stop("lossy", _CUT_OFF, audit="clean"),
    BURST: stop("lossy", _CUT_OFF, _REFUSED, audit="clean"),
    MANY: stop("lossy", _CUT_OFF, audit="clean"),
}
# stop() may take some more from the queue before it closes the listener: these get no answer.
# It half closes first, as Apache does.
_JAVA_STOP = {**_UVICORN, QUEUE: stop("lossy", _DROPPED, maybe=(_CUT, _UNREAD), undecidable=6),
              LONG: stop("lossy", _CUT, audit="clean")}
_NODE_CLOSE = {
    # Halves of requests; then silent clients, which it never closes.
    MIXED: stop("forced", _CUT_OFF, _GRACE, _BUSY, *_EARLY, audit="clean"),
    IDLE: stop("forced", _GRACE, _IDLING, audit="clean"),
    LATE: _RACED,
    QUEUE: stop("forced", _GRACE, maybe=(_DROPPED, _IDLING), audit="lossy"),
    LONG: _WAITED,
    # Those that were in flight have been answered, and are kept alive.
    BURST: stop("forced", _GRACE, _IDLING, *_EARLY, audit="clean"),
    MANY: stop("forced", _GRACE, _IDLING, audit="clean"),
}
# Its exit is half a second away, in which it serves no new client.
_NODE_EXIT = {
    **_JAVA_NONE,
    MIXED: stop("lossy", _CUT_OFF, *_EARLY, audit="clean"),
    QUEUE: stop("lossy", _DROPPED, maybe=(_CUT_OFF,)),
    BURST: stop("lossy", _CUT_OFF, *_EARLY, audit="clean"),
}
_RESET = stop("lossy", _LINGER, audit="clean")
_NODE_RESET = {
    MIXED: stop("lossy", _LINGER, _REFUSED, audit="clean"),
    # Even who is idle is told by an RST.
    IDLE: _RESET, LATE: _RESET, LONG: _RESET, MANY: _RESET,
    QUEUE: stop("lossy", _DROPPED, maybe=(_LINGER, _UNREAD)),
    BURST: stop("lossy", _LINGER, _REFUSED, audit="clean"),
}
# Shutdown waits 3 s: not for silent clients longer than that, nor for the rest of a request.
_GO_WAITED = stop("clean", "slow_cleanup")
_GO_SHUTDOWN = {
    **_UVICORN,
    MIXED: stop("lossy", _CUT_OFF, *_EARLY, audit="clean"),
    # The silent clients lose nothing, but it has waited for them.
    IDLE: _GO_WAITED, MANY: _GO_WAITED,
    QUEUE: dataclasses.replace(_PERHAPS_SERVED,
                               maybe=_PERHAPS_SERVED.maybe | _GO_WAITED.findings),
    LONG: stop("lossy", _CUT_OFF, audit="clean"),
}

_REDIS = {
    MIXED: stop("lossy", _CUT_OFF, _REFUSED),
    IDLE: _CLEAN, LATE: _RACED,
    # It looks ten times a second whether it was told: what it accepts and reads before is answered.
    QUEUE: stop("lossy|clean", maybe=(_DROPPED, _CUT_OFF, _UNREAD)),
    LONG: stop("lossy", _CUT_OFF),
    BURST: stop("lossy", _CUT_OFF, _REFUSED),
    MANY: stop("lossy", _CUT_OFF),
}
# It waits for its clients for ever, and the lab kills it. "No new clients", it tells those that
# come, and closes: that is an answer.
_POSTGRES_TERM = {
    MIXED: stop("forced", _WRONG, _GRACE, _CUT_OFF, _REFUSED, _BUSY, audit="draining"),
    IDLE: stop("forced", _WRONG, _GRACE, audit="draining"),
    LONG: stop("forced", _WRONG, _GRACE, _CUT_OFF, audit="draining"),
    # Some of a burst are being told so when it is killed, or wait for it.
    BURST: stop("forced", _WRONG, _GRACE, _REFUSED, audit="draining",
                 maybe=(_CUT_OFF, _BUSY, _IDLING, _STALLED), undecidable=100),
    MANY: stop("forced", _WRONG, _GRACE, audit="draining"),
}
# A process for each connection: those of a burst end while the signal is sent. "Terminating" is a
# part of an answer to who was in flight.
_POSTGRES_FAST = {
    name: dataclasses.replace(due, undecidable={MIXED: 6 + _FLOW, LONG: 4, BURST: 100, MANY: 20
                                                }.get(name, 0))
    for name, due in _REDIS.items() if name in _POSTGRES_TERM}
# Of all in flight that part may be all that the kernel knows of: nobody was lost by it then.
_POSTGRES_FAST[MANY] = stop("lossy|clean", maybe=(_CUT_OFF,), undecidable=20)
_POSTGRES_FAST[LONG] = stop("lossy|clean", maybe=(_CUT_OFF,), undecidable=4)

# PID 1 hears nothing, and passes nothing on: nothing ends before all of it is killed. Nobody
# drains, so nothing blocks that.
_PID1 = ("sigterm_discarded_pid1", "signal_not_forwarded", _GRACE, "killed_by_pidns_teardown")

# {(server, signal): {scenario: Stop}}
TABLE = {
    ("uvicorn", "TERM"): _UVICORN,
    ("uvicorn on ::1", "TERM"): _UVICORN,
    ("uvicorn, 2 workers", "TERM"): _UVICORN_PARENT,
    ("uvicorn, 2 workers", "TERM/all"): _UVICORN_ALL,
    ("gunicorn sync", "TERM"): _GUNICORN_SYNC,
    ("gunicorn gthread", "TERM"): _GUNICORN_GTHREAD,
    ("gunicorn uvicorn", "TERM"): _GUNICORN_UVICORN,
    **{(f"gunicorn {worker}", name): table for name in ("QUIT", "INT") for worker, table in (
        ("sync", _GUNICORN_SYNC_QUIT), ("gthread", _GUNICORN_GTHREAD_QUIT),
        ("uvicorn", _GUNICORN_UVICORN_QUIT))},
    ("http.server", "TERM"): _HTTP_SERVER,
    ("sh: http.server", "TERM"): {MIXED: _ORPHANED, IDLE: _ORPHANED},
    ("nginx-header2", "TERM"): _NGINX_TERM,
    ("nginx-header2", "QUIT"): _NGINX_QUIT,
    ("apache-event-grace3", "TERM"): _APACHE_TERM,
    ("apache-event-grace3", "WINCH"): _APACHE_WINCH,
    ("node-none", "TERM"): _NO_OWN_HANDLER,
    ("node-close", "TERM"): _NODE_CLOSE,
    ("node-exit", "TERM"): _NODE_EXIT,
    ("node-reset", "TERM"): _NODE_RESET,
    ("go-none", "TERM"): _NO_OWN_HANDLER,
    ("go-shutdown3", "TERM"): _GO_SHUTDOWN,
    ("java-httpserver-none", "TERM"): _JAVA_NONE,
    ("java-httpserver-stop2", "TERM"): _JAVA_STOP,
    ("redis", "TERM"): _REDIS,
    ("redis on ::1", "TERM"): _REDIS,
    ("postgres on ::1", "INT"): _POSTGRES_FAST,
    ("postgres", "TERM"): _POSTGRES_TERM,
    ("postgres", "INT"): _POSTGRES_FAST,
    ("postgres", "QUIT"): _POSTGRES_FAST,
    ("systemd-uvicorn-2w", "TERM"): _UVICORN_ALL,
    # KillMode=process: the wrapper is no wrapper of the whole. The audit cannot ask the systemd of
    # a machine in the machine, and takes the default.
    ("systemd-sh-wrap-process", "TERM"): {
        MIXED: stop("partial", "wrapper_died_first", audit="lossy"),
        IDLE: stop("partial", "wrapper_died_first", audit="clean")},
    ("podman-uvicorn", "TERM"): _UVICORN,
    ("podman-sh-wrap", "TERM"): {MIXED: stop("forced", *_PID1, _CUT_OFF),
                                 IDLE: stop("forced", *_PID1)},
    # Halves of requests are cut; answers take seconds, of which it waits for each.
    ("victims", "TERM/all"): {"crowd": stop("lossy", _CUT, maybe=(_BUSY,))},
}


def of(server, signal, scenario):
    """The Stop that is due; None: nobody wrote it down."""
    return TABLE.get((server, signal), {}).get(scenario)


def races_of(scenario):
    """Findings that depend on the moment, in a scenario."""
    return _RACES.get(scenario, set())


def written():
    """Every (server, signal, scenario) there is, and perhaps some that are not."""
    return {(*told, scenario) for told, scenarios in TABLE.items() for scenario in scenarios}
