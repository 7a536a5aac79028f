// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which connections are worth a line: those that lost something, then those the service left to
 * chance, then those that were busy or came late; among equals the last to leave.
 *
 * A late reset replaces what was told of the same connection, before it or, from another CPU, just
 * after it. To look for that each time would make 50,000 late resets take minutes. So both are
 * kept until they are sorted, and twice as many as are asked for: a late reset tells more than
 * what it replaces, hence among the first 2 N of all at least N are told for good.
 */
#include "src/model/details.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"

void details_init(struct details *details, size_t limit)
{
	memset(details, 0, sizeof(*details));
	details->limit = limit;
}

void details_fini(struct details *details)
{
	free(details->items);
	memset(details, 0, sizeof(*details));
}

static int rank(const struct event_connection *e)
{
	static const int ranks[OUTCOMES] = {
		[OUTCOME_LATE_RESET] = 9, [OUTCOME_ABANDONED] = 9,   [OUTCOME_CUT] = 9,
		[OUTCOME_RESET] = 9,	  [OUTCOME_UNACCEPTED] = 8,  [OUTCOME_UNDECIDED] = 7,
		[OUTCOME_LEFT_OPEN] = 6,  [OUTCOME_OPEN] = 5,	     [OUTCOME_TIMED_OUT] = 4,
		[OUTCOME_PEER_RESET] = 4, [OUTCOME_HANDED_OVER] = 3,
	};
	int extra = e->at_signal == AT_SIGNAL_IN_FLIGHT ? 2 : e->at_signal == AT_SIGNAL_NEW;

	return ranks[e->outcome] * 4 + extra;
}

/* Above 0: a tells more than b. A total order, so that a replay prints the same bytes. */
static int compare(const struct event_connection *a, const struct event_connection *b)
{
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	if (a->header.at_ns != b->header.at_ns)
		return a->header.at_ns > b->header.at_ns ? 1 : -1;
	if (a->cookie != b->cookie)
		return a->cookie > b->cookie ? 1 : -1;
	return 0;
}

static void swap(struct event_connection *a, struct event_connection *b)
{
	struct event_connection kept = *a;

	*a = *b;
	*b = kept;
}

static void sift_up(struct details *details, size_t at)
{
	struct event_connection *items = details->items;

	while (at > 0 && compare(&items[at], &items[(at - 1) / 2]) < 0) {
		swap(&items[at], &items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct details *details, size_t at)
{
	struct event_connection *items = details->items;

	for (;;) {
		size_t least = at;
		size_t child = 2 * at + 1;

		if (child < details->count && compare(&items[child], &items[least]) < 0)
			least = child;
		if (child + 1 < details->count && compare(&items[child + 1], &items[least]) < 0)
			least = child + 1;
		if (least == at)
			return;
		swap(&items[at], &items[least]);
		at = least;
	}
}

/* Upside down, what is sorted is a heap again. */
static void unsort(struct details *details)
{
	size_t i;

	for (i = 0; i < details->count / 2; i++)
		swap(&details->items[i], &details->items[details->count - 1 - i]);
	details->is_sorted = false;
}

/* How many are kept until they are sorted. */
static size_t room(const struct details *details)
{
	return details->limit > SIZE_MAX / 2 ? SIZE_MAX : details->limit * 2;
}

int details_add(struct details *details, const struct event_connection *event)
{
	int err;

	if (details->is_sorted)
		unsort(details);
	if (event->flags & CONNECTION_REVISED)
		details->has_revised = true;
	if (details->limit == 0)
		return 0;
	if (details->count < room(details)) {
		err = array_reserve((void **)&details->items, &details->capacity, details->count,
				    sizeof(*details->items));
		if (err)
			return err;
		details->items[details->count++] = *event;
		sift_up(details, details->count - 1);
	} else if (compare(event, &details->items[0]) > 0) {
		details->items[0] = *event;
		sift_down(details, 0);
	}
	return 0;
}

/* Of one connection the late reset first. */
static int compare_cookies(const void *left, const void *right)
{
	const struct event_connection *a = left, *b = right;

	if (a->cookie != b->cookie)
		return a->cookie > b->cookie ? 1 : -1;
	return (b->flags & CONNECTION_REVISED) - (a->flags & CONNECTION_REVISED);
}

static void drop_replaced(struct details *details)
{
	struct event_connection *items = details->items;
	size_t i, kept = 0;

	qsort(items, details->count, sizeof(*items), compare_cookies);
	for (i = 0; i < details->count; i++) {
		if (kept && items[kept - 1].cookie == items[i].cookie &&
		    items[kept - 1].flags & CONNECTION_REVISED)
			continue;
		items[kept++] = items[i];
	}
	details->count = kept;
}

static int compare_descending(const void *a, const void *b)
{
	return -compare(a, b);
}

void details_sort(struct details *details)
{
	details->is_sorted = true;
	if (!details->count)
		return;
	if (details->has_revised)
		drop_replaced(details);
	qsort(details->items, details->count, sizeof(*details->items), compare_descending);
	if (details->count > details->limit)
		details->count = details->limit;
}
