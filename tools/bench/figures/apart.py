# SPDX-License-Identifier: GPL-2.0-only
"""A stage in a network of its own, so that no figure depends on what was measured before it.

A closed connection stays in the kernel's table of sockets for a minute, and a snapshot walks that
table. Network namespaces share one table unless they are asked to have their own: here it is as
large as the host's, since an empty one is walked as well, and goes with the namespace.
"""

import contextlib
import pathlib

from kit.netns import Netns
from kit.stage import Stage

_SYSCTL = pathlib.Path("/proc/sys/net/ipv4")


def _network():
    host = abs(int((_SYSCTL / "tcp_ehash_entries").read_text()))  # negative: a shared one
    wanted = _SYSCTL / "tcp_child_ehash_entries"
    before = wanted.read_text()
    wanted.write_text(str(host))
    try:
        return Netns()
    finally:
        wanted.write_text(before)


@contextlib.contextmanager
def apart():
    """A stage whose programs, and this one meanwhile, have their own lo and their own sockets."""
    with contextlib.closing(_network()) as network, network.entered():
        with contextlib.closing(Stage("bench")) as stage:
            yield stage
