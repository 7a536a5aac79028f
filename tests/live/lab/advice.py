# SPDX-License-Identifier: GPL-2.0-only
"""The cases: what is wrong with a server, and the server that has taken the advice."""

import importlib.util
import signal
import subprocess
from functools import partial

from kit.servers import wait_uvicorn
from kit.sockets import free_ports
from lab import (compiled_servers, database_servers, placed_servers, python_servers,
                 web_servers)
from lab.proof import Case, at_least, within
from lab.server import How, Running

_GUARD = "--duration=25s"
_FOR_EVER = {"stream": "/stream/600000/6000"}
_FLOW = "--flow=50"
_ARRIVE_S = 1.2  # so long after it was told a load balancer still sends clients


# Loads

def _busy(load):
    """Requests in flight, answered after 2 s; idle ones; readers of a big answer."""
    load.add("--in-flight=4", "--idle=4", "--half-response=2", "--half-response-resume=1s", _GUARD)


def _asking(load):
    """Requests in flight and idle ones: what every server can answer in 2 s."""
    load.add("--in-flight=4", "--idle=2", _GUARD)


def _in_flight(load):
    load.add("--in-flight=4", _GUARD)


def _long(load):
    load.add("--in-flight=4", "--idle=2", _GUARD, paths={"in_flight": load.paths["long"]})


def _silent(load):
    load.add("--idle=2", "--silent=2", _GUARD)


def _idle(load):
    load.add("--idle=4", _GUARD)


def _quiet(load):
    load.add("--silent=2", _GUARD)


def _stream(load):
    load.add("--stream=2", "--idle=2", _GUARD, paths=_FOR_EVER)


def _burst(load):
    """A burst every 100 ms, for as long as the load balancer sends them."""
    load.add("--in-flight=2", _GUARD)
    return load.add("--burst=20@100ms")


# Servers that took the advice, and some that did not

def _uvicorn_lacks():
    """The option is younger than the uvicorn of Debian 12."""
    said = subprocess.run(["/usr/bin/python3", "-m", "uvicorn", "--help"], check=False,
                          stdout=subprocess.PIPE, text=True).stdout
    return None if "--timeout-graceful-shutdown" in said else "uvicorn 0.23"


def _uvicorn(stage, value):
    return python_servers.start_uvicorn(1, f"--timeout-graceful-shutdown={value}")(stage)


def _bounded_uvicorn(stage, value):
    port, = free_ports()
    group = stage.subgroup()
    program = stage.program(["/usr/bin/python3", python_servers.APPS / "bounded.py", port, value],
                            cgroup=group, env=python_servers.ENV)
    wait_uvicorn(program, 1)
    return python_servers.running(program, group, port)


def _gthread(*options):
    return python_servers.start_gunicorn(b"Booting worker", "--worker-class=gthread",
                                         "--threads=20", *options, "wsgi:app")


def _gevent_lacks():
    return None if importlib.util.find_spec("gevent") else "gevent"


_GEVENT = python_servers.start_gunicorn(b"Booting worker", "--worker-class=gevent",
                                        "--graceful-timeout=30", "wsgi:app")
_SYNC = python_servers.start_gunicorn(b"Booting worker", "wsgi:app")


def _shell(script):
    """A shell that starts uvicorn."""
    def start(stage):
        port, = free_ports()
        group = stage.subgroup()
        program = stage.program(
            ["sh", "-c", script, "sh", *python_servers.uvicorn_command(port, 1)], cgroup=group,
            env=python_servers.ENV)
        wait_uvicorn(program, 1)
        return Running(program.pid, f"127.0.0.1:{port}", group.path)
    return start


def _node(mode, *seconds):
    return lambda stage: web_servers.start_node(stage, mode, *seconds)


def _node_pid1(mode, *seconds):
    """PID 1 of a pid namespace, as in a container."""
    def start(stage):
        group = stage.subgroup()
        unshare = stage.python_victim(
            "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "node",
            python_servers.APPS / "app.js", *free_ports(), mode, *seconds, cgroup=group)
        pid, = unshare.children()
        return Running(pid, f"127.0.0.1:{unshare.port}", group.path)
    return start


def _boxed(*init):
    """http.server in a container."""
    return partial(placed_servers.start_container, command=[*init, *placed_servers.FILES])


def _unit(text):
    return partial(placed_servers.start_unit, unit="wrapped.service", text=text, workers=0)


CASES = [
    Case("uvicorn, endless streams", "grace_exceeded", "sets force_exit after {value} s",
         "total_s", python_servers.start_uvicorn(1), _bounded_uvicorn, _stream,
         value=within("waited_s"), needs=("uvicorn",)),
    Case("uvicorn, long requests", "drain_blocked_active", "sets force_exit after {value} s",
         "total_s", python_servers.start_uvicorn(1), _bounded_uvicorn, _long,
         value=within("blocked_s"), needs=("uvicorn",), is_slow=True),
    Case("uvicorn 0.23, endless streams", "grace_exceeded",
         "--timeout-graceful-shutdown {value},", "total_s", python_servers.start_uvicorn(1),
         _uvicorn, _stream, value=within("waited_s"), needs=("uvicorn",), lacks=_uvicorn_lacks),
    Case("gunicorn gthread, bursts", "refused_after_listener_close",
         "Leave the load balancer at least {value} s before", "lost", _gthread(), _gthread(),
         _burst, value=at_least("last_refused_s"), notice_s=_ARRIVE_S, sleeps=True,
         needs=("gunicorn",)),
    Case("gunicorn sync, busy workers", "accept_stalled", "gthread", "lost",
         _SYNC, _gthread(), _in_flight, needs=("gunicorn",)),
    Case("gunicorn gthread, silent clients", "drain_blocked_idle", "event loop (gevent,",
         "total_s", _gthread("--graceful-timeout=30"), _GEVENT, _silent,
         needs=("gunicorn",), lacks=_gevent_lacks, is_slow=True),
    Case("nginx: SIGTERM", "wrong_stop_signal", "SIGQUIT (nginx -s quit)", "lost",
         web_servers.start_nginx_proxy, web_servers.start_nginx_proxy, _busy,
         how_after=How(signal.SIGQUIT), needs=("nginx",)),
    Case("Apache: SIGTERM", "wrong_stop_signal", "SIGWINCH (apachectl graceful-stop)", "lost",
         web_servers.start_apache, web_servers.start_apache, _busy,
         how_after=How(signal.SIGWINCH), needs=("apache2",), is_slow=True),
    Case("HAProxy: SIGTERM", "wrong_stop_signal", "SIGUSR1 (soft stop)", "lost",
         web_servers.start_haproxy, web_servers.start_haproxy, _asking,
         how_after=How(signal.SIGUSR1), needs=("haproxy",), is_slow=True),
    Case("node: no handler", "no_handler", "process.on('SIGTERM', ...)", "lost",
         _node("none"), _node("advised", 3), _busy, needs=("node",)),
    Case("node: only server.close()", "drain_blocked_idle",
         "server.closeAllConnections() after {value} s", "total_s", _node("close"),
         lambda stage, value: _node("advised", value)(stage), _silent, value=within("blocked_s"),
         needs=("node",)),
    Case("node as PID 1: no handler", "sigterm_discarded_pid1", "process.on('SIGTERM', ...)",
         "total_s", _node_pid1("none"), _node_pid1("advised", 3), _asking,
         needs=("node", "unshare")),
    Case("http.server as PID 1: no init", "sigterm_discarded_pid1", "tini as the entry point",
         "total_s", _boxed(), _boxed("/usr/bin/tini", "--"), _quiet, needs=("podman", "tini"),
         is_slow=True),
    Case("sh: uvicorn", "wrapper_died_first", "Start the server with exec, as the last command",
         "left", _shell('"$@"; true'), _shell('exec "$@"'), _asking, needs=("sh", "uvicorn")),
    Case("systemd, sh: http.server", "wrapper_died_first", "KillMode=control-group", "left",
         _unit(placed_servers.WRAPPED_UNIT),
         _unit(placed_servers.WRAPPED_UNIT.replace("KillMode=process\n", "")), _quiet,
         needs=("systemd-nspawn",), is_slow=True),
    Case("Java: no hook", "cut_off_at_exit", "Runtime.addShutdownHook", "lost",
         compiled_servers.start_java, partial(compiled_servers.start_java, grace=(2,)), _busy,
         needs=("java", "javac"), is_slow=True),
    Case("Go: no Shutdown", "no_handler", "http.Server.Shutdown", "lost",
         compiled_servers.start_go, partial(compiled_servers.start_go, grace=("3s",)), _busy,
         needs=("go",), is_slow=True),
    Case("PostgreSQL: SIGTERM", "wrong_stop_signal", "SIGINT (fast shutdown)", "total_s",
         database_servers.start_postgres, database_servers.start_postgres, _idle,
         how_after=How(signal.SIGINT), needs=database_servers.POSTGRES_NEEDS, is_slow=True),
]
