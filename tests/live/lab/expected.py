# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with each stop, as its clients see it: the findings that must be there, no other.

Warnings and errors only. What a server does is written down from its clients' side: who was
answered, who was not, how long it worked on. A stop that is not in here is not checked.
"""

from kit.findings import wrong
from lab.server import IDLE, MIXED

_REFUSED = "refused_after_listener_close"
# It closes its listener at once, and then works on for longer than half a second.
_REFUSED_LONG = {_REFUSED, "listener_closed_too_early"}
# Half a request is all that these have got when they close the connection.
_UVICORN = {"requests_cut"} | _REFUSED_LONG
# It dies or exits as it is, with answers owed.
_DROPPED = {"cut_off_at_exit", _REFUSED}

# {(server, signal): (mixed, idle)}
_STOPS = {
    ("uvicorn", "TERM"): (_UVICORN, set()),
    ("uvicorn on ::1", "TERM"): (_UVICORN, set()),
    # The parent keeps the listener open until the last worker is gone: nobody accepts meanwhile.
    ("uvicorn, 2 workers", "TERM"): ({"requests_cut", "accept_queue_dropped", _REFUSED}, set()),
    ("uvicorn, 2 workers", "TERM/all"): (
        {"requests_cut", "accept_queue_dropped", "accept_stalled", _REFUSED}, set()),
    # Two workers, each busy with one client; all others wait in the queue. A silent client keeps
    # a worker until its master has no more patience with it, and that is after 3 s.
    ("gunicorn sync", "TERM"): ({"accept_queue_dropped", "accept_stalled", _REFUSED},
                                {"killed_by_supervisor"}),
    # As patient with whoever is idle, silent, or stuck in the middle of a request.
    ("gunicorn gthread", "TERM"): ({"killed_by_supervisor", "cut_off_at_exit"} | _REFUSED_LONG,
                                   {"killed_by_supervisor"}),
    ("gunicorn uvicorn", "TERM"): (_UVICORN, set()),
    ("http.server", "TERM"): ({"no_handler"} | _DROPPED, set()),
    # The shell alone dies, and the server serves on: no client notices anything.
    ("sh: http.server", "TERM"): ({"wrapper_died_first"}, {"wrapper_died_first"}),
    ("nginx-header2", "TERM"): ({"wrong_stop_signal"} | _DROPPED, set()),
    # It waits 2 s for the other half of a request.
    ("nginx-header2", "QUIT"): ({"requests_cut"} | _REFUSED_LONG, set()),
    ("node-none", "TERM"): ({"no_handler"} | _DROPPED, set()),
    # Its exit is half a second away, in which it serves no new client.
    ("node-exit", "TERM"): ({"cut_off_at_exit"} | _REFUSED_LONG, set()),
    ("node-reset", "TERM"): ({"aborted_linger", _REFUSED}, {"aborted_linger"}),
    ("redis", "TERM"): (_DROPPED, set()),
}
FINDINGS = {(*stop, scenario): findings for stop, both in _STOPS.items()
            for scenario, findings in zip((MIXED, IDLE), both, strict=True)}

# One of fifty a second may be in the accept queue, or not read yet, when the listener closes; and
# whether one of them waits for half a second is a matter of which worker ends first.
_RACES = {MIXED: {"accept_queue_dropped", "aborted_unread_data"}, IDLE: set()}
_MORE_RACES = {("uvicorn, 2 workers", "TERM", MIXED): {"accept_stalled"}}


def disagreements(row):
    """What was found and is not so, and what was not found."""
    stop = (row.server, row.signal, row.scenario)
    if stop not in FINDINGS:
        return
    found, expected = wrong(row.record), FINDINGS[stop]
    maybe = _RACES[row.scenario] | _MORE_RACES.get(stop, set())
    if missing := expected - found:
        yield f"findings: {', '.join(sorted(missing))} not found"
    if more := found - expected - maybe:
        yield f"findings: {', '.join(sorted(more))} found"
