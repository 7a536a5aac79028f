# SPDX-License-Identifier: GPL-2.0-only
"""A machine with a real systemd, made of the host's own /usr by systemd-nspawn.

It runs in the test's cgroup, in namespaces of its own, also where the host itself has no systemd
and mixes cgroup v1 and v2 (--keep-unit; SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 gives it v2 only).
"""

import contextlib
import os
import pathlib
import shutil
import signal
import uuid

from kit.cgroup import Cgroup
from kit.clock import wait_until
from kit.netns import NetnsOf
from kit.shutwatch import BUILD, ROOT, SHUTWATCH
from kit.sockets import listens

TOOL = shutil.which("systemd-nspawn")

_V1 = pathlib.Path("/sys/fs/cgroup/systemd")  # of a hybrid host: nspawn mirrors its cgroups there
_TARGET = "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants={wants}\n"
# Of what the host has installed, these have no business in here.
_MASKED = ("systemd-networkd.service", "systemd-networkd.socket", "systemd-udevd.service",
           "systemd-resolved.service", "systemd-timesyncd.service", "systemd-logind.service",
           "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount")
_MAY_TRACE = ("--capability=all", "--system-call-filter=bpf setns seccomp")
# Of /sys a machine gets the least only.
_WHOLE_SYS = ("mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf && "
              "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
# The machine's systemd, for who is not in it: of them it takes no questions itself, for it cannot
# see their pids. Units to be given to a machine.
ASKABLE = {
    "ask.socket": "[Socket]\nListenStream=/notes/private\nAccept=yes\n",
    "ask@.service": "[Service]\nExecStart=systemd-stdio-bridge "
                    "--bus-path=unix:path=/run/systemd/private\nStandardInput=socket\n",
}
# shutwatch where the machine's systemd is that of the host. Inside the machine it could not trace:
# the processes have other numbers there.
_WATCHER = """#!/bin/sh
exec {enter} unshare --mount sh -c '
    mount --bind {notes} /run/systemd && exec "$@"' sh {shutwatch} "$@"
"""


def _parent(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[1])


class Machine:
    """units: {name: text}; those that `wants` names are started at boot. `with` ends it all."""

    def __init__(self, stage, units, wants):
        self.name = f"sw{uuid.uuid4().hex[:8]}"
        self.notes = stage.directory / "notes"  # /notes in the machine
        self._stage = stage
        self._group = Cgroup()
        self._program = None
        self._root = stage.directory / "root"
        self._netns = None
        self.pid = None
        self.notes.mkdir()
        self._make_root({**units, "test.target": _TARGET.format(wants=" ".join(wants))})

    def _make_root(self, units):
        for name in ("usr", "proc", "sys", "dev", "run", "tmp", "var", "root",
                     "etc/systemd/system"):
            (self._root / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            if os.path.islink(f"/{name}"):
                (self._root / name).symlink_to(f"usr/{name}")
        etc = self._root / "etc"
        (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (etc / "group").write_text("root:x:0:\n")
        (etc / "os-release").write_text("ID=test\n")  # nspawn asks, before there is a /usr
        (etc / "machine-id").write_text(uuid.uuid4().hex + "\n")
        for name in _MASKED:
            (etc / "systemd/system" / name).symlink_to("/dev/null")
        for name, text in units.items():
            path = etc / "systemd/system" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    def __enter__(self):
        self._program = self._stage.program(
            [TOOL, f"--directory={self._root}", f"--machine={self.name}", "--bind-ro=/usr",
             f"--bind-ro={BUILD.resolve()}:/build", f"--bind-ro={ROOT / 'tests/live/apps'}:/apps",
             f"--bind={self.notes}:/notes",
             *_MAY_TRACE, "--register=no", "--keep-unit", "--private-network", "--console=pipe",
             "--boot", "systemd.unit=test.target"],
            env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}, cgroup=self._group)
        try:
            self.pid = self._wait_pids("init.scope")[0]
            wait_until(lambda: os.path.exists(f"/proc/{self.pid}/root/run/systemd/private"),
                       "systemd to listen to systemctl", 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(TimeoutError):
            self.power_off()
        self._program.kill()
        self._group.remove()  # and whoever is left in it
        if self._netns:
            self._netns.close()
        mirror = _V1 / pathlib.Path(self._group.path).name
        for path in (mirror / "supervisor", mirror / "payload", mirror):
            with contextlib.suppress(FileNotFoundError):
                path.rmdir()
        shutil.rmtree(f"/run/systemd/nspawn/propagate/{self.name}", ignore_errors=True)

    def cgroup(self, name):
        """The directory of a cgroup of the machine: "init.scope", "system.slice/web.service"."""
        return pathlib.Path(self._group.path, "payload", name)

    def _wait_pids(self, name):
        """The processes in a cgroup of the machine, as the host numbers them."""
        procs = self.cgroup(name) / "cgroup.procs"

        def read():
            if self._program.has_ended():
                raise RuntimeError(f"the machine ended\n{self._program.describe()}")
            try:
                return [int(pid) for pid in procs.read_text(encoding="ascii").split()]
            except FileNotFoundError:
                return []
        return wait_until(read, f"processes in {name}", 60)

    def pid_of(self, unit):
        """Of the process that systemd started for it, once there is one; in the host's numbers."""
        pid, = [pid for pid in self._wait_pids(f"system.slice/{unit}") if _parent(pid) == self.pid]
        return pid

    def wait_serving(self, unit, port):
        """Until the unit listens. Returns the pid of its process."""
        pid = self.pid_of(unit)
        wait_until(lambda: listens(pid, port), f"{unit} to listen")
        return pid

    def netns(self):
        """The network namespace of the machine, for a client."""
        self._netns = self._netns or NetnsOf(self.pid)
        return self._netns

    def run(self, *argv):
        """A program in the machine, to its end, which must be a good one."""
        program = self._stage.program(
            ["nsenter", "-t", self.pid, "-m", "-u", "-i", "-n", "-p", "-C", *argv])
        if program.wait(30) != 0:
            raise RuntimeError(f"{argv} failed\n{program.describe()}")

    def shutwatch(self, in_its_cgroups=True):
        """A program that is shutwatch, and asks the machine's systemd, which must be ASKABLE.

        It sees the cgroups as the machine does, or else as the host does.
        """
        enter = f"nsenter -t {self.pid} --cgroup" if in_its_cgroups else ""
        path = self._stage.directory / "shutwatch"
        path.write_text(_WATCHER.format(enter=enter, notes=self.notes,
                                        shutwatch=SHUTWATCH.resolve()))
        path.chmod(0o755)
        return path

    def mount_sys(self):
        """The whole of it, for who traces."""
        self.run("sh", "-c", _WHOLE_SYS)

    def power_off(self):
        """An orderly shutdown, which nspawn asks PID 1 for when it is itself told to stop."""
        if not self._program.has_ended():
            os.kill(self._program.pid, signal.SIGTERM)
        self._program.wait(30)
