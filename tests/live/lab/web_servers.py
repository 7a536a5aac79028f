# SPDX-License-Identifier: GPL-2.0-only
"""Web servers: nginx and Apache before an upstream of ours, and Node."""

import os
import signal
from functools import partial

from kit.clock import wait_until
from kit.servers import start_nginx
from kit.shutwatch import ROOT
from kit.sockets import free_ports, listens
from lab.server import TERM, How, Kind, Running

_APPS = ROOT / "tests/live/apps"
# Longer than a handler still takes, shorter than the lab's patience.
_APACHE_GRACE_S = 3
_APACHE_CHILDREN, _APACHE_THREADS = 2, 25  # as apache2.conf has them


def start_nginx_proxy(stage):
    group = stage.subgroup()
    server = start_nginx(stage, stage.server().port, cgroup=group)
    return Running(server.pid, f"127.0.0.1:{server.port}", group.path, program=server.program)


def _is_apache_up(program):
    """Every child has its workers, and the thread that accepts, which starts last."""
    counts = [len(os.listdir(f"/proc/{pid}/task")) for pid in program.children()]
    return [n >= 1 + _APACHE_THREADS + 1 for n in counts] == [True] * _APACHE_CHILDREN


def start_apache(stage):
    port, = free_ports()
    group = stage.subgroup()
    program = stage.program(
        ["apache2", "-D", "FOREGROUND", "-f", _APPS / "apache2.conf"], cgroup=group,
        env={**os.environ, "DIRECTORY": str(stage.directory), "PORT": str(port),
             "UPSTREAM": str(stage.server().port), "GRACE_S": str(_APACHE_GRACE_S)})
    wait_until(lambda: _is_apache_up(program), "Apache to serve")
    return Running(program.pid, f"127.0.0.1:{port}", group.path,
                   watch=(f"--pid={program.pid}", "--stop-signal=WINCH"), program=program)


_HAPROXY = """
global
    hard-stop-after 2s
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 127.0.0.1:{port}
    default_backend upstream
backend upstream
    server one 127.0.0.1:{upstream}
"""


def start_haproxy(stage):
    """HAProxy before an upstream; SIGUSR1 counts as a stop."""
    port, = free_ports()
    group = stage.subgroup()
    config = stage.directory / "haproxy.cfg"
    config.write_text(_HAPROXY.format(port=port, upstream=stage.server().port))
    program = stage.program(["haproxy", "-db", "-f", config], cgroup=group)
    wait_until(lambda: listens(program.pid, port), "HAProxy to listen")
    return Running(program.pid, f"127.0.0.1:{port}", group.path,
                   watch=(f"--pid={program.pid}", "--stop-signal=USR1"), program=program)


def start_node(stage, mode, *more):
    group = stage.subgroup()
    server = stage.python_victim("node", _APPS / "app.js", *free_ports(), mode, *more,
                                 cgroup=group)
    return Running(server.pid, f"127.0.0.1:{server.port}", group.path, program=server)


KINDS = [
    # 2 s for the head of a request, instead of 60: QUIT waits for it
    Kind("nginx-header2", ("nginx",), start_nginx_proxy, hows=(TERM, How(signal.SIGQUIT))),
    Kind(f"apache-event-grace{_APACHE_GRACE_S}", ("apache2",), start_apache,
         hows=(TERM, How(signal.SIGWINCH)), defers_accept=True, is_slow=True),
    Kind("node-none", ("node",), partial(start_node, mode="none")),
    # Waits for silent connections for ever
    Kind("node-close", ("node",), partial(start_node, mode="close"), is_slow=True),
    Kind("node-exit", ("node",), partial(start_node, mode="exit")),
    Kind("node-reset", ("node",), partial(start_node, mode="reset")),
]
