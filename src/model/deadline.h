/* SPDX-License-Identifier: GPL-2.0-only */
/* The three spans, and when they make the record of a shutdown due. */
#ifndef SHUTWATCH_DEADLINE_H
#define SHUTWATCH_DEADLINE_H

#include "src/model/shutdown.h"

struct model_options {
	__u64 settle_ns;
	__u64 patience_ns;
	/* After the last process ended; up to settle_ns: none. With one, a shutdown that outlasts
	 * the patience goes on as well. */
	__u64 reopen_window_ns;
	size_t details_limit; /* per shutdown */
};

/*
 * When the next record should be made, if nothing more happens, and why. The settle time after all
 * is over; after the same time when those that were told to stop have ended and the others just go
 * on; else the patience after T0. Once settled: when nothing about its ports can change any more.
 */
__u64 shutdown_deadline_ns(const struct shutdown *shutdown, const struct model_options *options,
			   enum ended_reason *ret_reason);

/* Will there be another record after the one that is due for this reason? */
bool shutdown_goes_on(const struct shutdown *shutdown, const struct model_options *options,
		      enum ended_reason reason);

#endif
