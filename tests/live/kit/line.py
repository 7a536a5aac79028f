# SPDX-License-Identifier: GPL-2.0-only
"""What the client writes down about one connection, and what can be asked of it afterwards."""


def name_address(address):
    """As the record names it: 127.0.0.1:4711 or [::1]:4711."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Line:
    """Plain data. Times are CLOCK_BOOTTIME in nanoseconds, None for what did not happen."""

    def __init__(self, kind, remote, connect_ns):
        self.kind = kind         # see client.py
        self.local = None
        self.remote = remote
        self.connect_ns = connect_ns
        self.established_ns = None
        self.asked = 0           # whole requests sent
        self.answered = 0        # whole answers received
        self.is_half = False     # half a request is out
        self.is_part = False     # part of an answer is in
        self.sent_bytes = 0      # until the server's FIN
        self.received_bytes = 0
        self.events = []         # (ns, "asked" | "half" | "part" | "answered")
        self.fin_ns = None
        self.end = "open"        # fin, rst, fin+rst, refused, closed (by us), own_rst (by us)
        self.ended_ns = None
        self.is_taken = False    # seen accepted, and all that was sent read
        self.is_accepted = None  # at the signal; None: nobody looked

    def states_at(self, ns, edge_ns):
        """Waiting for something at that time? Both answers when it changed close to it."""
        states, pending = set(), False
        for at_ns, event in self.events:
            if at_ns > ns + edge_ns:
                break
            if at_ns > ns - edge_ns:
                states.add(pending)
            pending = event != "answered"
        states.add(pending)
        return states

    def saw(self, t0_ns, edge_ns):
        """What it saw of its last request: none, part, half, whole (after T0) or idle."""
        if self.is_part:
            return {"part"}
        if self.is_half:
            return {"half"}
        if self.asked > self.answered:
            return {"none"}
        if not self.answered:
            return {"idle"}
        answered_ns = self.events[-1][0]
        if abs(answered_ns - t0_ns) <= edge_ns:
            return {"idle", "whole"}
        return {"whole" if answered_ns > t0_ns else "idle"}

    def line(self):
        """What the client wrote down, for people."""
        return {key: value for key, value in vars(self).items() if not key.startswith("_")}
