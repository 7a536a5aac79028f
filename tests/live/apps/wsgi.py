# SPDX-License-Identifier: GPL-2.0-only
"""The same answers as app.py, for WSGI servers: GET /WAIT_MS/BYTES."""

import time


def app(environ, start_response):
    """An answer of that size after that time."""
    _, wait_ms, size = environ["PATH_INFO"].split("/")
    time.sleep(int(wait_ms) / 1000)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", size)])
    return [b"x" * int(size)]
