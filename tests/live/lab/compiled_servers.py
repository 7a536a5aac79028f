# SPDX-License-Identifier: GPL-2.0-only
"""Servers in languages that are compiled first: Go's net/http, Java's com.sun.net.httpserver."""

import os
from functools import partial

from kit.shutwatch import BUILD, ROOT
from kit.sockets import free_ports
from lab.server import Kind, Running

_APPS = ROOT / "tests/live/apps"
# Longer than a handler still takes, shorter than the lab's patience.
_GO_GRACE_S = 3
_JAVA_GRACE_S = 2


def _compile(stage, *argv, **env):
    program = stage.program(argv, env={**os.environ, **env}, cwd=stage.directory)
    if program.wait(180) != 0:
        raise RuntimeError(f"{argv[0]} failed\n{program.describe()}")


def _serve(stage, *argv):
    group = stage.subgroup()
    server = stage.python_victim(*argv, cgroup=group)
    return Running(server.pid, f"127.0.0.1:{server.port}", group.path, program=server)


def start_go(stage, grace=()):
    _compile(stage, "go", "build", "-o", stage.directory / "server", _APPS / "main.go",
             GOCACHE=str(BUILD.resolve() / "go"), GO111MODULE="off")
    return _serve(stage, stage.directory / "server", *free_ports(), *grace)


def start_java(stage, grace=()):
    _compile(stage, "javac", "-d", stage.directory, _APPS / "App.java")
    return _serve(stage, "java", "-cp", stage.directory, "App", *free_ports(), *grace)


KINDS = [
    Kind("go-none", ("go",), start_go, is_slow=True),
    Kind(f"go-shutdown{_GO_GRACE_S}", ("go",), partial(start_go, grace=(f"{_GO_GRACE_S}s",)),
         is_slow=True),
    Kind("java-httpserver-none", ("java", "javac"), start_java, is_slow=True),
    Kind(f"java-httpserver-stop{_JAVA_GRACE_S}", ("java", "javac"),
         partial(start_java, grace=(_JAVA_GRACE_S,)), is_slow=True),
]
