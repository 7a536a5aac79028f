# SPDX-License-Identifier: GPL-2.0-only
"""`--fail-on` and `--junit`: a stop gates a release."""

import json
import os
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from kit.clock import JIFFY_NS, SECOND
from kit.findings import Span, since
from kit.shutwatch import BUILD, FAILED, FINE, ROOT, SETTLE, SHUTWATCH, USAGE
from kit.sockets import free_ports

_GATE = 3


def _run(*args):
    return subprocess.run([SHUTWATCH, *(a if isinstance(a, bytes) else str(a) for a in args)],
                          capture_output=True, check=False, timeout=30, stdin=subprocess.DEVNULL)


def _failures(path):
    suite = ElementTree.parse(path).getroot().find("testsuite")
    failures = [failure.get("message") for failure in suite.iter("failure")]
    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    assert int(suite.get("failures")) == sum(case.find("failure") is not None
                                             for case in suite.findall("testcase"))
    assert all(case.find("system-out").text.strip() for case in suite.findall("testcase"))
    return failures


@pytest.fixture
def recording(stage):
    """Of a victim that was killed in the middle of two requests."""
    path = stage.directory / "one.rec"
    victim = stage.server()
    watch = stage.shutwatch("-n", 1, "--settle", SETTLE, "--pid", victim.pid,
                            command=("record", path)).wait_watching()
    client = stage.client(victim.port)
    client.in_flight(2, "/60000/10")
    client.wait_taken(victim.pid)
    stage.send(victim.pid, signal.SIGKILL)
    client.run_until(victim.has_ended, "the victim to end")
    client.wait_ended()
    assert watch.wait() == FINE
    return path


def test_replay(stage, recording):
    """Status 3 when one of them holds; both files of XML are sound, the report is as without."""
    junit = stage.directory / "junit.xml"
    bare = _run("replay", recording)
    result = _run("replay", "--fail-on", "aborted > 1, outcome=clean", "--fail-on",
                  "finding:killed_without_stop_signal,finding:requests_cut", "--junit", junit,
                  recording)
    assert (result.returncode, result.stdout) == (_GATE, bare.stdout)
    told = result.stderr.decode().splitlines()
    assert told[0] == "failed: aborted>1 (aborted is 2)", told
    assert told[1].startswith("failed: finding:killed_without_stop_signal ("), told
    assert len(told) == 2
    assert [line.split(" ")[1] for line in told] == [f.split(" ")[0] for f in _failures(junit)]
    result = _run("replay", "--fail-on", "aborted>2,dark>0s,outcome=clean", "--junit", junit,
                  recording)
    assert (result.returncode, result.stderr, _failures(junit)) == (FINE, b"", [])


def test_junit_alone(stage, recording):
    """Without conditions, each finding of severity error is a failure, and the status stays."""
    junit = stage.directory / "junit.xml"
    assert _run("replay", "--junit", junit, recording).returncode == FINE
    assert _failures(junit)


@pytest.mark.parametrize("details", [0, 1, "all"])
def test_details(details):
    """How many connections are told one by one is a matter of taste, not of the verdict."""
    result = _run("replay", "--details", details, "--fail-on", "finding:aborted_unread_data",
                  ROOT / "tests" / "replay" / "unread_request.rec")
    assert result.returncode == _GATE
    assert b"(2 connections were reset" in result.stderr, result.stderr


@pytest.mark.parametrize("count", [1, 0])
def test_watch(stage, count):
    """At the end of -n, and of --duration; ended by SIGINT, it judges what it saw."""
    victim = stage.server("--pause=1")
    junit = stage.directory / "junit.xml"
    end = ("-n", 1) if count else ("--duration", "1h")
    watch = stage.shutwatch("--json", "--settle", SETTLE, "--pid", victim.pid, *end, "--fail-on",
                            "outcome!=clean,total>=0s", "--junit", junit).wait_watching()
    stage.send(victim.pid)
    victim.wait()
    if not count:
        watch.record_line()
        stage.send(watch.pid, signal.SIGINT)
    assert watch.wait() == _GATE
    assert len(_failures(junit)) == 1 and _failures(junit)[0].startswith("total>=0s (total is ")


@pytest.mark.parametrize("expression, status", [
    ("outcome=unaffected", _GATE), ("outcome=clean", FINE)])
def test_watch_interrupted(stage, expression, status):
    """SIGINT in the middle of a stop: what is known so far is judged."""
    victim = stage.server("--stop=hang")
    junit = stage.directory / "junit.xml"
    watch = stage.shutwatch("--pid", victim.pid, "-n", 1, "--fail-on", expression, "--junit",
                            junit).wait_watching()
    stage.send(victim.pid)
    victim.wait_truth("signal")
    stage.send(watch.pid, signal.SIGINT)
    assert watch.wait() == status
    assert len(_failures(junit)) == (status == _GATE)


@pytest.mark.parametrize("is_frozen, expression, status", [
    (False, "first_action>1h", _GATE), (False, "in_flight_time>1h", _GATE),
    (False, "accepting>1h", _GATE), (False, "react>1h,cleanup>0s", FINE),
    (True, "react>1h", _GATE)])
def test_watch_what_never_comes(stage, is_frozen, expression, status):
    """A service that does nothing took longer than any time, whichever one waits for."""
    victim = stage.server("--stop=hang")
    client = stage.client(victim.port)
    client.in_flight(1, "/60000/1")
    client.wait_taken(victim.pid)
    watch = stage.shutwatch("--pid", victim.pid, "-n", 1, "--fail-on",
                            expression).wait_watching()
    if is_frozen:
        os.kill(victim.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, victim.pid, os.WSTOPPED | os.WNOWAIT)
    stage.send(victim.pid)
    if not is_frozen:
        victim.wait_truth("signal")
    stage.send(watch.pid, signal.SIGINT)
    assert watch.wait() == status, watch.describe()


_ANSWERS_AND_KEEPS = """
import json, signal, socket, sys, time
def answer(*_):
    time.sleep(0.3)
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    client.sendall(b"an answer")
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    print(json.dumps({"event": "answered", "before_ns": before, "after_ns": after}), flush=True)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", sys.argv[1], flush=True)
client, _ = listener.accept()
client.recv(100)
signal.signal(signal.SIGTERM, answer)
print("taken", flush=True)
while True:
    signal.pause()
"""


def test_watch_answered_and_kept(stage):
    """Of a connection that stays open, too, it is known when its request was answered."""
    victim = stage.python_victim("/usr/bin/python3", "-c", _ANSWERS_AND_KEEPS, *free_ports())
    client = stage.client(victim.port)
    client.half(1)
    client.wait_taken(victim.pid)
    assert victim.out.wait(lambda line: line == b"taken\n"), victim.describe()
    watch = stage.shutwatch("--json", "--pid", victim.pid, "-n", 1, "--fail-on",
                            "in_flight_time>1h").wait_watching()
    stop = stage.send(victim.pid)
    answered, = victim.wait_truth("answered")
    client.run_for(50)
    stage.send(watch.pid, signal.SIGINT)
    assert watch.wait() == FINE, watch.describe()
    record = json.loads(b"".join(watch.out.all()))
    inbound = record["connections"]["inbound"]
    assert (inbound["in_flight_at_signal"], inbound["outcomes"]) == (1, {"open": 1})
    seen = since(stop, answered["before_ns"], answered["after_ns"])
    jiffy_s = JIFFY_NS / SECOND
    assert record["timing"]["in_flight_s"] in Span(seen.low_s - jiffy_s, seen.high_s + jiffy_s)


def test_watch_fine(stage):
    """Nothing holds: status 0, and a test case without a failure."""
    victim = stage.server("--pause=1")
    junit = stage.directory / "junit.xml"
    watch = stage.shutwatch("-n", 1, "--settle", SETTLE, "--pid", victim.pid, "--fail-on",
                            "outcome!=clean,aborted>0,total>1h", "--junit", junit).wait_watching()
    stage.send(victim.pid)
    assert watch.wait() == FINE
    assert _failures(junit) == []
    assert not [line for line in watch.err.all() if line.startswith(b"failed")]


@pytest.mark.parametrize("expression, status", [
    ("abandoned>=2", _GATE), ("abandoned>2,cut>0,dark>0s", 128 + signal.SIGKILL)])
def test_run_server(stage, expression, status):
    """A server killed in the middle of two requests: 3, or 128 and the signal."""
    junit = stage.directory / "junit.xml"
    program = stage.python_victim(SHUTWATCH, "run", "--settle", SETTLE, "--fail-on", expression,
                                  "--junit", junit, "--", BUILD / "victims" / "server",
                                  f"--port={free_ports()[0]}")
    pid, = program.children()
    client = stage.client(program.port)
    client.in_flight(2, "/60000/10")
    client.wait_taken(pid)
    stage.send(pid, signal.SIGKILL)
    client.wait_ended()
    assert program.wait() == status
    assert _failures(junit) == (
        ["abandoned>=2 (abandoned is 2)"] if status == _GATE else [])


def test_hostile_name(stage):
    """The name of a command gets into the XML as text, whatever its bytes."""
    name = b"<a b='c'&\"\x01\x1b[31m]]>\xff\xef\xbf\xbf\xe6\x9c\x8d\n"
    command = os.fsencode(stage.directory) + b"/" + name
    os.symlink("/bin/false", command)
    junit = stage.directory / "junit.xml"
    result = _run("run", "--settle", "200ms", "--fail-on", "total>=0s", "--junit", junit, "--",
                  command)
    assert result.returncode == _GATE
    assert len(_failures(junit)) == 1
    case, = ElementTree.parse(junit).getroot().iter("testcase")
    assert case.get("name") == "<a b='c'&\"\\x01\\x1b[31m]]>\\xff\ufffd\u670d\\x0a"
    assert case.get("name") in case.find("system-out").text


@pytest.mark.parametrize("condition, status", [("total>=0s", _GATE), ("total>1h", 9)])
def test_run(condition, status):
    """The command's own status, unless a condition holds."""
    result = _run("run", "--settle", "200ms", "--fail-on", condition, "--", "sh", "-c", "exit 9")
    assert result.returncode == status, result.stderr


@pytest.mark.parametrize("arguments, status", [
    (("--fail-on", "abortet>0"), USAGE), (("--fail-on", ""), USAGE),
    (("--fail-on", "drain>\x1b[31m"), USAGE), (("--fail-on", b"\xff\x1b>1"), USAGE),
    (("--fail-on", "cut>0" + 10_000 * ","), USAGE),
    (("--junit", "/no/such/directory/x.xml"), FAILED), (("--junit", "/proc"), FAILED),
    (("--best-effort", "--fail-on", "cut>0"), USAGE),
    (("--best-effort", "--junit", "/dev/null"), USAGE)])
def test_before_anything_starts(stage, arguments, status):
    """What cannot be judged or written is told before the command is started."""
    marker = stage.directory / "marker"
    result = _run("run", *arguments, "--", "touch", marker)
    assert result.returncode == status
    assert result.stderr and b"\x1b" not in result.stderr
    assert not marker.exists()


def test_unknown_name():
    """Who mistypes a name is told those that are known."""
    result = _run("run", "--fail-on", "abortet>0", "--", "true")
    assert result.returncode == USAGE
    for name in (b"aborted", b"drain", b"outcome", b"severity", b"refused", b"cut", b"finding:ID"):
        assert name in result.stderr


def test_full_disk(recording):
    """What cannot be written to the end is an error, also where a condition held."""
    result = _run("replay", "--fail-on", "aborted>0", "--junit", "/dev/full", recording)
    assert result.returncode == FAILED
    assert b"failed: aborted>0" in result.stderr and b"/dev/full" in result.stderr


@pytest.mark.parametrize("arguments", [("--fail-on", "aborted>0"), ("--junit", "/dev/null")])
def test_never_at_an_end(arguments):
    """A watch without an end would judge nothing."""
    result = _run("watch", *arguments)
    assert result.returncode == USAGE and b"--duration" in result.stderr


def test_nothing_to_judge(stage):
    """No shutdown on record is no success."""
    victim = stage.server()
    result = _run("watch", "--pid", victim.pid, "--duration", "100ms", "--fail-on", "aborted>0")
    assert result.returncode == FAILED and b"nothing to judge" in result.stderr
