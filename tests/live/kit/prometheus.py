# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus, and a proxy that makes it speak the text format 0.0.4."""

import http.client
import http.server
import json
import threading
import time
import urllib.parse

from kit.clock import wait_until
from kit.sockets import free_ports

TEXT_ACCEPT = "text/plain;version=0.0.4"


class TextProxy:
    """Passes GET requests on to a port of this host; who asks through it asks for text."""

    def __init__(self, port):
        seen = self.content_types = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            """One scrape."""

            def do_GET(self):  # pylint: disable=invalid-name
                """Asks the other one."""
                there = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                there.request("GET", self.path, headers={"Accept": TEXT_ACCEPT})
                answer = there.getresponse()
                body = answer.read()
                there.close()
                seen.add(answer.headers["Content-Type"])
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format, *args):  # pylint: disable=redefined-builtin
                """Says nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        """Serves no more."""
        self._server.shutdown()
        self._server.server_close()


class Prometheus:
    """Scrapes each of the jobs, {name: port}, every second; has begun with all of them."""

    def __init__(self, stage, jobs):
        self._jobs = jobs
        self.port = free_ports()[0]
        config = stage.directory / "prometheus.yml"
        scrapes = [{"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                   for name, port in jobs.items()]
        config.write_text(json.dumps(  # which is YAML as well
            {"global": {"scrape_interval": "1s"}, "scrape_configs": scrapes}), encoding="utf-8")
        self.program = stage.program(
            ["/usr/bin/prometheus", f"--config.file={config}",
             f"--storage.tsdb.path={stage.directory / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
             "--enable-feature=exemplar-storage"])
        wait_until(self._is_ready, "Prometheus to be ready", 30)
        self.wait_scraped()

    def _is_ready(self):
        if self.program.has_ended():
            raise RuntimeError(f"Prometheus has ended\n{self.program.describe()}")
        try:
            return self._get("/-/ready")[0] == 200
        except ConnectionError:
            return False

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _api(self, name, **parameters):
        status, body = self._get(f"/api/v1/{name}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(body)
        assert status == 200 and answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """[(labels, value), …] now."""
        return [(sample["metric"], float(sample["value"][1]))
                for sample in self._api("query", query=expression)["result"]]

    def wait_scraped(self, timeout=20):
        """Until every job has been scraped once more, from now on."""
        now = time.time()
        wait_until(lambda: sum(at > now for _, at in self.query("timestamp(up)"))
                   == len(self._jobs), "the next scrape", timeout)

    def exemplars(self, expression, start, end):
        """[(labels of the series, labels of the exemplar, its value, its time), …]"""
        return [(series["seriesLabels"], one["labels"], float(one["value"]), one["timestamp"])
                for series in self._api("query_exemplars", query=expression, start=start, end=end)
                for one in series["exemplars"]]
