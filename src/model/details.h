/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The most telling connections of a shutdown: a bounded heap with the least telling on top; which
 * they are shows when it is sorted. Counts never come from here.
 */
#ifndef SHUTWATCH_DETAILS_H
#define SHUTWATCH_DETAILS_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/events.h"

#define DETAILS_DEFAULT 1000

struct details {
	struct event_connection *items; /* a heap, or sorted: then at most `limit` */
	size_t count;
	size_t capacity;
	size_t limit;
	bool is_sorted;
	bool has_revised; /* a late reset replaces one that may be among the items */
};

void details_init(struct details *details, size_t limit);
void details_fini(struct details *details);

/* Keeps the connection if it tells more than one that is kept. Returns 0 or -ENOMEM. */
int details_add(struct details *details, const struct event_connection *event);

/* The most telling first; the same for the same connections, in whatever order they came. */
void details_sort(struct details *details);

#endif
