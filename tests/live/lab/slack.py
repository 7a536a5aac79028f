# SPDX-License-Identifier: GPL-2.0-only
"""How much later than it happened a client, or the lab, may have seen something: said here once.

Measured: below 6 ms with up to 100 connections, 16 ms with 500, 117 ms with 100,000, which one
thread for each 15,000 reads while the processes that held them end, on two processors.
"""

from kit.clock import MS

LOOK_NS = 100 * MS  # until shutwatch has gone through all files of all processes
_FEW_NS = 20 * MS
_EACH_NS = 40_000
_MANY_NS = 200 * MS


def slack_ns(record):
    """20 ms, and 40 µs for each connection; 200 ms at most."""
    return min(_MANY_NS, _FEW_NS + _EACH_NS * len(record["connections"]["details"]))
