# SPDX-License-Identifier: GPL-2.0-only
"""The cases: what is wrong with a server, and the server that has taken the advice."""

import signal
from functools import partial

from lab import web_servers
from lab.proof import Case, within
from lab.server import How

_GUARD = "--duration=25s"


def _busy(load):
    """Requests in flight, answered after 2 s; idle ones; readers of a big answer."""
    load.add("--in-flight=4", "--idle=4", "--half-response=2", "--half-response-resume=1s", _GUARD)


def _silent(load):
    load.add("--idle=2", "--silent=2", _GUARD)


def _node(mode):
    return partial(web_servers.start_node, mode=mode)


CASES = [
    Case("nginx: SIGTERM", "wrong_stop_signal", "SIGQUIT (nginx -s quit)", "lost",
         web_servers.start_nginx_proxy, web_servers.start_nginx_proxy, _busy,
         how_after=How(signal.SIGQUIT), needs=("nginx",)),
    Case("node: no handler", "no_handler", "process.on('SIGTERM', ...)", "lost",
         _node("none"), lambda stage: web_servers.start_node(stage, "advised", 3), _busy,
         needs=("node",)),
    Case("node: only server.close()", "drain_blocked_idle",
         "server.closeAllConnections() after {value} s", "total_s",
         _node("close"), lambda stage, value: web_servers.start_node(stage, "advised", value),
         _silent, value=within, needs=("node",)),
]
