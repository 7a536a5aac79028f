# SPDX-License-Identifier: GPL-2.0-only
"""What README asks its reader to copy does what README says."""

import json
import os

import pytest

from kit.judge import details_of
from kit.shutwatch import BUILD, ROOT
from kit.sockets import free_ports

_APPS = ROOT / "tests/live/apps"
# The example's names -> what stands in for them; what takes long is made short.
_STAND_INS = {
    "uvicorn app:app": f"/usr/bin/uvicorn --app-dir {_APPS} --log-level warning app:app",
    "/slow": "/1500/10",
    "/stream": "/stream/100/10000",
    "--duration 30s": "--duration 5s",
    "--idle 100": "--idle 10",
    "--in-flight 50": "--in-flight 5",
}
_STATES = {"idle": 10, "in_flight": 5, "half_request": 5, "stream": 5, "silent": 5}


def _drill(port):
    text = (ROOT / "README.md").read_text()
    block = text.partition("## Rehearse a stop under load")[2].partition("```\n")[2]
    command = block.partition("```")[0]
    assert command.startswith("sudo sh -c '")
    command = command.removeprefix("sudo ").replace("8000", str(port))
    for name, stand_in in _STAND_INS.items():
        assert name in command
        command = command.replace(name, stand_in)
    return command


@pytest.mark.parametrize("is_gated, status", [(False, 0), (True, 3)])
def test_drill(stage, is_gated, status):
    """The command of the drill: record and lines are there, and its status is that of `run`."""
    port, = free_ports()
    command = _drill(port)
    if is_gated:  # within the quotes of the example
        command = command.replace("-o stop.json ", '-o stop.json --fail-on "open>0" ')
    env = {**os.environ, "PATH": f"{BUILD}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    drill = stage.program(["sh", "-c", command], cwd=stage.directory, env=env)
    assert drill.wait(30) == status
    record = json.loads((stage.directory / "stop.json").read_text())
    lines = [json.loads(line)
             for line in (stage.directory / "lines.jsonl").read_text().splitlines()]
    assert record["trigger"]["signal"] == "SIGTERM"
    assert record["trigger"]["sender"]["comm"] == "shutwatch-clien"
    held = [line for line in lines if line["state"] in _STATES]
    assert {state: sum(line["state"] == state for line in held) for state in _STATES} == _STATES
    details = details_of(record)
    assert all(line["local"] in details for line in held)
    assert any(line["state"] == "flow" and line["end"] == "refused" for line in lines)
