# SPDX-License-Identifier: GPL-2.0-only
"""All findings: does each have its two live tests, and is there none where nothing is wrong?"""

import signal

import pytest

import test_audit_findings
import test_findings_connections
import test_findings_drain
import test_findings_endings
import test_findings_ports
import test_findings_signals
from kit.findings import Service, stop_server, wrong
from kit.shutwatch import FINE, SHUTWATCH
from kit.sockets import free_ports
from kit.stage import IS_BLIND

pytestmark = pytest.mark.skipif(IS_BLIND, reason="there is nothing in here for the blind")

_TABLES = [module.FINDINGS for module in (
    test_audit_findings, test_findings_signals, test_findings_endings, test_findings_drain,
    test_findings_connections, test_findings_ports)]

# Those whose live tests are skipped where the machine lacks something, and what.
WHY_NOT = {
    "oom_killed": "a memory controller, of cgroup v1 or v2, to set a limit with",
}


def _explained(stage):
    """{id: severity} as `shutwatch explain` lists them."""
    program = stage.program([SHUTWATCH, "explain"])
    assert program.wait() == FINE
    return dict(line.decode().split()[:2] for line in program.out.all())


def test_every_finding_has_live_tests(stage):
    """Each row of the table fires somewhere and just misses somewhere, with its severity."""
    tested = {name: row.severity for table in _TABLES for name, row in table.items()}
    assert sum(map(len, _TABLES)) == len(tested), "a finding is in two tables"
    assert tested == _explained(stage)
    assert WHY_NOT.keys() <= tested.keys()


def _open(client):
    client.idle(2)
    client.in_flight(2, "/300/10")


@pytest.mark.parametrize("args, number", [
    ((), signal.SIGTERM), ((), signal.SIGINT), ((), signal.SIGQUIT),
    (("--stop=sigwait",), signal.SIGTERM), (("--stop=reraise",), signal.SIGTERM),
    (("--helper",), signal.SIGTERM), (("--pause=300",), signal.SIGTERM)],
    ids=["term", "int", "quit", "sigwait", "reraise", "helper", "pause"])
def test_clean_stop(stage, args, number):
    """Everything answered, nobody refused: nothing is wrong."""
    record, service = stop_server(stage, *args, number=number, open_clients=_open)
    assert service.seen("whole+fin") == service.seen("idle+fin") == 2
    assert record["outcome"] == "clean"
    assert record["findings"] == []


def test_peer_resets(stage):
    """A client's own reset is no fault of the service."""
    service = Service(stage, stage.server(), open_clients=_open).tell()
    for connection in service.client.connections[2:]:
        connection.reset()
    record = service.record()
    assert record["connections"]["inbound"]["outcomes"] == {"idle": 2, "peer_reset": 2}
    assert record["findings"] == []


def test_prefork_stops_clean(stage):
    """A master passes the signal on to its workers, and waits for them."""
    victim = stage.victim("prefork", 3, free_ports()[0], 50)
    victim.wait_truth("worker", 3)
    record = Service(stage, victim, open_clients=_open).tell().record()
    assert record["outcome"] == "clean"
    assert not wrong(record)


def test_exit_143(stage):
    """128 + SIGTERM as a plain exit code, as that of a JVM, is how it ends, not a crash."""
    port, = free_ports()
    script = "trap 'kill $!; wait $!; exit 143' TERM; $0 --port=$1 & wait"
    shell = stage.python_victim("sh", "-c", script, SHUTWATCH.parent / "victims" / "server", port)
    record = Service(stage, shell, open_clients=_open).tell().record()
    assert shell.wait() == 143
    assert record["outcome"] == "clean"
    assert not wrong(record)
