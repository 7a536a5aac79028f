# SPDX-License-Identifier: GPL-2.0-only
"""Real servers, each with files of its own, started until they serve."""

import os
import select

from kit.clock import now_ns, wait_until
from kit.shutwatch import ROOT
from kit.sockets import free_ports, listens

_NGINX = """
daemon off;
user root;
worker_processes {workers};
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_header_timeout {header_s}s;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ proxy_pass http://127.0.0.1:{upstream}; }}
        location /file {{ root {directory}; }}
        location /ok {{ return 200 "ok"; }}
    }}
}}
"""
BIG_FILE_BYTES = 16 << 20


class Server:
    """A program, its children (also those that outlive it for a moment), the port it serves on."""

    def __init__(self, program, port):
        self.program = program
        self.pid = program.pid
        self.port = port
        self.gone_ns = None  # not before the last of them ended
        self._pidfds = [os.pidfd_open(pid) for pid in program.children()]

    def is_gone(self):
        """All of them."""
        if self.program.has_ended() and self.gone_ns is None:
            ended, _, _ = select.select(self._pidfds, [], [], 0)
            self._pidfds = [fd for fd in self._pidfds if fd not in ended or os.close(fd)]
            if not self._pidfds:
                self.gone_ns = now_ns()
        return self.gone_ns is not None


def uvicorn_command(port, workers, host="127.0.0.1"):
    """FastAPI under uvicorn."""
    return ["/usr/bin/python3", "-m", "uvicorn", "app:app", "--app-dir", ROOT / "tests/live/apps",
            "--host", host, "--port", port, "--workers", workers]


def wait_uvicorn(program, workers):
    """Until all workers serve."""
    wait_until(lambda: sum(b"startup complete" in line for line in program.err.so_far())
               >= workers, "uvicorn to start", 30)


def start_uvicorn(stage, workers):
    """The same, all workers serving."""
    port, = free_ports()
    program = stage.program(uvicorn_command(port, workers),
                            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    wait_uvicorn(program, workers)
    wait_until(lambda: listens(program.pid, port), "uvicorn to listen")
    return Server(program, port)


def _is_nginx_worker(pid):
    """Does it serve? A worker takes its title when it does, as the last thing."""
    with open(f"/proc/{pid}/cmdline", "rb") as title:
        return title.read().startswith(b"nginx: worker")


def start_nginx(stage, upstream, workers=2, cgroup=None, header_s=2):
    """nginx before an upstream on 127.0.0.1; /file is big and static, /ok answers at once."""
    port, = free_ports()
    directory = stage.directory / f"nginx-{port}"
    directory.mkdir()
    with open(directory / "file", "wb") as file:
        file.truncate(BIG_FILE_BYTES)
    config = directory / "nginx.conf"
    config.write_text(_NGINX.format(directory=directory, port=port, upstream=upstream,
                                    workers=workers, header_s=header_s))
    program = stage.program(["nginx", "-p", directory, "-c", config, "-e",
                             directory / "error.log"], cgroup=cgroup or stage.cgroup)
    wait_until(lambda: sum(map(_is_nginx_worker, program.children())) == workers,
               "the workers of nginx")
    return Server(program, port)
