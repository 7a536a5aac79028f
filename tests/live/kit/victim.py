# SPDX-License-Identifier: GPL-2.0-only
"""A program that will be stopped, and the truth that it prints about itself."""

import json

from kit.clock import wait_until
from kit.process import Program


class Victim(Program):
    """Prints "ready PORT" and, if it is one of ours, a JSON line for each thing that it does."""

    port = None

    def wait_ready(self, timeout=20.0):
        """Until it listens. Returns itself."""
        line = self.out.wait(lambda line: line.startswith(b"ready "), timeout)
        if line is None:
            raise RuntimeError(f"the victim ended before it was ready\n{self.describe()}")
        self.port = int(line.split()[1])
        return self

    def truth(self, event, **fields):
        """All its lines about one kind of event, so far."""
        found = []
        for line in self.out.so_far():
            if line.startswith(b"{"):
                told = json.loads(line)
                if told["event"] == event and all(told[k] == v for k, v in fields.items()):
                    found.append(told)
        return found

    def wait_truth(self, event, count=1, timeout=10.0, **fields):
        """Until it has told so many of these. Returns them."""
        wait_until(lambda: len(self.truth(event, **fields)) >= count or self.has_ended(),
                   f"{count} x {event!r}", timeout)
        found = self.truth(event, **fields)
        if len(found) < count:
            raise RuntimeError(f"the victim ended before it told {event!r}\n{self.describe()}")
        return found

    def only(self, event, **fields):
        """The one line about an event that happens once."""
        if self.has_ended():
            self.out.all()
        found = self.truth(event, **fields)
        if len(found) != 1:
            raise AssertionError(f"{event}: told {len(found)} times\n{self.describe()}")
        return found[0]

    def all_truth(self, event, **fields):
        """After its end: as truth(), once its pipe is closed."""
        self.out.all()
        return self.truth(event, **fields)
