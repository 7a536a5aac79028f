# SPDX-License-Identifier: GPL-2.0-only
"""A container by podman, without any image: its root is the host's /usr.

podman needs cgroup v2 at /sys/fs/cgroup: it gets it in a mount namespace of its own. It is told to
set no limits that take a controller, which a host may lack, or CAP_SYS_RESOURCE, which we may.
"""

import os
import pathlib
import shutil

from kit.cgroup import Cgroup, mount_point
from kit.clock import wait_until
from kit.shutwatch import BUILD, ROOT
from kit.sockets import listens

TOOL = shutil.which("podman")

_ON_V2 = 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'


class Container:
    """One command in a container; `with` ends it all. /victims and /apps are there to be run."""

    def __init__(self, stage, *command):
        self._stage = stage
        self._group = Cgroup()  # not the stage's: only a cgroup without processes has children
        self._directory = stage.directory / "podman"
        self.notes = stage.directory / "notes"  # /notes in the container
        self._root = self._directory / "root"
        self._command = command
        self.id = None
        self.pid = None
        self.notes.mkdir()
        for name in ("usr", "etc", "proc", "sys", "dev", "run", "tmp", "var"):
            (self._root / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            if os.path.islink(f"/{name}"):
                (self._root / name).symlink_to(f"usr/{name}")

    def _podman(self, *args):
        return self._stage.program(
            ["unshare", "--mount", "--propagation=private", "sh", "-c", _ON_V2, "sh", TOOL,
             "--root", self._directory / "storage", "--runroot", self._directory / "state",
             "--tmpdir", self._directory / "tmp", "--storage-driver=vfs",
             "--cgroup-manager=cgroupfs", "--events-backend=none", *args], cwd="/")

    def _ask(self, *args):
        """What podman answers; it must agree."""
        program = self._podman(*args)
        if program.wait(60) != 0:
            raise RuntimeError(f"podman failed\n{program.describe()}")
        return b"".join(program.out.all()).decode().strip()

    def __enter__(self):
        parent = "/" + os.path.relpath(self._group.path, mount_point())
        try:
            self.id = self._ask(
                "run", "--detach", "--privileged", "--network=none", "--pids-limit=-1",
                "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024",
                f"--cgroup-parent={parent}", "--volume=/usr:/usr:ro",
                f"--volume={BUILD.resolve() / 'victims'}:/victims:ro",
                f"--volume={ROOT / 'tests/live/apps'}:/apps:ro", f"--volume={self.notes}:/notes",
                "--rootfs", self._root, *self._command)
            self.pid = int(self._ask("inspect", "--format={{.State.Pid}}", self.id))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        remove = self._podman("rm", "--force", "--all", "--time=0")
        remove.wait(60)
        self._group.remove()  # and whoever is left in it

    def wait_serving(self, port):
        """Until it listens."""
        wait_until(lambda: listens(self.pid, port), "the container to listen")

    def begin_stop(self, grace_s=10):
        """`podman stop`, begun. Returns the program."""
        return self._podman("stop", f"--time={grace_s}", self.id)

    def stop(self):
        """`podman stop`, to its end."""
        program = self.begin_stop()
        if program.wait(60) != 0:
            raise RuntimeError(f"podman failed\n{program.describe()}")

    @property
    def cgroup(self):
        """The directory of its cgroup."""
        return pathlib.Path(self._group.path, f"libpod-{self.id}")
