# SPDX-License-Identifier: GPL-2.0-only
"""The server's ends of connections, from /proc/PID/net/tcp: accepted? all read?"""

import contextlib
import dataclasses
import ipaddress
import os
import socket
import struct

_ESTABLISHED = "01"
_FIN_WAIT1 = "04"
_LISTEN = "0A"


@dataclasses.dataclass
class ServerSide:
    """One established socket of a server."""

    is_accepted: bool  # a socket in the accept queue has no inode yet
    unread: int        # bytes
    unacked: int       # bytes
    inode: int = 0     # 0: not accepted


def plain_ip(text):
    """An IPv4-mapped address as the IPv4 address that it is."""
    address = ipaddress.ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)


def _parse_address(text):
    packed, port = text.split(":")
    words = struct.pack(f"={len(packed) // 8}I", *(int(packed[i:i + 8], 16)
                                                    for i in range(0, len(packed), 8)))
    family = socket.AF_INET if len(words) == 4 else socket.AF_INET6
    return plain_ip(socket.inet_ntop(family, words)), int(port, 16)


def _open_table(pid, name):
    """By any living thread: /proc/PID/net is gone once the leader is a zombie."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            return open(f"/proc/{pid}/task/{tid}/net/{name}", encoding="ascii")
        except OSError:
            continue
    raise ProcessLookupError(f"no thread of {pid} shows its sockets")


def _rows(pid, port, state):
    suffix = f":{port:04X}"
    for name in ("tcp", "tcp6"):
        with _open_table(pid, name) as table:
            next(table)
            for line in table:
                fields = line.split()
                if fields[1].endswith(suffix) and fields[3] == state:
                    yield fields


def server_side(pid, port):
    """{"client address:port": ServerSide} of every established connection to the port."""
    found = {}
    for fields in _rows(pid, port, _ESTABLISHED):
        host, peer_port = _parse_address(fields[2])
        name = f"[{host}]:{peer_port}" if ":" in host else f"{host}:{peer_port}"
        unacked, unread = (int(number, 16) for number in fields[4].split(":"))
        found[name] = ServerSide(fields[9] != "0", unread, unacked, int(fields[9]))
    return found


def overflows(netns=None):
    """How many handshakes have ended at a full accept queue, in a namespace or in this one."""
    with netns.entered() if netns else contextlib.nullcontext():
        with open("/proc/thread-self/net/netstat", encoding="ascii") as table:
            names, values = [line.split() for line in table if line.startswith("TcpExt:")]
    return int(values[names.index("ListenOverflows")])


def unacked_fins(pid, port):
    """How many connections to the port the server has closed without an acknowledgement so far."""
    return sum(1 for _ in _rows(pid, port, _FIN_WAIT1))


def listens(pid, port):
    """Does anybody in the network namespace of the process?"""
    return any(True for _ in _rows(pid, port, _LISTEN))


def queued(pid, port):
    """How many connections wait to be accepted on the port."""
    return sum(int(fields[4].split(":")[1], 16) for fields in _rows(pid, port, _LISTEN))


def free_ports(count=1):
    """Ports below the ephemeral range (no client gets one by chance) that nobody listens on."""
    ports = []
    for port in _shuffled(range(20000, 32000)):
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                probe.bind(("::", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError("no free port")


_used = set()


def _shuffled(ports):
    """Never the same port twice in one test run: no test meets the leftovers of another."""
    start = int.from_bytes(os.urandom(2), "little") % len(ports)
    for port in [*ports[start:], *ports[:start]]:
        if port not in _used:
            _used.add(port)
            yield port
