/* SPDX-License-Identifier: GPL-2.0-only */
/* What the threads of a stopping service did, added up: a bounded table of distinct waits. */
#ifndef SHUTWATCH_MODEL_WAITS_H
#define SHUTWATCH_MODEL_WAITS_H

#include <stddef.h>

#include "bpf/events.h"

#define WAITS_MAX 256
#define WAITS_SLOTS 1024 /* a power of two, well above WAITS_MAX */

struct waits {
	struct event_wait *items; /* WAITS_MAX of them, or NULL as long as there is none */
	size_t count;
	__u16 slots[WAITS_SLOTS];   /* hashed: index of the item + 1; 0: free */
	struct event_wait overflow; /* the sum of those that found no room; tid 0 */
};

void waits_fini(struct waits *waits);

/*
 * Adds time and samples to what the same thread did before in the same state, call and object, or
 * enters it. A quarter of the table is for first threads of processes alone: of a large pool the
 * rest is counted in `overflow`. Returns 0 or -ENOMEM.
 */
int waits_add(struct waits *waits, const struct event_wait *event);

/* What was counted as clean-up so far was none: a client has left since. */
void waits_restart_cleanup(struct waits *waits);

#endif
