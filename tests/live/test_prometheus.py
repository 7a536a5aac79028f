# SPDX-License-Identifier: GPL-2.0-only
"""What a real Prometheus has of some shutdowns is what their records say, in both formats."""

import subprocess
import time

import pytest

from kit.daemon import Daemon
from kit.prometheus import Prometheus, TextProxy
from kit.stops import WATCHED, new_comm, targets, wait_metric

JOBS = ("openmetrics", "text")
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture(name="names")
def _names():
    return {kind: new_comm() for kind in ("clean", "lossy", "dark")}


@pytest.fixture
def daemon(stage, names):
    """Counts refused connections for a second."""
    made = Daemon(stage, f"reopen_window: 1s\n{targets(*names.values())}")
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def proxy(daemon):
    """Between the daemon and who wants text."""
    made = TextProxy(daemon.port)
    try:
        yield made
    finally:
        made.close()


def _servers(daemon, stage, names):
    """One of each, watched."""
    started = [stage.server(f"--comm={names['clean']}"),
               stage.server(f"--comm={names['lossy']}", "--stop=default"),
               stage.server(f"--comm={names['dark']}")]
    wait_metric(daemon, WATCHED, lambda watched: watched == len(started))
    return started


def _stop_clean(victim, stage):
    client = stage.client(victim.port)
    client.idle(2)
    client.in_flight(2, "/200/10")
    client.wait_taken(victim.pid)
    stage.send(victim.pid)
    client.wait_ended()


def _stop_lossy(victim, stage):
    """TERM ends it while it owes three answers."""
    client = stage.client(victim.port)
    client.in_flight(3, "/5000/10")
    client.wait_taken(victim.pid)
    stage.send(victim.pid)
    client.wait_ended()


def _stop_dark(victim, stage):
    """Five come too late."""
    _stop_clean(victim, stage)
    victim.wait()
    late = stage.client(victim.port)
    late.open("refused", 5)
    late.wait_ended()


def _expected(records):
    """{(metric, service, direction): value} as the records have it."""
    found = {}

    def add(metric, record, value, direction=None):
        key = metric, record["service"]["name"], direction
        found[key] = found.get(key, 0) + value

    for record in records:
        add("shutwatch_shutdowns_total", record, 1)
        add("shutwatch_shutdowns_ungraceful_total", record, record["outcome"] != "clean")
        add("shutwatch_connection_attempts_refused_total", record,
            record["connections"]["inbound"]["refused"])
        for direction in ("inbound", "outbound"):
            add("shutwatch_connections_aborted_total", record,
                record["connections"][direction]["aborted"], direction)
        for span in ("drain", "in_flight", "accepting"):
            family = f"shutwatch_shutdown_{span}_seconds"
            add(f"{family}_sum", record, record["timing"][f"{span}_s"])
            add(f"{family}_count", record, 1)
        add("shutwatch_shutdown_duration_seconds_sum", record, record["timing"]["total_s"])
    return found


def _scraped(prometheus, job, keys):
    names = "|".join(sorted({name for name, _, _ in keys}))
    return {(labels["__name__"], labels["service"], labels.get("direction")): value
            for labels, value in prometheus.query(f'{{__name__=~"{names}",job="{job}"}}')}


def test_figures_are_those_of_the_records(stage, daemon, proxy, names):
    """Clean, lossy and refused; scraped each second in both formats, with exemplars in one."""
    prometheus = Prometheus(stage, {"openmetrics": daemon.port, "text": proxy.port})
    began = time.time()
    for number in range(1, 3):
        clean, lossy, dark = _servers(daemon, stage, names)
        _stop_clean(clean, stage)
        _stop_lossy(lossy, stage)
        _stop_dark(dark, stage)
        records = daemon.wait_records(3 * number, is_final=True)
    by_name = {kind: [r for r in records if r["service"]["name"] == names[kind]] for kind in names}
    assert [r["outcome"] for r in by_name["clean"]] == ["clean"] * 2
    assert [r["connections"]["inbound"]["aborted"] for r in by_name["lossy"]] == [3, 3]
    assert [r["connections"]["inbound"]["refused"] for r in by_name["dark"]] == [5, 5]
    expected = _expected(records)
    prometheus.wait_scraped()
    for job in JOBS:
        assert _scraped(prometheus, job, expected) == pytest.approx(expected, abs=1e-9)
    assert proxy.content_types == {TEXT}
    _assert_scrapes_were_good(prometheus)
    _assert_exemplars(prometheus, began, records)


def _assert_scrapes_were_good(prometheus):
    """None failed, and both formats have the same series."""
    assert {labels["job"]: value for labels, value in prometheus.query("min_over_time(up[5m])")} \
        == dict.fromkeys(JOBS, 1)
    samples = dict((labels["job"], value) for labels, value
                   in prometheus.query("scrape_samples_scraped"))
    assert samples["openmetrics"] == samples["text"] > 100


def _assert_exemplars(prometheus, began, records):
    """Each leads to a record; the newest of each service is among them, with its own figures."""
    by_id = {record["id"]: record for record in records}
    newest = {record["service"]["name"]: record["id"] for record in records}
    span = (began - 60, time.time() + 60)
    for metric, key in (("shutwatch_shutdowns_total", None),
                        ("shutwatch_shutdown_drain_seconds_bucket", "drain_s"),
                        ("shutwatch_shutdown_duration_seconds_bucket", "total_s")):
        found = prometheus.exemplars(metric, *span)
        for series, labels, value, _ in found:
            record = by_id[labels["record_id"]]
            assert series["job"] == "openmetrics"
            assert series["service"] == record["service"]["name"]
            assert value == pytest.approx(record["timing"][key] if key else 1, abs=1e-9)
        assert set(newest.values()) <= {labels["record_id"] for _, labels, _, _ in found}


def test_promtool_has_no_objection(stage, daemon, names):
    """To the text of a daemon that has seen something."""
    _stop_lossy(_servers(daemon, stage, names)[1], stage)
    daemon.wait_records(is_final=True)
    _, headers, body = daemon.get("/metrics", {"Accept": "text/plain"})
    assert headers["Content-Type"] == TEXT
    assert names["lossy"].encode() in body
    said = subprocess.run(["/usr/bin/promtool", "check", "metrics"], input=body,
                          capture_output=True, check=False)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")
