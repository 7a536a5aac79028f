# SPDX-License-Identifier: GPL-2.0-only
"""The lines of shutwatch-client, as the judge reads them."""

import json

from kit.line import Line
from kit.sockets import plain_ip

# The client's states, by the judge's names.
_KINDS = {"half_request": "half", "half_response": "reading", "flow": "arriving",
          "burst": "arriving", "queued": "in_flight"}
_ENDS = {"closed_by_us": "closed"}


def _plain(name):
    if name is None:
        return None
    host, _, port = name.rpartition(":")
    host = plain_ip(host.strip("[]"))
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Seen(Line):
    """One line. Of the requests before the last, only that they were answered is known."""

    def __init__(self, said):
        kind = _KINDS.get(said["state"], said["state"])
        super().__init__(kind, said["peer"], said["connect_ns"])
        self.said = said
        self.local = _plain(said["local"])
        self.established_ns = said["connected_ns"]
        self.asked, self.answered = said["requests"], said["answers"]
        self.is_half = kind == "half" and not self.asked and bool(said["sent_bytes"])
        self.is_part = said["last"] == "part"
        self.sent_bytes, self.received_bytes = said["sent_bytes"], said["received_bytes"]
        self.fin_ns = said["fin_ns"]
        self.late_ns = said["late_ns"] or 0
        self.end = _ENDS.get(said["end"], said["end"])
        if self.end == "fin" and said["late_reset"]:
            self.end = "fin+rst"
        self.ended_ns = self._ended_ns()
        self.over_ns = said["closed_ns"]
        if self.end == "rst" and not self.established_ns:
            self.established_ns = self.ended_ns  # and reset before the client came to look
        if not self.established_ns:
            self.local = None  # the address of another one by now, perhaps
        self.events = self._events()

    def _ended_ns(self):
        said = self.said
        if self.end == "fin":
            # Sent after the server's FIN and not reset: the server was still reading, until ours.
            return said["closed_ns"] if said["late_request_ns"] else said["fin_ns"]
        if self.end == "open":
            return None
        return (said["late_reset_ns"] or said["reset_ns"] or said["error_ns"]
                or said["closed_ns"])

    def _events(self):
        said, events = self.said, []
        if self.is_half:
            events.append((self.established_ns, "half"))
        if said["answered_ns"]:
            events += [(said["first_request_ns"], "asked"), (said["answered_ns"], "answered")]
        if said["request_ns"]:
            # A half request was begun at once; only its other half has a time.
            asked_ns = self.established_ns if self.kind == "half" else said["request_ns"]
            events.append((asked_ns, "asked"))
        if said["first_byte_ns"]:
            events.append((said["first_byte_ns"], "part"))
        if self.answered and self.asked == self.answered:
            events.append((said["last_byte_ns"], "answered"))
        if said["late_request_ns"]:
            events.append((said["late_request_ns"], "asked"))
        return events

    def _is_starting_at(self, ns):
        """PostgreSQL's start-up is a request and its answer too, without a time of its own."""
        return (self.said["protocol"] == "postgres" and self.said["sent_bytes"]
                and ns < (self.said["first_request_ns"] or ns + 1))

    def states_at(self, ns, edge_ns):
        """As Line; while a session starts, both."""
        if self._is_starting_at(ns - edge_ns):
            return {True, False}
        # A part of an answer that has arrived: data of ours came last, as after a whole one.
        began = self.is_part and self.kind != "reading" and self.events[-1][0] <= ns + edge_ns
        return super().states_at(ns, edge_ns) | ({False} if began else set())

    def saw(self, t0_ns, edge_ns):
        """As Line; besides: a farewell that nobody asked for."""
        if self.said["protocol"] == "postgres" and self.sent_bytes and not self.asked:
            if not self.is_half:  # a start-up only
                return {"told", "idle"} if self.received_bytes else {"none"}
        if self.said["unasked_bytes"] and self.asked == self.answered:
            return {"told"}
        if self.said["late_request_ns"]:
            return {"none"}
        return super().saw(t0_ns, edge_ns)


def read_lines(path):
    """All connections of an output file."""
    with open(path, encoding="utf-8") as file:
        return [Seen(json.loads(line)) for line in file]
