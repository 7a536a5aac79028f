# SPDX-License-Identifier: GPL-2.0-only
"""10,000 records in the store: whoever lists them does not wait."""

import subprocess
import time

import pytest

from kit.http_server import HTTP_HOST
from kit.shutwatch import SHUTWATCH

RECORDS = 10_000
LIMIT_S = 0.2
PAGE = 50
FIRST, LAST = "2023-11-14T22:13:20Z", "2023-11-21T20:53:20Z"  # a record a minute


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Services 0 to 3 and three outcomes take turns; no record has a finding."""
    path = tmp_path_factory.mktemp("scale") / "store.db"
    subprocess.run([HTTP_HOST, "fill", path, str(RECORDS)], check=True)
    return path


def _run(store, *options):
    """(seconds from fork to exit, the lines)."""
    began = time.monotonic()
    said = subprocess.run([SHUTWATCH, "list", "--store", store, *options], check=True,
                          capture_output=True)
    return time.monotonic() - began, said.stdout.splitlines()


@pytest.mark.parametrize("options, expected", [
    ((), PAGE),
    (("--service", "service-3"), PAGE),
    (("--service", "*-1"), PAGE),
    (("--service", "*-9"), 0),
    (("--outcome", "forced", "--outcome", "lossy"), PAGE),
    (("--since", FIRST, "--until", "2023-11-14T22:23:20Z"), 10),
    (("--outcome", "oom_killed", "--until", LAST), 0),
    (("--finding", "oom_killed"), 0),
    (("--service", "service-1", "--outcome", "lossy", "-n", "500"), 500),
])
def test_list(store, options, expected):
    """The best of five runs: what it takes, not what else this machine is busy with."""
    runs = [_run(store, *options) for _ in range(5)]
    best = min(seconds for seconds, _ in runs)
    print(f"list {' '.join(options)}: {best * 1e3:.1f} ms")
    for _, lines in runs:
        shown = [line for line in lines if b"service-" in line]
        assert len(shown) == expected
    assert best < LIMIT_S
