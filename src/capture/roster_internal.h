/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that implement roster.h share: roster.c and roster_restore.c. */
#ifndef SHUTWATCH_ROSTER_INTERNAL_H
#define SHUTWATCH_ROSTER_INTERNAL_H

#include "src/capture/roster.h"

struct roster {
	struct probe *probe;
	struct roster_options options;
	struct service_info **services; /* by number */
	size_t count;
	size_t capacity;
	uint64_t adopting; /* the number that the kernel gave to whom we may know better */
	const struct selector *unmatched;
	uint64_t seedings;
};

/* NULL: not entered. */
struct service_info *roster_service(const struct roster *roster, uint64_t number);
/* Takes it out of the list, and frees it. */
void roster_drop(struct roster *roster, struct service_info *info);
/* Enters the service here, and in the kernel unless the kernel entered it (number 0). */
int roster_enter(struct roster *roster, uint64_t number, struct service_info **ret_info);

/*
 * As roster_seed(), for one process that has just begun to listen. Returns 0; 1: it is not wanted;
 * -ENOENT: it is gone; -errno.
 */
int roster_seed_one(struct roster *roster, const struct event_listener *event);

/* Enters an address on which the service listens. 0 or -errno. */
int roster_enter_listener(struct roster *roster, const struct event_listener *listener,
			  uint64_t number);

#endif
