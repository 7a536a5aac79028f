# SPDX-License-Identifier: GPL-2.0-only
"""Servers in a place of their own: units of a real systemd, containers by podman.

They listen on lo of a network namespace of their own, and are stopped by their manager.
"""

import contextlib
import signal
from functools import partial

import container
import nspawn
from kit.clock import wait_until
from kit.netns import NetnsOf
from lab.server import HTTP_PATHS, IDLE, MIXED, Kind, Running

_PORT = 8080
_GRACE_S = 3
_UVICORN = ["/usr/bin/python3", "-m", "uvicorn", "app:app", "--app-dir", "/apps",
            "--port", str(_PORT)]
# It serves files: those that the paths of the lab name.
FILES = ["/usr/bin/python3", "-m", "http.server", "-b", "127.0.0.1", "-d", "/notes", str(_PORT)]
_WRAPPED = ["/bin/sh", "-c", f"{' '.join(FILES)}; true"]

_UVICORN_UNIT = f"""[Service]
ExecStart={' '.join(_UVICORN)} --workers 2
StandardError=file:/notes/log
TimeoutStopSec={_GRACE_S}
"""
WRAPPED_UNIT = f"""[Service]
ExecStart=/bin/sh -c '{_WRAPPED[-1]}'
KillMode=process
"""


def _make_files(directory):
    for path in (HTTP_PATHS["flow"], HTTP_PATHS["half_response"]):
        name = directory / path.lstrip("/")
        name.parent.mkdir(exist_ok=True)
        with open(name, "wb") as file:
            file.truncate(int(name.name))


def start_unit(stage, unit, text, workers):
    machine = stage.enter(nspawn.Machine(stage, {unit: text}, [unit]))
    _make_files(machine.notes)
    pid = machine.wait_serving(unit, _PORT)
    log = machine.notes / "log"
    wait_until(lambda: not workers or log.read_bytes().count(b"startup complete") >= workers,
               f"the workers of {unit}", 30)
    return Running(pid, f"127.0.0.1:{_PORT}", str(machine.cgroup(f"system.slice/{unit}")),
                   watch=(f"--unit={unit}",), netns=machine.netns(),
                   tell=partial(machine.run, "systemctl", "stop", unit))


def _knows(pid, number):
    """Has the signal been sent, though the process cannot take it yet? Or is it gone?"""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            pending, = [line.split()[1] for line in file if line.startswith("ShdPnd:")]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return bool(int(pending, 16) & 1 << number - 1)


def _stop_container(box):
    """podman returns when it is gone; one that is frozen is told before that."""
    podman = box.begin_stop(_GRACE_S)
    wait_until(lambda: podman.has_ended() or _knows(box.pid, signal.SIGTERM),
               "podman to tell the container", 30)


def start_container(stage, command):
    box = stage.enter(container.Container(stage, *command))
    _make_files(box.notes)
    box.wait_serving(_PORT)
    netns = stage.enter(contextlib.closing(NetnsOf(box.pid)))
    return Running(box.pid, f"127.0.0.1:{_PORT}", str(box.cgroup), netns=netns,
                   tell=partial(_stop_container, box))


# http.server answers at once and closes then (no idle, no in_flight, no long); its backlog is 5
# (no queue, burst, many). A wrapper's end is no stop of the whole service, and what arrives while
# the rest serves on is in no record (no flow).
_FILE_STATES = frozenset(("half_response", "half_request", "finishing", "silent"))

KINDS = [
    Kind("systemd-uvicorn-2w", ("systemd-nspawn", "uvicorn"),
         partial(start_unit, unit="uvicorn.service", text=_UVICORN_UNIT, workers=2),
         is_slow=True),
    Kind("systemd-sh-wrap-process", ("systemd-nspawn",),
         partial(start_unit, unit="wrapped.service", text=WRAPPED_UNIT, workers=0),
         scenarios=(MIXED, IDLE), states=_FILE_STATES, is_slow=True),
    Kind("podman-uvicorn", ("podman", "uvicorn"),
         partial(start_container, command=_UVICORN), is_slow=True),
    Kind("podman-sh-wrap", ("podman",),
         partial(start_container, command=_WRAPPED),
         scenarios=(MIXED, IDLE), states=_FILE_STATES, is_slow=True),
]
