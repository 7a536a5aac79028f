# SPDX-License-Identifier: GPL-2.0-only
"""The lines of the client, as the lab reads them."""

import pytest

from kit.judge import t0_ns, tell_apart
from lab.example import LINE
from lab.seen import Seen


def _saw(**fields):
    seen = Seen({**LINE, **fields})
    return seen.saw(500, 1), seen.end


@pytest.mark.parametrize("fields, saw", [
    ({}, ({"none"}, "fin")),
    ({"last": "part", "first_byte_ns": 600}, ({"part"}, "fin")),
    ({"last": "whole", "answers": 1, "first_byte_ns": 600, "last_byte_ns": 700},
     ({"whole"}, "fin")),
    ({"last": "whole", "answers": 1, "first_byte_ns": 60, "last_byte_ns": 70, "end": "rst",
      "reset_ns": 900}, ({"idle"}, "rst")),
    ({"state": "half_request", "requests": 0, "request_ns": None}, ({"half"}, "fin")),
    ({"state": "half_request", "requests": 0, "request_ns": None, "unasked_bytes": 9},
     ({"told"}, "fin")),
    ({"state": "silent", "requests": 0, "sent_bytes": 0, "request_ns": None}, ({"idle"}, "fin")),
    ({"state": "idle", "answers": 1, "late_request_ns": 950, "late_reset": True,
      "late_reset_ns": 960}, ({"none"}, "fin+rst")),
    ({"end": "closed_by_us", "last": "whole", "answers": 1, "first_byte_ns": 600,
      "last_byte_ns": 700, "closed_ns": 800}, ({"whole"}, "closed")),
])
def test_seen(fields, saw):
    """A line of the client in the judge's words."""
    assert _saw(**fields) == saw


def test_seen_reset_at_once():
    """Established and reset before the client looked: a connection all the same."""
    seen = Seen({**LINE, "connected_ns": None, "request_ns": None, "requests": 0, "sent_bytes": 0,
                 "fin_ns": None, "reset_ns": 90, "end": "rst"})
    assert (seen.established_ns, seen.ended_ns, seen.end) == (90, 90, "rst")


def test_seen_in_flight():
    """Was a request in flight? Before and after it was asked, and answered."""
    seen = Seen({**LINE, "last": "whole", "answers": 1, "first_byte_ns": 600,
                 "last_byte_ns": 700})
    assert [seen.states_at(ns, 1) for ns in (25, 500, 800)] == [{False}, {True}, {False}]


def test_port_used_again():
    """Two connections of one port, one after the other: each detail finds its own."""
    ends = [2_000_000_000, 6_000_000_000]
    two = [Seen({**LINE, "id": i, "fin_ns": ns}) for i, ns in enumerate(ends)]
    details = [{"direction": "inbound", "peer": "127.0.0.1:40000", "closed_at_s": s}
               for s in (6.0, 2.0)]
    record = {"trigger": {"at": "1970-01-01T00:00:00.000000000Z"},
              "connections": {"details": details}}
    offset_ns = t0_ns(record)
    for connection in two:
        connection.ended_ns += offset_ns
    tell_apart(record, two)
    assert [c.local for c in two] == ["127.0.0.1:40000#1", "127.0.0.1:40000#2"]
    assert [d["peer"] for d in details] == ["127.0.0.1:40000#2", "127.0.0.1:40000#1"]
