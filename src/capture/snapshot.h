/* SPDX-License-Identifier: GPL-2.0-only */
/* What a service is and holds at the moment it is told to stop. */
#ifndef SHUTWATCH_SNAPSHOT_H
#define SHUTWATCH_SNAPSHOT_H

#include "src/capture/probe.h"
#include "src/capture/roster.h"

/*
 * Taken as soon as a service is armed: tags its sockets, and feeds EVENT_SERVICE, EVENT_PROCESS,
 * EVENT_PROGRAM, EVENT_LISTENER and, if asked for, EVENT_ARGUMENTS to the sink. 0 or -errno.
 */
int snapshot_take(struct probe *probe, const struct service_info *service,
		  const struct target *target, bool with_arguments, probe_sink sink, void *context);

/*
 * Only EVENT_SERVICE: for a shutdown whose beginning was missed. `service` NULL: nothing is known
 * of it. Returns 0 or -errno of the sink.
 */
int snapshot_tell_service(const struct service_info *service, const struct target *target,
			  probe_sink sink, void *context);

#endif
