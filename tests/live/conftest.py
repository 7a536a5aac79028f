# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the live tests. They need root, cgroup v2, and what the Makefile builds.

SHUTWATCH_BUILD=DIR            where shutwatch and victims/ are (build/)
SHUTWATCH_KEEP_RECORDINGS=DIR  traps leave DIR/NAME.rec and the live record DIR/NAME.json
SHUTWATCH_VALGRIND=1           only with it: test_valgrind.py
SHUTWATCH_BLIND=1              only the set-ups: does each trap still spring? No shutwatch needed
"""

import os
import re
import resource
import signal
import sys

import pytest

sys.dont_write_bytecode = True  # everything that is generated belongs under build/
pytest.register_assert_rewrite("kit")

from kit.cgroup import remove_leftovers  # noqa: E402  pylint: disable=wrong-import-position
from kit.shutwatch import SHUTWATCH  # noqa: E402  pylint: disable=wrong-import-position
from kit.stage import IS_BLIND, Stage  # noqa: E402  pylint: disable=wrong-import-position

# These test shutwatch alone: there is nothing in them for the blind.
collect_ignore_glob = ["test_commands_*.py", "test_hard.py", "test_idle.py"] if IS_BLIND else []
if not os.environ.get("SHUTWATCH_VALGRIND"):
    collect_ignore_glob.append("test_valgrind.py")

_FILES = 16_000  # two ends of 6,000 connections are in two processes


@pytest.fixture(scope="session", autouse=True)
def _host():
    """What the tests need of the machine."""
    if os.geteuid() != 0:
        pytest.exit("the live tests need root", 77)
    if not IS_BLIND and not os.access(SHUTWATCH, os.X_OK):
        pytest.exit(f"{SHUTWATCH} is not built", 1)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # by nohup, or a shell's "&"
        if signal.getsignal(ignored) == signal.SIG_IGN:
            signal.signal(ignored, signal.SIG_DFL)
    remove_leftovers()


@pytest.fixture
def stage(request):
    """Starts things for one test, and ends all of them."""
    name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_")).strip("_")
    made = Stage(name)
    try:
        yield made
    finally:
        print(made.describe())
        made.close()


@pytest.fixture
def trap(stage):
    """A stage whose recording is kept when that was asked for."""
    stage.keep_recording()
    return stage
