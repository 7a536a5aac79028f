# SPDX-License-Identifier: GPL-2.0-only
"""What shutwatch-client says when it is called wrongly, or there is nobody to talk to."""

import json
import resource
import signal
import socket

import pytest

from kit.clock import now_ns
from kit.shutwatch import BUILD
from kit.sockets import free_ports

CLIENT = BUILD / "shutwatch-client"


def test_waits_for_the_target(stage):
    """Which begins to listen later, or not at all."""
    port = free_ports()[0]
    target = ["--target", f"127.0.0.1:{port}", "--silent", "1", "--wait"]
    assert stage.program([CLIENT, *target, "200ms"]).wait() == 1
    client = stage.program([CLIENT, *target, "10s"])
    with socket.create_server(("127.0.0.1", port)):
        assert client.out.wait(lambda line: line == b"ready\n")
    assert client.wait() == 0


def test_refused_from_the_start(stage):
    """Then there is no "ready"."""
    path = stage.directory / "lines.jsonl"
    client = stage.program([CLIENT, "--target", f"127.0.0.1:{free_ports()[0]}", "--idle", "3",
                            "-o", path])
    assert client.wait() == 1
    assert client.out.all() == []
    assert b"did not reach their state" in client.err.all()[0]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["end"], line["errno"], line["requests"]) for line in lines] == [
        ("refused", 111, 0)] * 3


@pytest.mark.parametrize("args", [
    [], ["--target", "x"], ["--target", "127.0.0.1:0", "--idle", "1"],
    ["--target", "127.0.0.1:1"], ["--target", "127.0.0.1:1", "--idle", "-1"],
    ["--target", "127.0.0.1:1", "--idle", "1", "--path", "/a b"],
    ["--target", "127.0.0.1:1", "--idle", "1", "--path", "/a\r\nX: y"],
    ["--target", "127.0.0.1:1", "--burst", "5"],
    ["--target", "127.0.0.1:1", "--idle", "1", "--source", "::1"],
    ["--target", "127.0.0.1:1", "--idle", "1", "--protocol", "ftp"],
    ["--target", "127.0.0.1:1", "--idle", "1", "--stop", "0"]])
def test_wrong_usage(stage, args):
    """Says what is wrong."""
    client = stage.program([CLIENT, *args])
    assert client.wait() == 2 and client.out.all() == [] and client.err.all()


def test_too_few_files(stage):
    """Said before anything is opened."""
    def restrict():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    client = stage.program([CLIENT, "--target", "127.0.0.1:1", "--idle", "100"],
                           before_exec=restrict)
    assert client.wait() == 1
    assert b"ulimit -n" in client.err.all()[0]


def test_output_cannot_be_written(stage):
    """Neither at the start nor at the end."""
    args = [CLIENT, "--target", f"127.0.0.1:{free_ports()[0]}", "--flow", "10", "--duration", "1s"]
    client = stage.program([*args, "-o", stage.directory / "none" / "lines"])
    assert client.wait() == 1 and b"cannot write" in client.err.all()[0]
    client = stage.program([*args, "-o", "/dev/full"])
    assert client.wait() == 1 and b"writing the lines failed" in client.err.all()[-1]


def test_stops_its_target(stage):
    """Once the states are reached; at once if they cannot be, for somebody waits for its end."""
    for options, ends_after in ((["--silent", "1", "--stop-after", "300ms"], 0.3),
                                (["--idle", "1", "--ready-timeout", "200ms"], 0.2)):
        sleeper = stage.program(["sleep", "60"])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            began_ns = now_ns()
            client = stage.program([CLIENT, "--target", f"127.0.0.1:{listener.getsockname()[1]}",
                                    "--stop", str(sleeper.pid), *options])
            assert sleeper.wait() == -signal.SIGTERM
            assert sleeper.reaped_ns - began_ns >= ends_after * 1e9
            client.kill()
    gone = stage.program([CLIENT, "--target", "127.0.0.1:1", "--silent", "1",
                          "--stop", str(sleeper.pid)])
    assert gone.wait() == 1 and b"--stop: No such process" in gone.err.all()[0]
