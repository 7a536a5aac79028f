# SPDX-License-Identifier: GPL-2.0-only
"""The store with a million records, made from those of real stops (tests/replay).

Written in memory (tmpfs), since every record is one transaction and one fsync; the rate on this
machine's disk is measured with some of them. Then the commands are run as a user would.
"""

import json
import pathlib
import shutil
import subprocess
import tempfile
import time

from kit.shutwatch import BUILD, ROOT, SHUTWATCH

from .interval import interval

_MEMORY = pathlib.Path("/dev/shm")
_DISK_RECORDS = 2_000
_BYTES_EACH = 20_000  # more than enough room for one
_RECORDINGS = ("uvicorn_1", "nginx_quit", "nginx_term", "prefork_shared_listener", "second_signal",
               "kill_after_grace", "default_disposition", "late_data_300", "restart_same_port",
               "unread_request", "waits", "outbound_pool")
# Records are a minute apart from 2023-11-14T22:13:20Z on.
_COMMANDS = {
    "list": ("list",),
    "list, one service": ("list", "--service", "service-7"),
    "list, a day": ("list", "--since", "2023-11-20T00:00:00Z", "--until", "2023-11-21T00:00:00Z"),
    "list, by outcome": ("list", "--outcome", "forced"),
    "diff, a week of one service": (
        "diff", "service=service-7,since=2023-11-15T00:00:00Z,until=2023-11-22T00:00:00Z",
        "service=service-7,since=2023-11-22T00:00:00Z,until=2023-11-29T00:00:00Z"),
    "diff, a day of all": ("diff", "since=2023-11-15T00:00:00Z,until=2023-11-16T00:00:00Z",
                           "since=2023-11-16T00:00:00Z,until=2023-11-17T00:00:00Z"),
}


def _fill(path, count, seconds):
    recordings = [ROOT / f"tests/replay/{name}.rec" for name in _RECORDINGS]
    said = subprocess.run([BUILD / "bench-fill", path, str(count), str(seconds), *recordings],
                          check=True, capture_output=True)
    return json.loads(said.stdout)


def _command_ms(path, words, runs):
    """An interval of the time from fork to exit."""
    taken = []
    for _ in range(runs):
        began = time.monotonic()
        subprocess.run([SHUTWATCH, words[0], "--store", path, *words[1:]], check=True,
                       capture_output=True, timeout=60)
        taken.append((time.monotonic() - began) * 1e3)
    return interval(taken)


def run(stage, result, is_quick):
    """The section."""
    wanted, limit_s, runs = (100_000, 30, 3) if is_quick else (1_000_000, 240, 7)
    room = shutil.disk_usage(_MEMORY).free // _BYTES_EACH
    result.section(f"6. The store: {wanted} records of {len(_RECORDINGS)} real stops")
    on_disk = _fill(stage.directory / "disk.db", _DISK_RECORDS, 20)
    disk_rate = on_disk["records"] / on_disk["seconds"]
    with tempfile.TemporaryDirectory(prefix="shutwatch-bench-", dir=_MEMORY) as directory:
        path = pathlib.Path(directory) / "store.db"
        filled = _fill(path, min(wanted, room), limit_s)
        count, rate = filled["records"], filled["records"] / filled["seconds"]
        size = path.stat().st_size
        result.judge("store_inserted", count >= wanted,
                     "inserted", f"{count}, {rate:.0f} a second", f"{wanted}")
        result.note(f"on this disk, with an fsync each: {disk_rate:.0f} a second")
        result.row("size", f"{size / 2 ** 20:.0f} MiB, {size / count:.0f} bytes each")
        taken = {}
        for name, words in _COMMANDS.items():
            taken[name] = _command_ms(path, words, runs)
            result.row(name, taken[name].text(1, " ms"))
    result.keep("store", {
        "records": count, "bytes": size, "bytes_each": size / count, "inserts_per_s": rate,
        "inserts_per_s_disk": disk_rate,
        "ms": {name: one.median for name, one in taken.items()}})
