# SPDX-License-Identifier: GPL-2.0-only
"""Databases: Redis and PostgreSQL, each in its own protocol."""

import shutil
import signal
import socket
from functools import partial

from kit.sockets import free_ports
from lab.server import BURST, IDLE, LONG, MANY, MIXED, TERM, How, Kind, Running

_BIG_BYTES = 16 << 20

_REDIS_PATHS = {
    "idle": "PING", "flow": "PING", "burst": "PING", "half_request": "PING",
    "in_flight": "BLPOP nothing 2",
    "long": "BLPOP nothing 60",
    "half_response": "GET big",
}

_POSTGRES = "/usr/lib/postgresql/15/bin"
POSTGRES_NEEDS = (f"{_POSTGRES}/postgres", "setpriv", "unshare")
_POSTGRES_USER = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
                  "--pdeathsig=KILL")  # prctl()'s is lost with the user
_POSTGRES_PATHS = {
    "idle": "select 1", "flow": "select 1", "burst": "select 1", "half_request": "select 1",
    "in_flight": "select pg_sleep(3)",
    "long": "select pg_sleep(60)",
    "half_response": f"select repeat('x', {_BIG_BYTES})",
}


def _wait_said(program, lines, words):
    """Until it says that it serves."""
    if lines.wait(lambda line: words in line, 30) is None:
        raise RuntimeError(f"it ended before it served\n{program.describe()}")


def _redis_set_big(host, port):
    with socket.create_connection((host, port)) as client:
        client.sendall(f"SETRANGE big {_BIG_BYTES - 1} x\r\n".encode())
        if (said := client.recv(100)) != f":{_BIG_BYTES}\r\n".encode():
            raise RuntimeError(f"redis said {said!r}")


def _target(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _start_redis(stage, host="127.0.0.1"):
    port, = free_ports()
    group = stage.subgroup()
    program = stage.program(["redis-server", "--bind", host, "--port", port,
                             "--save", "", "--dir", stage.directory], cgroup=group)
    _wait_said(program, program.out, b"Ready to accept connections")
    _redis_set_big(host, port)
    return Running(program.pid, _target(host, port), group.path, paths=dict(_REDIS_PATHS),
                   client=("--protocol=redis",), program=program)


def _initdb(stage):
    """A database of its own, which the user postgres can reach."""
    stage.directory.chmod(0o711)
    data = stage.directory / "data"
    data.mkdir(0o700)
    shutil.chown(data, "postgres", "postgres")
    initdb = stage.program([*_POSTGRES_USER, f"{_POSTGRES}/initdb", "--auth=trust", "--no-sync",
                            "--locale=C", "-D", data], cwd=data)
    if initdb.wait(60) != 0:
        raise RuntimeError(f"initdb failed\n{initdb.describe()}")
    return data


def start_postgres(stage, host="127.0.0.1"):
    data = _initdb(stage)
    port, = free_ports()
    group = stage.subgroup()
    options = {"listen_addresses": host, "port": port, "unix_socket_directories": "",
               "max_connections": 600, "fsync": "off", "dynamic_shared_memory_type": "mmap"}
    # An IPC namespace of its own: what a killed PostgreSQL leaves there goes with it.
    program = stage.program(
        ["unshare", "--ipc", *_POSTGRES_USER, f"{_POSTGRES}/postgres", "-D", data,
         *(f"--{name}={value}" for name, value in options.items())], cgroup=group, cwd=data)
    _wait_said(program, program.err, b"ready to accept connections")
    return Running(program.pid, _target(host, port), group.path, paths=dict(_POSTGRES_PATHS),
                   client=("--protocol=postgres", "--user=postgres"), program=program)


KINDS = [
    Kind("redis", ("redis-server",), _start_redis),
    Kind("redis on ::1", ("redis-server",), partial(_start_redis, host="::1"),
         scenarios=(MIXED, IDLE)),
    Kind("postgres", POSTGRES_NEEDS, start_postgres,
         hows=(TERM, How(signal.SIGINT), How(signal.SIGQUIT)), forks=True, is_slow=True,
         # Not QUEUE: nobody asks before the start-up was answered
         scenarios=(MIXED, IDLE, LONG, BURST, MANY)),
    Kind("postgres on ::1", POSTGRES_NEEDS, partial(start_postgres, host="::1"),
         hows=(How(signal.SIGINT),), scenarios=(MIXED, IDLE), forks=True, is_slow=True),
]
