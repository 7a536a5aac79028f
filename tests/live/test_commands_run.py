# SPDX-License-Identifier: GPL-2.0-only
"""`shutwatch run`: a command under observation behaves as without it."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import termios

import pytest

from kit.clock import SLOWNESS
from kit.expect import process, signals
from kit.shutwatch import BUILD, FAILED, SHUTWATCH, USAGE
from kit.sockets import free_ports

_SETTLE = ("--settle", "200ms")


def _run(*command, **options):
    return subprocess.run([SHUTWATCH, "run", *_SETTLE, *map(str, command)], capture_output=True,
                          check=False, timeout=30 * SLOWNESS, **options)


def test_streams():
    """stdin, stdout and stderr are the command's; the report comes after, on stderr."""
    data = bytes(range(256)) * 300
    result = _run("--", "sh", "-c", "cat; echo complaint >&2", input=data)
    assert result.returncode == 0
    assert result.stdout == data
    complaint, _, report = result.stderr.partition(b"complaint\n")
    assert complaint == b"" or complaint.startswith(b"watching")
    assert report.strip()


@pytest.mark.parametrize("script, status", [
    ("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143),
    ("kill -SEGV $$", 139)])
def test_exit_status(script, status):
    """The command's own, or 128 + the signal that ended it."""
    assert _run("--", "sh", "-c", script, stdin=subprocess.DEVNULL).returncode == status


def test_not_found():
    """127 and a message, as from a shell."""
    result = _run("--", "/no/such/command", stdin=subprocess.DEVNULL)
    assert result.returncode == 127
    assert b"/no/such/command" in result.stderr


def test_not_executable(stage):
    """126 and a message."""
    path = stage.directory / "text"
    path.write_text("no program")
    result = _run("--", path, stdin=subprocess.DEVNULL)
    assert result.returncode == 126
    assert bytes(path) in result.stderr


def test_gone_at_once(stage):
    """What it was is known, also of a command that ends before anybody could ask."""
    report = stage.directory / "report.json"
    for command in "false", "/bin/false":
        assert _run("-o", report, "--", command, stdin=subprocess.DEVNULL).returncode == 1
        only, = json.loads(report.read_text())["processes"]
        assert only["exe"] == os.path.realpath("/bin/false")


def test_no_command():
    """Nothing to run: wrong usage."""
    assert _run("--", stdin=subprocess.DEVNULL).returncode == USAGE


def test_unwritable_output(stage):
    """A report that cannot be written is said before the command is started."""
    marker = stage.directory / "marker"
    result = _run("-o", "/no/such/directory/report", "--", "touch", marker,
                  stdin=subprocess.DEVNULL)
    assert result.returncode in (FAILED, USAGE)
    assert b"/no/such/directory/report" in result.stderr
    assert not marker.exists()


def _start(stage, *args, **options):
    """The server as a command under run; its pid, and where the record will be."""
    report = stage.directory / "report.json"
    program = stage.python_victim(
        SHUTWATCH, "run", *_SETTLE, "-o", report, "--", BUILD / "victims" / "server",
        f"--port={free_ports()[0]}", *args, **options)
    pid, = program.children()
    return program, pid, report


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_signal_passed_on(stage, name):
    """Sent to shutwatch by another process: passed on once, the record names the first sender."""
    program, pid, report = _start(stage, "--pause=200")
    client = stage.client(program.port)
    client.idle(1)
    # Longer than it takes to start what sends the signal.
    client.in_flight(1, f"/{200 * SLOWNESS}/10")
    client.wait_taken(pid)
    sent = stage.send_by_another(program.pid, getattr(signal, name))
    client.wait_ended()
    assert program.wait() == 0

    told = program.only("signal")
    assert told["signal"] == getattr(signal, name)
    record = json.loads(report.read_text())
    assert record["service"]["kind"] == "command"
    assert record["trigger"]["signal"] == name
    assert record["trigger"]["sender"]["pid"] == sent.sender
    assert record["trigger"]["sender"]["comm"] == "killer"
    assert [p["pid"] for p in record["processes"]] == [pid]
    assert [s[0] for s in signals(record, pid)] == [name]
    assert record["outcome"] == "clean"
    assert record["connections"]["inbound"]["outcomes"] == {"completed": 1, "idle": 1}


def test_hangup_passed_on(stage):
    """HUP without a handler ends the command."""
    program, pid, report = _start(stage)
    sent = stage.send_by_another(program.pid, signal.SIGHUP)
    assert program.wait() == 128 + signal.SIGHUP
    record = json.loads(report.read_text())
    assert record["trigger"]["signal"] == "SIGHUP"
    assert record["trigger"]["sender"]["pid"] == sent.sender
    assert process(record, pid)["exit"]["signal"] == "SIGHUP"


def test_group_signal_not_doubled(stage):
    """A signal to the whole process group reaches the command once."""
    program, pid, report = _start(stage, "--pause=300")
    stage.send(-program.pid)
    assert program.wait() == 0
    assert len(program.all_truth("signal")) == 1
    record = json.loads(report.read_text())
    assert [s[:2] for s in signals(record, pid)] == [("SIGTERM", os.getpid())]
    assert record["outcome"] == "clean"


def test_ctrl_c_not_doubled(stage):
    """Ctrl-C on a terminal goes to the whole foreground group."""
    master, slave = os.openpty()

    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    program, pid, report = _start(stage, "--pause=300", stdin=slave, own_group=False,
                                  before_exec=own_terminal)
    os.close(slave)
    os.write(master, b"\x03")
    assert program.wait() == 0
    os.close(master)
    told = program.all_truth("signal")
    assert [line["signal"] for line in told] == [signal.SIGINT]
    record = json.loads(report.read_text())
    assert record["trigger"]["signal"] == "SIGINT"
    assert [s[0] for s in signals(record, pid)] == ["SIGINT"]


def test_children_of_the_command(stage):
    """A shell that starts the server and waits: both are the service, whoever is signalled."""
    report = stage.directory / "report.json"
    server = f"{BUILD / 'victims' / 'server'} --port={free_ports()[0]}"
    program = stage.python_victim(SHUTWATCH, "run", *_SETTLE, "-o", report, "--", "sh", "-c",
                                  f"trap 'kill $!; wait $!' TERM; {server} & wait $!")
    shell, = program.children()
    stage.send(program.pid)
    program.wait()
    told = program.all_truth("exiting")
    record = json.loads(report.read_text())
    assert {p["pid"] for p in record["processes"]} == {shell, told[0]["pid"]}
    assert record["listeners"][0]["port"] == program.port


_INHERITOR = """
import os, socket, sys
listener = socket.socket(fileno=int(sys.argv[1]))
taken = [listener.accept()[0] for _ in range(3)]
print(os.getpid(), flush=True)
listener.accept()
"""


def test_inherited_listener(tmp_path):
    """A listener from whoever started us: the command's, and gone when the command has ended."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        os.set_inheritable(listener.fileno(), True)
        run = subprocess.Popen(
            [SHUTWATCH, "run", *_SETTLE, "-o", tmp_path / "record", "--", "/usr/bin/python3", "-c",
             _INHERITOR, str(listener.fileno())],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[listener.fileno()])
    clients = [socket.create_connection(address) for _ in range(3)]
    with run:
        os.kill(int(run.stdout.readline()), signal.SIGTERM)
        assert [client.recv(1) for client in clients] == [b"", b"", b""]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        assert run.wait(20) == 128 + signal.SIGTERM
    for client in clients:
        client.close()
    connections = json.loads((tmp_path / "record").read_text())["connections"]
    assert connections["inbound"]["outcomes"] == {"left_open": 3}
    assert connections["inbound"]["refused"] == 1
    assert connections["outbound"]["open_at_signal"] == 0


_HOUSEKEEPER = """
import os, signal, subprocess
try:
    subprocess.run(["sleep", "30"], timeout=0.2)
except subprocess.TimeoutExpired:
    os.kill(os.getpid(), signal.SIGTERM)
"""


def test_housekeeping(tmp_path):
    """A service that kills a helper of its own is not stopping: its own signal is the trigger."""
    result = _run("-o", tmp_path / "record", "--", "/usr/bin/python3", "-c", _HOUSEKEEPER,
                  stdin=subprocess.DEVNULL)
    assert result.returncode == 128 + signal.SIGTERM
    record = json.loads((tmp_path / "record").read_text())
    assert record["trigger"]["signal"] == "SIGTERM"
    assert record["outcome"] == "clean"


def test_output_through_a_link(tmp_path):
    """A symbolic link is written through, not replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "record")
    assert _run("-o", tmp_path / "link", "--", "true", stdin=subprocess.DEVNULL).returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "record").read_text())["outcome"] == "clean"
