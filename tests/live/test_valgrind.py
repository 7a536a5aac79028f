# SPDX-License-Identifier: GPL-2.0-only
"""One real stop with the collector under valgrind: only `make valgrind` asks for it."""

from kit.judge import assert_agrees
from kit.shutwatch import ROOT, SHUTWATCH

_VALGRIND = ("-q", "--error-exitcode=99", "--leak-check=full",
             "--errors-for-leak-kinds=definite,indirect",
             f"--suppressions={ROOT / 'tests' / 'live' / 'valgrind.supp'}")
_SLOW = 120


def test_stop(stage):
    """Connections in every state; no error of memory, and nothing is left at the end."""
    victim = stage.server()
    client = stage.client(victim.port)
    client.idle(5)
    client.in_flight(2, "/1500/10")
    client.half(2)
    client.silent(3)
    client.wait_taken(victim.pid)
    watch = stage.shutwatch(SHUTWATCH, "watch", "--json", "-n", 1, "--details", "all", "--pid",
                            victim.pid, program="valgrind", command=_VALGRIND)
    watch.count = 1
    watch.wait_watching(_SLOW)
    stop = stage.send(victim.pid)
    client.wait_ended()
    victim.wait()
    assert_agrees(watch.record(_SLOW), client.connections, stop, [victim])
