# SPDX-License-Identifier: GPL-2.0-only
"""Findings on the stop signal: who heard it, and whether it was the right one."""

import signal

from kit.clock import MS, now_ns
from kit.findings import (Expected, Service, between, found, ids_of, is_caught, make_tests, since,
                          stop_server)
from kit.servers import start_nginx, start_uvicorn
from kit.shutwatch import BUILD
from kit.sockets import free_ports

_SERVER = BUILD / "victims" / "server"


def _idle(client):
    client.idle(1)


def _in_flight(client):
    client.idle(1)
    client.in_flight(2, "/9000/1")


def _ignore_term():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


# PID 1


def _as_pid1(stage, *args):
    port, = free_ports()
    outer = stage.python_victim("unshare", "--pid", "--fork", "--kill-child", _SERVER,
                                f"--port={port}", *args)
    pid, = outer.children()
    return Service(stage, outer, pid=pid, open_clients=_idle)


def _discarded(stage):
    service = _as_pid1(stage, "--stop=default").tell()
    kill = service.kill_after(300)
    record = service.record()
    service.victim.wait()
    lived_on = since(service.stop, kill.before_ns, service.victim.reaped_ns)
    return record, {"pid": service.pid, "signal": "SIGTERM", "lived_on_s": lived_on}


def _pid1_with_handler(stage):
    service = _as_pid1(stage)
    assert ids_of(service.pid)[-1] == 1
    record = service.tell().record()
    assert service.victim.wait() == 0
    assert len(service.victim.all_truth("signal")) == 1
    return record


# Ignored


def _ignored(stage):
    victim = stage.server("--stop=default", before_exec=_ignore_term)
    service = Service(stage, victim, open_clients=_idle).tell()
    kill = service.kill_after(300)
    record = service.record()
    victim.wait()
    return record, {"pid": victim.pid, "signal": "SIGTERM",
                    "lived_on_s": since(service.stop, kill.before_ns, victim.reaped_ns)}


def _blocked_and_waited_for(stage):
    service = Service(stage, stage.server("--stop=sigwait"), open_clients=_idle)
    assert not is_caught(service.pid, signal.SIGTERM)
    record = service.tell().record()
    assert service.victim.wait() == 0  # not by the default, so it was blocked
    assert len(service.victim.all_truth("signal")) == 1
    return record


# Too early


_SLOW_APP = """
print("importing", flush=True)
input()
"""


def _stopped_while_it_imports(stage):
    (stage.directory / "slow.py").write_text(_SLOW_APP, encoding="ascii")
    began = now_ns()
    uvicorn = stage.program(["/usr/bin/python3", "-m", "uvicorn", "slow:app", "--app-dir",
                             stage.directory, "--port", *free_ports()])
    started = now_ns()
    uvicorn.out.wait(lambda line: line == b"importing\n", 30)
    watch = stage.watch(uvicorn.pid)
    stop = stage.send(uvicorn.pid)
    assert uvicorn.wait() == -signal.SIGTERM
    age = between((began, started), (stop.before_ns, stop.after_ns))
    return watch.record(), {"pid": uvicorn.pid, "signal": "SIGTERM", "age_s": age}


def _stopped_once_it_serves(stage):
    uvicorn = start_uvicorn(stage, 1)
    watch = stage.watch(uvicorn.pid)
    stage.send(uvicorn.pid)
    record = watch.record()
    assert uvicorn.program.wait() == 0
    assert any(b"shutdown complete" in line for line in uvicorn.program.err.all())
    return record


# Wrappers


def _under_shell(stage, script):
    """The script starts $SERVER, which serves; the shell is told to stop. (Service, server)"""
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", script.replace("$SERVER", f"{_SERVER} --port={port}"))
    server, = shell.children()
    return Service(stage, shell, open_clients=_idle), server


def _not_forwarded(stage):
    service, server = _under_shell(stage, "trap : TERM; $SERVER; true")
    service.tell().kill_after(300, server)
    record = service.record()
    assert service.victim.wait() == 0
    return record, {"pid": server, "wrapper": "sh", "wrapper_pid": service.pid}


def _forwarded(stage):
    service, server = _under_shell(stage, "trap 'kill $!; wait' TERM; $SERVER & wait")
    record = service.tell().record()
    assert len(service.victim.all_truth("signal", pid=server)) == 1
    return record


def _died_first(stage):
    service, server = _under_shell(stage, "$SERVER; true")
    record = service.tell().record(lives_on=True)
    assert service.victim.wait() == -signal.SIGTERM
    return record, {"pid": server, "wrapper": "sh", "wrapper_pid": service.pid}


def _nested(stage):
    """A shell in a shell: only the outer one was told."""
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", f"sh -c '{_SERVER} --port={port}; true'; true")
    inner, = shell.children()
    return shell, inner


def test_wrapper_in_a_wrapper(stage):
    """The finding names the one that serves, however far below it is."""
    shell, inner = _nested(stage)
    service = Service(stage, shell, open_clients=_idle)
    server, = {line["pid"] for line in shell.wait_truth("listening", 1)}
    record = service.tell().record(lives_on=True)
    assert record["outcome"] == "partial"
    told = found(record, "wrapper_died_first")["evidence"]
    assert (told["pid"], told["wrapper_pid"]) == (server, shell.pid)
    assert inner not in (server, shell.pid)


_LAUNCHER = """
import os, signal, subprocess, sys
shell = subprocess.Popen(["sh", "-c", sys.argv[1]])
signal.signal(signal.SIGTERM, lambda *_: shell.terminate())
sys.exit(abs(shell.wait()))
"""


def test_launcher(stage):
    """A program that is no shell tells the shell that it started, as npm does: that dies of it."""
    port, = free_ports()
    launcher = stage.python_victim("/usr/bin/python3", "-c", _LAUNCHER,
                                   f"{_SERVER} --port={port}; true")
    service = Service(stage, launcher, open_clients=_idle)
    server, = {line["pid"] for line in launcher.wait_truth("listening", 1)}
    record = service.tell().record(lives_on=True)
    assert record["outcome"] == "partial"
    told = found(record, "wrapper_died_first")["evidence"]
    assert (told["pid"], told["wrapper"]) == (server, "sh")


def _replaced(stage):
    port, = free_ports()
    shell = stage.python_victim("sh", "-c", f"exec {_SERVER} --port={port}")
    record = Service(stage, shell, open_clients=_idle).tell().record()
    assert shell.wait() == 0
    assert len(shell.all_truth("signal", pid=shell.pid)) == 1  # it is the server
    return record


# No handler


def _no_handler(stage):
    record, service = stop_server(stage, "--stop=default", open_clients=_in_flight)
    return record, {"pid": service.pid, "signal": "SIGTERM", "aborted": service.seen("none+fin")}


def _no_handler_and_nothing_lost(stage):
    record, service = stop_server(stage, "--stop=default", open_clients=_idle)
    assert service.victim.wait() == -signal.SIGTERM
    assert service.seen("idle+fin") == 1
    return record


def _quit(stage):
    record, service = stop_server(stage, "--stop=default", number=signal.SIGQUIT,
                                  cwd=stage.directory, open_clients=_idle)
    assert service.victim.wait() == -signal.SIGQUIT
    return record, {"pid": service.pid, "signal": "SIGQUIT"}


def _quit_with_handler(stage):
    record, service = stop_server(stage, number=signal.SIGQUIT, open_clients=_idle)
    assert service.victim.wait() == 0
    assert len(service.victim.all_truth("signal", signal=int(signal.SIGQUIT))) == 1
    return record


# Not the right one, not the only one


def _stop_nginx(stage, number):
    nginx = start_nginx(stage, stage.server().port)
    service = Service(stage, nginx,
                      open_clients=lambda client: client.in_flight(2, "/500/10"))
    return service.tell(number).record(), service


def _nginx_term(stage):
    record, service = _stop_nginx(stage, signal.SIGTERM)
    return record, {"pid": service.pid, "signal": "SIGTERM", "aborted": service.seen("none+fin")}


def _nginx_quit(stage):
    record, service = _stop_nginx(stage, signal.SIGQUIT)
    assert service.seen("whole+fin") == 2
    return record


def _escalated(stage):
    service = Service(stage, stage.server("--stop=twice"), open_clients=_in_flight).tell()
    service.client.run_for(300)
    second = stage.send_by_another(service.pid, signal.SIGINT)
    record = service.record()
    return record, {"pid": service.pid, "first_signal": "SIGTERM", "signal": "SIGINT",
                    "sender": "killer",
                    "after_s": since(service.stop, second.before_ns, second.after_ns)}


def _told_twice_at_once(stage):
    service = Service(stage, stage.server("--pause=300"), open_clients=_idle).tell()
    again = stage.send(service.pid, signal.SIGINT)
    record = service.record()
    assert again.after_ns - service.stop.before_ns < 100 * MS
    assert service.victim.wait() == 0
    numbers = {told["signal"] for told in service.victim.all_truth("signal")}
    assert numbers == {signal.SIGTERM, signal.SIGINT}  # its handler took both
    return record


def _prefork(stage):
    victim = stage.victim("prefork", 2, free_ports()[0], 50)
    victim.wait_truth("worker", 2)
    return Service(stage, victim, open_clients=_idle)


def _fanned_out(stage):
    service = _prefork(stage)
    return service.tell(pid=-service.pid).record(), {"pid": service.pid, "children": 2}


def _passed_on(stage):
    service = _prefork(stage)
    record = service.tell().record()
    assert service.victim.wait() == 0
    assert len(service.victim.all_truth("passes_on")) == 2
    assert len(service.victim.all_truth("signal")) == 3  # the master, and each worker
    return record


FINDINGS = {
    "sigterm_discarded_pid1": Expected("error", _discarded, _pid1_with_handler),
    "sigterm_ignored": Expected("error", _ignored, _blocked_and_waited_for),
    "stop_signal_before_ready": Expected("warning", _stopped_while_it_imports,
                                         _stopped_once_it_serves),
    "signal_not_forwarded": Expected("error", _not_forwarded, _forwarded),
    "wrapper_died_first": Expected("error", _died_first, _replaced),
    "no_handler": Expected("error", _no_handler, _no_handler_and_nothing_lost),
    "unhandled_stop_signal_core": Expected("warning", _quit, _quit_with_handler),
    "wrong_stop_signal": Expected("error", _nginx_term, _nginx_quit),
    "stop_signal_escalated": Expected("warning", _escalated, _told_twice_at_once),
    "signal_fanout": Expected("info", _fanned_out, _passed_on),
}

test_fires, test_near_miss = make_tests(FINDINGS)
