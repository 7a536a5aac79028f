# SPDX-License-Identifier: GPL-2.0-only
"""Another kernel: Debian's package of it, unpacked (nothing is installed), booted in QEMU over the
file system of this machine, which the guest sees and cannot change.

All is kept in DIRECTORY/NAME: the package, the kernel, its modules, the initramfs.
"""

import ctypes
import lzma
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# The package that always depends on the newest kernel of that name in Debian 12.
PACKAGES = {"6.1": "linux-image-amd64", "6.12": "linux-image-6.12-amd64"}

_PR_SET_PDEATHSIG = 1
_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
_PARTS = ("kernel/fs", "kernel/net", "kernel/lib", "kernel/crypto", "kernel/arch",
          "kernel/drivers/virtio", "kernel/drivers/net/veth.ko*", "modules.*")
_MEMORY_MIB = 2048
_CONSOLE_LINES = 40
# One CPU: with two, QEMU 7.2 now and then runs an instruction that the kernel has just patched
# away, as each attached BPF program makes it do, and the guest dies of it.
_QEMU = ("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
         "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
         "-m", str(_MEMORY_MIB))
_APPEND = ("console=ttyS0 quiet panic=-1 oops=panic maxcpus=1 tsc=reliable no_timer_check "
           "mitigations=off audit=0 cryptomgr.notests")


class Failed(Exception):
    """A kernel that cannot be had, or a guest that ended without an exit status."""


def _run(*command, **options):
    """Its output; says what it said if it fails."""
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
    try:
        said = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, env=environment,
                              stderr=subprocess.PIPE, check=False, **options)
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None
    if said.returncode:
        raise Failed(f"{command[0]}: {said.stderr.decode(errors='replace').strip()}")
    return said.stdout


def _die_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Kernel:
    """One of them, ready to boot."""

    def __init__(self, name, directory):
        self.name = name
        self._directory = pathlib.Path(directory).resolve() / name
        self._directory.mkdir(parents=True, exist_ok=True)
        package = self._package()
        self._root = self._directory / package
        if not self._root.exists():
            self._unpack(package)
        self.release = next((self._root / "lib/modules").iterdir()).name
        self._initramfs = self._directory / "initramfs"
        self._make_initramfs()

    def _package(self):
        """The name of the package with the kernel itself."""
        said = _run("apt-cache", "depends", PACKAGES[self.name]).decode()
        found = re.search(r"^ +Depends: (linux-image-\S+)", said, re.MULTILINE)
        if not found:
            raise Failed(f"apt knows no kernel {self.name} (apt-get update?)")
        return found[1]

    def _unpack(self, package):
        """Downloads what is not here yet; the directory appears when it is whole."""
        with tempfile.TemporaryDirectory(dir=self._directory) as place:
            place = pathlib.Path(place)
            _run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package, cwd=place)
            tar = _run("dpkg-deb", "--fsys-tarfile", next(place.glob("*.deb")))
            root = place / "root"
            root.mkdir()
            _run("tar", "-x", "-C", root, "--wildcards", "./boot/vmlinuz-*",
                 *(f"./lib/modules/*/{part}" for part in _PARTS), input=tar)
            release = next((root / "lib/modules").iterdir()).name
            _run("depmod", "-b", root, release)
            root.rename(self._root)

    def _module_files(self):
        """What _MODULES are made of, each after those that it needs."""
        files = []
        for module in _MODULES:
            said = _run("modprobe", "-d", self._root, "-S", self.release, "--show-depends", module)
            for kind, path in (line.split()[:2] for line in said.decode().splitlines()):
                if kind == "insmod" and path not in files:
                    files.append(path)
        return [pathlib.Path(path) for path in files]

    def _make_initramfs(self):
        with tempfile.TemporaryDirectory(dir=self._directory) as place:
            place = pathlib.Path(place)
            _run("gcc", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-static",
                 "-o", place / "init", HERE / "init.c")
            (place / "modules").mkdir()
            for number, path in enumerate(self._module_files()):
                plain = path.read_bytes()
                if path.suffix == ".xz":
                    plain = lzma.decompress(plain)
                (place / "modules" / f"{number:02}.ko").write_bytes(plain)
            names = "\n".join(str(path.relative_to(place)) for path in sorted(place.rglob("*")))
            self._initramfs.write_bytes(_run("cpio", "-o", "-H", "newc", "--quiet", cwd=place,
                                             input=names.encode()))

    def run(self, script, share, seconds):
        """A shell script, in the directory `share`, the only one that it can write to for us.

        Returns its exit status. What it printed is in share/output, the console in share/console.
        """
        shutil.rmtree(share, ignore_errors=True)
        share.mkdir(parents=True)
        (share / "script").write_text(script, encoding="utf-8")
        self._boot(share, seconds)
        try:
            return int((share / "status").read_text(encoding="ascii"))
        except (OSError, ValueError):
            console = (share / "console").read_text(encoding="utf-8", errors="replace")
            raise Failed("the guest ended without an exit status; its console:\n" + "\n".join(
                console.splitlines()[-_CONSOLE_LINES:])) from None

    def _boot(self, share, seconds):
        words = f"vm_share={share} vm_modules={self._root}/lib/modules/{self.release}"
        if len(shlex.split(words)) != 2 or "," in words:
            raise Failed(f"{share}: no spaces, quotes or commas in the path, please")
        image = next((self._root / "boot").glob("vmlinuz-*"))
        command = [*_QEMU, "-kernel", image, "-initrd", self._initramfs,
                   "-append", f"{_APPEND} {words}", "-serial", f"file:{share}/console"]
        for tag, path, mode in (("root", "/", "none,readonly=on"), ("share", share, "none")):
            command += ["-fsdev", f"local,id={tag},path={path},multidevs=remap,"
                        f"security_model={mode}",
                        "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        try:
            with subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL,
                                  preexec_fn=_die_with_parent) as qemu:
                try:
                    status = qemu.wait(seconds)
                finally:
                    qemu.kill()
        except subprocess.TimeoutExpired:
            raise Failed(f"not done after {seconds} s") from None
        except OSError as error:
            raise Failed(f"{_QEMU[0]}: {error.strerror}") from None
        if status:
            raise Failed(f"{_QEMU[0]} ended with status {status}")
