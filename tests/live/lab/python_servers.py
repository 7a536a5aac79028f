# SPDX-License-Identifier: GPL-2.0-only
"""Servers written in Python; and what a shell makes of one."""

import os
import signal

from kit.clock import wait_until
from kit.servers import uvicorn_command, wait_uvicorn
from kit.shutwatch import ROOT
from kit.sockets import free_ports, listens
from lab.server import (BURST, IDLE, LOAD, MIXED, QUEUE, TERM, TERM_ALL, How, Kind,
                        Running)

APPS = ROOT / "tests/live/apps"
_PYTHON = "/usr/bin/python3"
ENV = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
# app.py has an answer in parts.
_STREAMS = Kind.states | {"stream"}
# Closes after each answer, or keeps a worker busy with each connection: nothing is ever idle.
_NEVER_IDLE = frozenset(("in_flight", "half_response", "half_request", "finishing", "silent",
                         "flow"))


def running(program, group, port, host="127.0.0.1", **more):
    wait_until(lambda: listens(program.pid, port), f"{program.argv} to listen")
    address = f"[{host}]" if ":" in host else host
    return Running(program.pid, f"{address}:{port}", group.path, program=program, **more)


def start_uvicorn(workers, *options, host="127.0.0.1"):
    def start(stage):
        port, = free_ports()
        group = stage.subgroup()
        program = stage.program([*uvicorn_command(port, workers, host), *options], cgroup=group,
                                env=ENV)
        wait_uvicorn(program, workers)
        return running(program, group, port, host)
    return start


def start_gunicorn(booted, *options):
    """booted: what each of the two workers says, on stderr."""
    def start(stage):
        port, = free_ports()
        group = stage.subgroup()
        program = stage.program(
            [_PYTHON, "-m", "gunicorn", "--chdir", APPS, "--workers=2", "--graceful-timeout=3",
             f"--bind=127.0.0.1:{port}", *options], cgroup=group, env=ENV)
        wait_until(lambda: sum(booted in line for line in program.err.so_far()) >= 2,
                   "gunicorn's workers", 30)
        return running(program, group, port)
    return start


def start_http_server(*wrapper):
    """One request after the other, and only files: what takes its time is a client that does."""
    def start(stage):
        port, = free_ports()
        group = stage.subgroup()
        directory = stage.directory / "files"
        directory.mkdir()
        (directory / "small").write_text("x")
        program = stage.program(
            [*wrapper, _PYTHON, "-m", "http.server", "--bind=127.0.0.1",
             f"--directory={directory}", port], cgroup=group, env=ENV)
        return running(program, group, port, paths=dict.fromkeys(
            ("flow", "burst", "half_request"), "/small"))
    return start


# SIGTERM kills the shell, and the server serves on: `partial`, with its clients and the listener
# still "open". In a cgroup of its own both are one service, so the shell's pid names it as well as
# the server's would; the record is made when the time to settle is over, not after the patience.
_WRAPPER = ("sh", "-c", '"$@"; true', "sh")
_FILES = frozenset(("half_request", "finishing", "silent", "flow"))

# gunicorn takes QUIT and INT for "at once".
_QUICK = (TERM, How(signal.SIGQUIT), How(signal.SIGINT))

KINDS = [
    Kind("uvicorn", ("uvicorn",), start_uvicorn(1), states=_STREAMS),
    Kind("uvicorn on ::1", ("uvicorn",), start_uvicorn(1, host="::1"), scenarios=(MIXED, IDLE),
         states=_STREAMS),
    Kind("uvicorn, 2 workers", ("uvicorn",), start_uvicorn(2), hows=(TERM, TERM_ALL),
         states=_STREAMS),
    # It closes what was idle for 5 s, and so many take longer to open when the machine is busy.
    Kind("uvicorn, 2 workers", ("uvicorn",), start_uvicorn(2, "--timeout-keep-alive=60"),
         hows=(TERM, TERM_ALL), scenarios=(LOAD,)),
    # All with --graceful-timeout=3: gthread waits that long for idle connections.
    Kind("gunicorn sync", ("gunicorn",), start_gunicorn(b"Booting worker", "wsgi:app"),
         hows=_QUICK, states=_NEVER_IDLE),
    Kind("gunicorn gthread", ("gunicorn",),
         start_gunicorn(b"Booting worker", "--worker-class=gthread", "--threads=20",
                         "wsgi:app"), hows=_QUICK),
    Kind("gunicorn uvicorn", ("gunicorn", "uvicorn"),
         start_gunicorn(b"startup complete", "--worker-class=uvicorn.workers.UvicornWorker",
                         "app:app"), hows=_QUICK, states=_STREAMS),
    # No handler takes time, and nothing is ever idle: neither LONG nor MANY has what it is about.
    Kind("http.server", (_PYTHON,), start_http_server(), states=_FILES,
         scenarios=(MIXED, IDLE, QUEUE, BURST)),
    Kind("sh: http.server", ("sh",), start_http_server(*_WRAPPER), states=_FILES,
         scenarios=(MIXED, IDLE), survives=True),
]
