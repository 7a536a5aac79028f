/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of the connections in an accept queue stay there. Under load some are in it at any moment,
 * for no longer than the server needs to turn to them: that is a queue in flow, and no loss. What
 * is there still a while later waits for a server that does not accept, or not fast enough.
 */
#ifndef SHUTWATCH_STALLED_H
#define SHUTWATCH_STALLED_H

#include <stdbool.h>
#include <stdint.h>

#include "src/analysis/audit.h"

/* One connection, as a line of /proc/PID/net/tcp has it; compared as bytes. */
struct queued_connection {
	char local[36], peer[36]; /* hexadecimal digits, zeros behind */
	uint32_t local_port, peer_port;
};

/*
 * Returns whether the line is of a connection that nobody has accepted: it is established, or its
 * peer has closed it already, and has no inode. Pure.
 */
bool queued_connection_parse(const char *line, struct queued_connection *ret_connection);

/*
 * Fills `stalled` of every listener that has a queue; looks twice then, and takes 0.2 s. Those that
 * share a port of a network namespace are not told apart, and none has more than its `queued`.
 * Returns 0 or -ENOMEM.
 */
int stalled_find(struct audit *audits, size_t n_audits);

#endif
