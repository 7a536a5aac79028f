# SPDX-License-Identifier: GPL-2.0-only
"""Many short lives: services that listen, are watched, are told to stop, and are gone."""

import contextlib
import os
import subprocess
import time

from kit.shutwatch import BUILD

_names = iter(range(1, 1000))
WATCHED = "shutwatch_services_watched"


def new_comm():
    """A name that nobody else on this host has: with it a test finds its own stops."""
    return f"sw{os.getpid()}-{next(_names)}"


def targets(*comms):
    """The part of a configuration that leaves all others out."""
    return "targets:\n" + "".join(f"  - comm: {comm}\n" for comm in comms)


@contextlib.contextmanager
def servers(ports, comm):
    """A service, ready, for each of the ports (0: any). None of them outlives the block."""
    victims = [subprocess.Popen([BUILD / "victims" / "server", f"--port={port}", f"--comm={comm}"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
               for port in ports]
    try:
        for victim in victims:
            if not victim.stdout.readline().startswith(b"ready"):
                raise RuntimeError("a victim ended before it was ready")
        yield victims
    finally:
        for victim in victims:
            victim.kill()
            victim.wait()
            victim.stdout.close()


def stop_batch(daemon, count, comm):
    """Stops that many services at once, whom alone the daemon watches. Returns their pids."""
    with servers([0] * count, comm) as victims:
        wait_metric(daemon, WATCHED, lambda watched: watched == count)
        for victim in victims:
            victim.terminate()
        for victim in victims:
            if victim.wait(20) != 0:
                raise RuntimeError(f"a victim ended with status {victim.returncode}")
        wait_metric(daemon, WATCHED, lambda watched: watched == 0)
        return [victim.pid for victim in victims]


def wait_metric(daemon, series, reached, timeout=20.0):
    """Until the value satisfies the condition. Returns it."""
    deadline = time.monotonic() + timeout
    while True:
        value = daemon.metrics().get(series)
        if value is not None and reached(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{series} is {value} after {timeout} s\n{daemon.describe()}")
        time.sleep(0.01)  # a metric tells nobody that it has changed
