# SPDX-License-Identifier: GPL-2.0-only
"""A line of the client, for tests of those who read it: asked, and closed without an answer."""

LINE = {
    "id": 1, "state": "in_flight", "protocol": "http", "local": "127.0.0.1:40000",
    "peer": "127.0.0.1:80", "family": "inet", "connect_ns": 10, "connected_ns": 20,
    "first_request_ns": 30, "answered_ns": None, "request_ns": 30, "first_byte_ns": None,
    "last_byte_ns": None, "fin_ns": 900, "reset_ns": None,
    "error_ns": None, "late_request_ns": None, "late_reset_ns": None, "closed_ns": None,
    "late_ns": None,
    "sent_bytes": 40, "received_bytes": 0, "unasked_bytes": 0, "requests": 1, "answers": 0,
    "last": "none", "status": None, "says_close": False, "malformed": False, "end": "fin",
    "late_reset": False, "errno": 0,
}
