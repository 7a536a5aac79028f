# SPDX-License-Identifier: GPL-2.0-only
"""The command line of watch and check: targets, bad input, hostile names, missing privileges."""

import json
import os
import shutil
import subprocess
import unicodedata

import pytest

from kit.clock import SLOWNESS
from kit.expect import pids
from kit.shutwatch import BUILD, FAILED, FINE, NO_TRACING, SETTLE, SHUTWATCH, USAGE
from kit.sockets import free_ports

_HOSTILE = b"\x1b[31mx\xff\n\x07\xc3("


def _run(*args, **options):
    """shutwatch to its end."""
    return subprocess.run([SHUTWATCH, *map(str, args)], capture_output=True, check=False,
                          timeout=30 * SLOWNESS, stdin=subprocess.DEVNULL, **options)


def _by_pid(stage, port):
    victim = stage.server(port=port)
    return victim, ["--pid", victim.pid]


def _by_comm(stage, port):
    return stage.server("--comm=orders", port=port), ["--comm", "orders"]


def _by_exe(stage, port):
    path = stage.directory / "orders-server"
    shutil.copy(BUILD / "victims" / "server", path)
    return stage.python_victim(path, f"--port={port}"), ["--exe", path]


def _by_cgroup(stage, port):
    group = stage.subgroup()
    path = group.path.removeprefix(os.path.dirname(stage.cgroup.path))
    return stage.server(port=port, cgroup=group), ["--cgroup", path]


def _by_port(stage, port):
    return stage.server(port=port), ["--port", port]


@pytest.mark.parametrize("by", [_by_pid, _by_comm, _by_exe, _by_cgroup, _by_port],
                         ids=["pid", "comm", "exe", "cgroup", "port"])
def test_target(stage, by):
    """A bystander stops first; the first record is the target's."""
    bystander = stage.server()
    target, args = by(stage, free_ports()[0])
    watch = stage.shutwatch("--json", "-n", 1, "--settle", SETTLE, *args).wait_watching()
    stage.send(bystander.pid)
    bystander.wait()
    stage.send(target.pid)
    record = watch.record()
    assert pids(record) == [target.pid]
    assert [listener["port"] for listener in record["listeners"]] == [target.port]
    assert watch.wait() == FINE


def test_no_target(stage):
    """Every service with a listening socket: one that was there, and one that came later."""
    early = stage.server()
    watch = stage.shutwatch("--json", "-n", 2, "--settle", SETTLE).wait_watching()
    late = stage.server()
    client = stage.client(late.port)
    client.idle(2)
    client.wait_taken(late.pid)
    stage.send(early.pid)
    stage.send(late.pid)
    client.wait_ended()
    records = {tuple(pids(record)): record for record in (watch.record(), watch.record())}
    assert set(records) == {(early.pid,), (late.pid,)}
    assert records[late.pid,]["connections"]["inbound"]["outcomes"]["idle"] == 2
    assert records[early.pid,]["connections"]["inbound"]["open_at_signal"] == 0
    assert watch.wait() == FINE


def _gone_pid(stage):
    ended = stage.program(["true"])
    ended.wait()
    return ended.pid


@pytest.mark.parametrize("args", [
    lambda stage: ["--pid", _gone_pid(stage)],
    lambda stage: ["--port", free_ports()[0]],
    lambda stage: ["--unit", "no-such-thing-at-all.service"],
    lambda stage: ["--cgroup", "/no/such/cgroup"],
], ids=["pid", "port", "unit", "cgroup"])
def test_no_such_target(stage, args):
    """One clear line that names it, and exit status 2."""
    args = args(stage)
    result = _run("watch", *args)
    assert result.returncode == USAGE, result
    assert result.stdout == b""
    line, = result.stderr.splitlines()
    assert line.startswith(b"shutwatch") and str(args[1]).encode() in line


@pytest.mark.parametrize("option, value", [
    ("--pid", "x"), ("--pid", "-1"), ("--pid", "99999999999999999999"), ("--port", "65536"),
    ("--ring-size", "12x"), ("--duration", "soon"), ("-n", "0x")])
def test_bad_value(option, value):
    """The first line says what is wrong with which value; a hint may follow; exit status 2."""
    result = _run("watch", option, value)
    assert result.returncode == USAGE, result
    assert result.stdout == b""
    first = result.stderr.splitlines()[0]
    assert option.encode() in first and value.encode() in first


@pytest.mark.parametrize("args", [["watch", "--no-such-option"], ["no-such-command"], []],
                         ids=["option", "command", "nothing"])
def test_wrong_usage(args):
    """Something on stderr, nothing on stdout, exit status 2."""
    result = _run(*args)
    assert result.returncode == USAGE
    assert result.stdout == b""
    assert result.stderr


def test_duration(stage):
    """Nothing stopped in that time: no output, exit status 0."""
    victim = stage.server()
    watch = stage.shutwatch("--json", "--pid", victim.pid, "--duration", "1s").wait_watching()
    assert watch.wait() == FINE
    assert watch.out.all() == []


def test_unaffected(stage):
    """A server that takes TERM and does nothing: after --patience the record says so."""
    victim = stage.server("--stop=hang")
    watch = stage.shutwatch("--json", "-n", 1, "--settle", SETTLE, "--patience", "1s",
                            "--pid", victim.pid).wait_watching()
    stage.send(victim.pid)
    record = watch.record()
    assert record["outcome"] == "unaffected"
    assert record["timing"]["total_s"] is None
    assert record["processes"][0]["exit"] is None


def _assert_complaint(watch):
    """Exit status 1 and one message, after "watching" if it came so far."""
    assert watch.wait(20) == FAILED
    said = [line for line in watch.err.all() if not line.startswith(b"watching")]
    assert len(said) == 1, said
    return said[0]


def test_reader_of_stdout_gone(stage):
    """Nobody can read the record: no SIGPIPE, a message."""
    victim = stage.server()
    read_end, write_end = os.pipe()
    watch = stage.shutwatch("--json", "-n", 1, "--settle", SETTLE, "--pid", victim.pid,
                            stdout=write_end).wait_watching()
    os.close(write_end)
    os.close(read_end)
    stage.send(victim.pid)
    assert b"Broken pipe" in _assert_complaint(watch)


def test_closed_stdout(stage):
    """Started without descriptor 1: no other file may become it. Said at once, or at the record."""
    victim = stage.server()
    watch = stage.shutwatch("--json", "-n", 1, "--settle", SETTLE, "--pid", victim.pid,
                            before_exec=lambda: os.close(1))
    watch.err.wait(lambda line: True)
    descriptors = [] if watch.has_ended() else os.listdir(f"/proc/{watch.pid}/fd")
    if "1" in descriptors:
        assert os.readlink(f"/proc/{watch.pid}/fd/1") == "/dev/null"
    stage.send(victim.pid)
    _assert_complaint(watch)


def _hostile_victim(stage):
    path = os.fsencode(stage.directory) + b"/" + _HOSTILE
    shutil.copy(BUILD / "victims" / "server", path)
    return stage.python_victim(path, f"--port={free_ports()[0]}", b"--comm=" + _HOSTILE)


def _assert_harmless(text):
    bad = [c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\t"]
    assert bad == []


def test_hostile_names_json(stage):
    """ESC sequences and invalid UTF-8 in comm and exe: valid JSON in valid UTF-8."""
    victim = _hostile_victim(stage)
    watch = stage.shutwatch("--json", "-n", 1, "--settle", SETTLE, "--pid", victim.pid)
    watch.wait_watching()
    stage.send(victim.pid)
    text = watch.record_line().decode("utf-8")
    _assert_harmless(text)
    process, = json.loads(text)["processes"]
    assert "[31mx" in process["comm"]
    assert "[31mx" in process["exe"]
    _assert_harmless(b"".join(watch.err.all()).decode("utf-8"))


def test_hostile_names_text(stage):
    """The same as a report for people: no terminal gets a control character."""
    victim = _hostile_victim(stage)
    watch = stage.shutwatch("-n", 1, "--settle", SETTLE, "--pid", victim.pid).wait_watching()
    stage.send(victim.pid)
    assert watch.wait() == FINE
    report = b"".join(watch.out.all()).decode("utf-8")
    _assert_harmless(report)
    assert "[31mx" in report
    _assert_harmless(b"".join(watch.err.all()).decode("utf-8"))


def test_check():
    """A table of what this kernel offers; all that is required is here."""
    result = _run("check")
    assert result.returncode == FINE, result
    table = result.stdout.decode()
    for hook in ("signal_generate", "sched_process_exit", "inet_sock_set_state"):
        assert hook in table


@pytest.fixture
def for_all(stage):
    """shutwatch where anybody may run it."""
    os.chmod(stage.directory, 0o755)
    path = stage.directory / "shutwatch"
    shutil.copy(SHUTWATCH, path)
    os.chmod(path, 0o755)
    return path


@pytest.mark.parametrize("command", [["watch"], ["record", "/dev/null"], ["check"],
                                     ["audit"], ["run", "--", "true"]],
                         ids=["watch", "record", "check", "audit", "run"])
def test_not_root(for_all, command):
    """Without privileges: exit status 77, and which capability is missing."""
    result = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", for_all, *command],
        capture_output=True, check=False, timeout=30 * SLOWNESS, cwd="/", stdin=subprocess.DEVNULL)
    assert result.returncode == NO_TRACING, result
    said = result.stderr + (result.stdout if command == ["check"] else b"")
    assert b"CAP_BPF" in said or b"CAP_SYS_ADMIN" in said


def test_root_without_capability(for_all):
    """Root is not enough, as in many containers: it is the capability that is named."""
    result = subprocess.run(
        ["setpriv", "--bounding-set", "-bpf,-sys_admin", for_all, "watch", "--duration", "1s"],
        capture_output=True, check=False, timeout=30 * SLOWNESS, cwd="/", stdin=subprocess.DEVNULL)
    assert result.returncode == NO_TRACING, result
    assert b"CAP_BPF" in result.stderr


def test_best_effort(for_all):
    """run --best-effort without privileges: the command runs, and its status is passed on."""
    result = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", for_all, "run",
         "--best-effort", "--", "sh", "-c", "echo out; exit 5"],
        capture_output=True, check=False, timeout=30 * SLOWNESS, cwd="/", stdin=subprocess.DEVNULL)
    assert result.returncode == 5, result
    assert result.stdout == b"out\n"
    assert b"CAP_" in result.stderr
