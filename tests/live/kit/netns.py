# SPDX-License-Identifier: GPL-2.0-only
"""A network namespace without a name: it goes when the last descriptor and process in it do."""

import contextlib
import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, _CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")


def _unshare():
    if _libc.unshare(_CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "unshare")


class Netns:
    """Has lo up. Only this thread moves in and out of it."""

    def __init__(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _unshare()
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            _setns(home)
            os.close(home)
        self.ip("link", "set", "lo", "up")

    def ip(self, *args):
        """Runs ip(8) in here."""
        subprocess.run(["ip", *args], check=True, preexec_fn=self.enter)

    def set(self, name, value):
        """A sysctl of the network, such as net/ipv4/tcp_fin_timeout."""
        with self.entered(), open(f"/proc/sys/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def enter(self):
        """For a child process before its exec."""
        _setns(self.fd)

    @contextlib.contextmanager
    def entered(self):
        """Sockets made inside belong to the namespace for ever."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(self.fd)
            yield
        finally:
            _setns(home)
            os.close(home)

    def close(self):
        """Lets go of it."""
        os.close(self.fd)


class NetnsOf(Netns):
    """The network namespace of a process."""

    def __init__(self, pid):  # pylint: disable=super-init-not-called
        self.fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def join_by_veth(one, other, address_one, address_other):
    """A veth pair between two namespaces, /30 addresses without prefix."""
    one.ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
    one.ip("link", "set", "veth1", "netns", f"/proc/{os.getpid()}/fd/{other.fd}")
    for netns, device, address in ((one, "veth0", address_one), (other, "veth1", address_other)):
        netns.ip("address", "add", f"{address}/30", "dev", device)
        netns.ip("link", "set", device, "up")
