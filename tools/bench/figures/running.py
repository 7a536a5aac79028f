# SPDX-License-Identifier: GPL-2.0-only
"""What runs while something is measured: shutwatch, the tools beside it, the load."""

import pathlib
import shutil
import time

from kit.clock import wait_until
from kit.servers import start_nginx
from kit.shutwatch import BUILD

from . import programs

PEERS = ("tcpstates", "tcplife", "sigsnoop", "exitsnoop")
_TRACEFS = pathlib.Path("/sys/kernel/tracing")
_MOUNT_AND_RUN = f'mount -t tracefs tracefs {_TRACEFS} && exec "$@"'


class CannotRun(Exception):
    """tool, why"""


def _command(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise CannotRun(name, "not installed (tools/packages)")
    return path


def _with_tracefs(argv):
    """They look their hooks up there. Where nobody has mounted it, for this tool alone."""
    if (_TRACEFS / "events").exists():
        return argv
    return ["unshare", "--mount", "sh", "-c", _MOUNT_AND_RUN, "sh", *argv]


def start_peer(stage, name):
    """One of libbpf-tools, attached. Its lines go nowhere, but are made."""
    program = stage.program(_with_tracefs([_command(name)]), stdout=_nowhere())
    wait_until(lambda: program.has_ended() or programs.is_attached(program.pid),
               f"{name} to attach", 20)
    if program.has_ended():
        said = b" ".join(program.err.all()).decode(errors="replace").split("\n")
        raise CannotRun(name, said[0].strip() or f"exit status {program.wait()}")
    return program


def _nowhere():
    return open("/dev/null", "wb")  # pylint: disable=consider-using-with


def start_peers(stage, result, wanted=PEERS):
    """Those that run here, as {name: program}; the others are told."""
    found = {}
    for name in wanted:
        try:
            found[name] = start_peer(stage, name)
        except CannotRun as error:
            result.cannot_run(*error.args)
    return found


def start_strace(stage, pids):
    """It follows these and their children."""
    argv = [_command("strace"), "-f", "-qq", "-o", "/dev/null"]
    program = stage.program([*argv, *(f"--attach={pid}" for pid in pids)])
    wait_until(lambda: program.has_ended() or all(map(_tracer, pids)), "strace to attach")
    if program.has_ended():
        raise CannotRun("strace", b"".join(program.err.all()).decode().strip())
    return program


def _tracer(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("TracerPid:")[2].split()[0])


def start_empty(stage):
    """The programs that do nothing."""
    program = stage.program([BUILD / "bench-empty"])
    if program.out.wait(lambda line: line == b"ready\n") is None:
        raise RuntimeError(f"the empty programs cannot be loaded\n{program.describe()}")
    return program


def start_watch(stage, *options):
    """`shutwatch watch`, armed. Of some processes: what others stop meanwhile is not ours."""
    return stage.shutwatch("--json", *options).wait_watching()


def start_web(stage):
    """nginx with one worker."""
    return start_nginx(stage, upstream=1, workers=1)


def start_requests(stage, server):
    """wrk: short connections, one request each, without end."""
    return stage.program([_command("wrk"), "-t1", "-c8", "-d3600s", "-H", "Connection: close",
                          f"http://127.0.0.1:{server.port}/ok"])


def cpu_ns(pid):
    """Processor time of all threads of a process so far."""
    return sum(int(path.read_text().split()[0])
               for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


def ticks(pid):
    """(user, system) time of all threads so far, in ticks of the clock: coarse."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()
    return int(fields[11]), int(fields[12])


def status_kib(pid, field):
    """VmRSS, VmHWM, …"""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition(f"\n{field}:")[2].split()[0])


def accepted():
    """TCP connections that this host's servers have accepted so far."""
    lines = pathlib.Path("/proc/net/snmp").read_text(encoding="ascii").splitlines()
    head, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(dict(zip(head, values))["PassiveOpens"])


def window(seconds):
    """Lets time pass. Returns how much, in seconds."""
    began = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - began
