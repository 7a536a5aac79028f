# SPDX-License-Identifier: GPL-2.0-only
"""`audit`: what it predicts, beside what the same service then does when it is really stopped."""

import json
import shutil
import signal

import container
import pytest

from kit.clock import now_ns, wait_until
from kit.servers import start_nginx, start_uvicorn
from kit.shutwatch import BUILD, FAILED, FINE, SETTLE, USAGE
from kit.sockets import free_ports

needs_podman = pytest.mark.skipif(not container.TOOL, reason="no podman: it is not installed")

SERVER = BUILD / "victims" / "server"


def audit(stage, *args, status=None):
    """All that it predicts; its exit status must follow from it."""
    run = stage.shutwatch(*args, "--json", command=("audit",))
    told = [json.loads(line) for line in run.out.all()]
    severities = {finding["severity"] for one in told for finding in one["findings"]}
    if status is None:
        status = FAILED if "error" in severities else FINE
    assert run.wait() == status, run.describe()
    return told


def audit_one(stage, *args):
    """The prediction for the one service that is asked for."""
    told, = audit(stage, *args)
    assert told["schema"] == "shutwatch.audit/1"
    return told


def findings(told):
    """Their ids, the most severe first."""
    return [finding["id"] for finding in told["findings"]]


def of(told, pid):
    """What it says of one process."""
    process, = [process for process in told["processes"] if process["pid"] == pid]
    return process


def stop(stage, pid, *options):
    """What really happens: the outcome of the record."""
    watch = stage.shutwatch("--json", "-n", 1, "--settle", SETTLE, *options, "--pid",
                            pid).wait_watching()
    watch.count = 1
    stage.send(pid)
    return watch


def test_handler(stage):
    """A handler, and requests in flight: clean, and so it is."""
    victim = stage.server()
    client = stage.client(victim.port)
    client.idle(2)
    client.in_flight(3, "/3000/10")
    client.wait_taken(victim.pid)
    told = audit_one(stage, "--pid", victim.pid)
    assert told["outcome"] == "clean"
    assert findings(told) == []
    process = of(told, victim.pid)
    assert process["disposition"] == "handler"
    assert (process["inbound"], process["inbound_in_flight"]) == (5, 3)
    assert process["fate"] == "stops"

    watch = stop(stage, victim.pid)
    client.wait_ended()
    assert watch.record()["outcome"] == told["outcome"]


def test_no_handler(stage):
    """The kernel ends it: what is in flight is lost, as predicted, number by number."""
    victim = stage.server("--stop=default")
    client = stage.client(victim.port)
    client.idle(2)
    client.in_flight(3, "/9000/10")
    client.wait_taken(victim.pid)
    told = audit_one(stage, "--port", victim.port)
    assert told["outcome"] == "lossy"
    assert set(findings(told)) == {"cut_off_at_exit", "no_handler"}
    assert of(told, victim.pid)["disposition"] == "default"

    record = stop(stage, victim.pid).record()
    assert record["outcome"] == told["outcome"]
    assert record["connections"]["inbound"]["aborted"] == 3
    assert record["connections"]["inbound"]["in_flight_at_signal"] == 3


def test_nothing_is_changed(stage):
    """After any number of audits the server serves as before, and got no signal."""
    victim = stage.server()
    client = stage.client(victim.port)
    idle, = client.idle(1)
    client.wait_taken(victim.pid)
    for _ in range(3):
        audit_one(stage, "--pid", victim.pid)
    idle.ask()
    client.run_until(lambda: idle.answered == 2, "an answer after the audits")
    stage.send(victim.pid)
    victim.wait()
    assert [line["signal"] for line in victim.all_truth("signal")] == [signal.SIGTERM]


def test_sigwait(stage):
    """A thread in sigwait() does not block the signal, as its mask says, and does not die of it."""
    victim = stage.server("--stop=sigwait")
    told = audit_one(stage, "--pid", victim.pid)
    assert told["outcome"] == "clean"
    process = of(told, victim.pid)
    assert (process["disposition"], process["is_awaited"]) == ("blocked", True)
    assert stop(stage, victim.pid).record()["outcome"] == "clean"


def test_ignored(stage):
    """Whoever starts it ignores TERM: so does it, and lives on."""
    port, = free_ports()
    victim = stage.python_victim("sh", "-c",
                                 f"trap '' TERM; exec {SERVER} --port={port} --stop=default")
    told = audit_one(stage, "--pid", victim.pid)
    assert told["outcome"] == "unaffected"
    assert findings(told) == ["sigterm_ignored"]
    assert of(told, victim.pid)["disposition"] == "ignored"
    record = stop(stage, victim.pid, "--patience", "1s").record()
    assert record["outcome"] == "unaffected"
    assert not victim.has_ended()


def test_blocked(stage):
    """TERM is blocked and nobody waits for it: it stays pending for ever."""
    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    victim = stage.server("--stop=default", before_exec=block)
    told = audit_one(stage, "--pid", victim.pid)
    assert told["outcome"] == "unaffected"
    assert findings(told) == ["sigterm_ignored"]
    process = of(told, victim.pid)
    assert (process["disposition"], process["is_awaited"]) == ("blocked", False)
    record = stop(stage, victim.pid, "--patience", "1s").record()
    assert record["outcome"] == "unaffected"


def test_pid1(stage):
    """PID 1 of a pid namespace without a handler."""
    port, = free_ports()
    outer = stage.python_victim("unshare", "--pid", "--fork", "--kill-child", SERVER,
                                f"--port={port}", "--stop=default")
    pid, = outer.children()
    told = audit_one(stage, "--pid", pid)
    assert told["outcome"] == "unaffected"
    assert findings(told) == ["sigterm_discarded_pid1"]
    assert of(told, pid)["is_init"]
    record = stop(stage, pid, "--patience", "1s").record()
    assert record["outcome"] == "unaffected"


def test_wrapper(stage):
    """A shell before the server: it dies, and the server does not hear of it."""
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", f"{SERVER} --port={port}; true")
    server, = shell.children()
    told = audit_one(stage, "--pid", shell.pid)
    assert told["outcome"] == "partial"
    assert findings(told) == ["wrapper_died_first"]
    assert (of(told, shell.pid)["is_told"], of(told, shell.pid)["fate"]) == (True, "dies")
    assert (of(told, server)["is_told"], of(told, server)["fate"]) == (False, "lives")

    watch = stop(stage, shell.pid)
    wait_until(shell.has_ended, "the shell to die")
    assert watch.record()["outcome"] == "partial"


def test_wrapper_in_a_wrapper(stage):
    """Two shells: the gate holds, as the stop does what is predicted."""
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", f"sh -c '{SERVER} --port={port}; true'; true")
    told = audit_one(stage, "--pid", shell.pid)
    assert (told["outcome"], findings(told)) == ("partial", ["wrapper_died_first"])
    watch = stop(stage, shell.pid)
    wait_until(shell.has_ended, "the shell to die")
    assert watch.record()["outcome"] == told["outcome"]


@pytest.mark.skipif(not shutil.which("npm"), reason="no npm: it is not installed")
def test_npm_start(stage):
    """npm passes the signal on to the shell that it runs, and the server does not hear of it."""
    port, = free_ports()
    (stage.directory / "package.json").write_text(
        json.dumps({"scripts": {"start": f"{SERVER} --port={port}; true"}}), encoding="ascii")
    npm = stage.python_victim("npm", "start", "--prefix", stage.directory, "--silent",
                              "--update-notifier=false")
    told = audit_one(stage, "--pid", npm.pid)
    assert (told["outcome"], findings(told)) == ("partial", ["wrapper_died_first"])
    watch = stop(stage, npm.pid)
    record = watch.record()
    assert record["outcome"] == told["outcome"]
    assert "wrapper_died_first" in {finding["id"] for finding in record["findings"]}


def test_wrapper_of_a_port(stage):
    """Asked for by its port, the server is found with the shell above it, which gets the signal."""
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", f"{SERVER} --port={port}; true")
    server, = shell.children()
    told = audit_one(stage, "--port", port)
    assert {process["pid"] for process in told["processes"]} == {shell.pid, server}
    assert "wrapper_died_first" in findings(told)
    # Asked for by its pid it is what will be told.
    told = audit_one(stage, "--pid", server)
    assert [process["pid"] for process in told["processes"]] == [server]
    assert findings(told) == []


def test_shared_listener(stage):
    """A master and its workers on one socket: one service, one listener."""
    victim = stage.victim("prefork", 3, free_ports()[0], 50)
    workers = {line["pid"] for line in victim.wait_truth("worker", 3)}
    told = audit_one(stage, "--port", victim.port)
    listener, = told["listeners"]
    assert set(listener["pids"]) >= workers
    assert not listener["is_held_outside"]
    assert {process["pid"] for process in told["processes"]} == workers | {victim.pid}
    assert of(told, victim.pid)["is_told"]
    assert told["outcome"] == "clean"
    assert stop(stage, victim.pid).record()["outcome"] == "clean"


def test_nginx(stage):
    """It catches TERM, and drops what is in flight: known of the program. QUIT drains."""
    server = start_nginx(stage, stage.server().port)
    client = stage.client(server.port)
    client.idle(2)
    client.in_flight(3, "/3000/10")
    client.wait_taken(server.pid)
    told = audit_one(stage, "--pid", server.pid, "--signal", "QUIT")
    assert (told["outcome"], findings(told)) == ("clean", [])
    told = audit_one(stage, "--pid", server.pid)
    assert told["outcome"] == "lossy"
    assert set(findings(told)) == {"wrong_stop_signal", "cut_off_at_exit"}
    assert sum(process["inbound_in_flight"] for process in told["processes"]) == 3

    record = stop(stage, server.pid).record()
    assert record["outcome"] == told["outcome"]
    assert record["connections"]["inbound"]["aborted"] == 3


def test_uvicorn(stage):
    """FastAPI with two workers: drains, as predicted."""
    server = start_uvicorn(stage, 2)
    client = stage.client(server.port)
    client.idle(2)
    client.in_flight(3, "/3000/10")
    client.wait_taken(server.pid)
    told = audit_one(stage, "--port", server.port)
    assert of(told, server.pid)["program"] == "uvicorn"
    assert (told["outcome"], findings(told)) == ("clean", [])
    assert of(told, server.pid)["is_told"]

    watch = stop(stage, server.pid)
    client.wait_ended()
    assert watch.record()["outcome"] == "clean"


def test_whole_host(stage):
    """Without targets: every service, the most severe first."""
    fine, bad = stage.server(), stage.server("--stop=default")
    client = stage.client(bad.port)
    client.in_flight(1, "/9000/1")
    client.wait_taken(bad.pid)
    told = audit(stage)
    pids = [one["processes"][0]["pid"] for one in told]
    assert {fine.pid, bad.pid} <= set(pids)
    assert pids.index(bad.pid) < pids.index(fine.pid)


def test_text(stage):
    """For people; a hostile name does nothing to their terminal."""
    victim = stage.server("--stop=default", b"--comm=\x1b[31mx\n\xff")
    run = stage.shutwatch("--pid", victim.pid, command=("audit",))
    shown = b"".join(run.out.all())
    assert run.wait() == FINE  # no client, no loss
    assert b"would stop cleanly" in shown
    assert b"\x1b" not in shown
    assert str(victim.pid).encode() in shown


def test_usage(stage):
    """No such target, no such signal, no such option."""
    port, = free_ports()
    assert audit(stage, "--port", port, status=USAGE) == []
    assert audit(stage, "--signal", "NONE", status=USAGE) == []
    assert audit(stage, "-n", "1", status=USAGE) == []
    for name in "STOP", "TSTP", "TTIN", "TTOU", "CONT":
        assert audit(stage, "--signal", name, status=USAGE) == []


def test_gone_while_looking(stage):
    """Processes that come and go all the time are no error."""
    server = stage.server()
    churn = stage.program(["sh", "-c", "echo on; while :; do /bin/true; done"])
    churn.out.wait(lambda line: line == b"on\n")
    until = now_ns() + 2_000_000_000
    while now_ns() < until:
        assert server.pid in {one["processes"][0]["pid"] for one in audit(stage)}


@needs_podman
def test_container(stage):
    """PID 1 of a container without a handler: the runtime has to kill it."""
    with container.Container(stage, "/victims/server", "--port=8080", "--stop=default") as box:
        box.wait_serving(8080)
        told = audit_one(stage, "--pid", box.pid)
        watch = stage.watch("--pid", str(box.pid))
        box.stop()
        record = watch.record()
    assert told["service"]["kind"] == "container"
    assert findings(told) == ["sigterm_discarded_pid1", "grace_exceeded"]
    assert told["outcome"] == "forced"
    assert record["outcome"] == "forced"
