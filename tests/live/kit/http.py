# SPDX-License-Identifier: GPL-2.0-only
"""Just enough HTTP/1.1 to know whether an answer is whole."""

_MAX_HEAD = 65536


def request(path, keep_alive=True):
    """The bytes of a GET."""
    last = "" if keep_alive else "Connection: close\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n{last}\r\n".encode()


class Answer:
    """One answer, fed as it comes: head, then Content-Length bytes, or chunks up to the last."""

    def __init__(self):
        self._head = b""
        self._left = None       # bytes of the body to come; None: head not whole yet, or chunked
        self._is_chunked = False
        self._tail = b""

    def feed(self, data):
        """Takes the bytes of at most this answer."""
        if self._left is None and not self._is_chunked:
            data = self._feed_head(data)
        if self._is_chunked:
            self._tail = (self._tail + data)[-7:]
        elif self._left is not None:
            self._left -= len(data)

    def _feed_head(self, data):
        head, end, body = (self._head + data).partition(b"\r\n\r\n")
        if not end:
            if len(head) > _MAX_HEAD:
                raise ValueError("no end of the head of an answer")
            self._head = head
            return b""
        for line in head.lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                self._left = int(value)
            elif name == b"transfer-encoding" and value.strip() == b"chunked":
                self._is_chunked = True
                self._tail = b"\r\n"
        if self._left is None and not self._is_chunked:
            raise ValueError(f"cannot tell how long this answer is: {head!r}")
        return body

    def is_whole(self):
        """All of it is there."""
        if self._is_chunked:
            return self._tail == b"\r\n0\r\n\r\n"
        return self._left is not None and self._left <= 0
