/* SPDX-License-Identifier: GPL-2.0-only */
/* What a service is and holds at the moment it is told to stop. */
#ifndef SHUTWATCH_SNAPSHOT_H
#define SHUTWATCH_SNAPSHOT_H

#include "src/capture/probe.h"
#include "src/capture/roster.h"

struct snapshot {
	struct target target;
	struct event_process *members;
	size_t n_members;
	size_t capacity;
};

/*
 * As soon as a service is armed: lists its members and tags what they hold; EVENT_LISTENER goes to
 * the probe's sink. Returns 0 or -errno; then there is nothing for snapshot_fini().
 */
int snapshot_begin(struct probe *probe, const struct target *target, struct snapshot *ret_snapshot);

/*
 * Of all that have begun: tags what waits in their accept queues, and what is seen from then on
 * was not there at T0. Returns 0 or -errno.
 */
int snapshot_end_all(struct probe *probe, const struct snapshot *snapshots, size_t count);

/*
 * Feeds EVENT_PROCESS, EVENT_PROGRAM, EVENT_KNOWN, EVENT_LISTENER (of Unix sockets), if asked for
 * EVENT_ARGUMENTS, and EVENT_SERVICE to the sink. Returns 0 or -errno.
 */
int snapshot_tell(const struct snapshot *snapshot, const struct service_info *service,
		  bool with_arguments, probe_sink sink, void *context);
void snapshot_fini(struct snapshot *snapshot);

/*
 * Only EVENT_SERVICE: for a shutdown whose beginning was missed. `service` NULL: nothing is known
 * of it. Returns 0 or -errno of the sink.
 */
int snapshot_tell_service(const struct service_info *service, const struct target *target,
			  probe_sink sink, void *context);

#endif
