/* SPDX-License-Identifier: GPL-2.0-only */
/* Typical facts of a connection, for tests to bend. */
#ifndef SHUTWATCH_FACTS_H
#define SHUTWATCH_FACTS_H

#include "bpf/outcome.h"

/* Quiet since long before T0, answered; a close by the application makes it idle. */
static inline struct facts facts_quiet(void)
{
	return (struct facts){
		.received_bytes = 300,
		.sent_bytes = 900,
		.baseline_received_bytes = 300,
		.baseline_sent_bytes = 900,
		.since_received = 5000,
		.since_sent = 4990,
		.since_stop = 100,
		.has_baseline = true,
		.closed_by = CLOSED_BY_APP,
		.wire = WIRE_FIN,
	};
}

/* A request came after T0, its answer not. */
static inline struct facts facts_unanswered(void)
{
	struct facts f = facts_quiet();

	f.received_bytes += 200;
	f.since_received = 10;
	return f;
}

/* The service, as a client, asked after T0 and has no answer. */
static inline struct facts facts_unheeded(void)
{
	struct facts f = facts_quiet();

	f.is_outbound = true;
	f.sent_bytes += 200;
	f.since_sent = 10;
	return f;
}

/* At exit the kernel closes what was left, with nobody waiting. */
static inline struct facts facts_at_exit(void)
{
	struct facts f = facts_quiet();

	f.closed_by = CLOSED_BY_EXIT;
	return f;
}

#endif
