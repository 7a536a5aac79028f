# SPDX-License-Identifier: GPL-2.0-only
"""All kinds of servers in the lab."""

from lab import compiled_servers, database_servers, placed_servers, python_servers, web_servers
from lab.server import LATE

KINDS = [kind for module in (python_servers, web_servers, compiled_servers, database_servers,
                             placed_servers) for kind in module.KINDS]


def stops(kinds=None):
    """Every (kind, how, scenario) there is."""
    return [(kind, how, scenario) for kind in kinds or KINDS for how in kind.hows
            for scenario in kind.scenarios if scenario != LATE or "idle" in kind.states]
