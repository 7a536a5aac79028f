// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sorts the waits, gives each its share of its thread, says who kept an event loop waiting, and
 * which one is worth telling.
 */
#include "src/analysis/waits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARKED_SHARE 0.9 /* of its time: a look or two may find it on its way, or at work */

static void copy_text(char *to, size_t to_size, const char *from, size_t from_size)
{
	size_t size = strnlen(from, from_size);

	if (size >= to_size)
		size = to_size - 1;
	memcpy(to, from, size);
	to[size] = '\0';
}

/*
 * How many inbound connections were open for at least half as long as the thread waited: those
 * that it waited for, and not the ones that came and went meanwhile.
 */
static uint64_t inbound_open(const struct record *r, int64_t total_ns)
{
	uint64_t open = r->directions[DIRECTION_INBOUND].outcomes[OUTCOME_OPEN];
	size_t i;

	for (i = 0; i < r->n_details; i++) {
		const struct record_connection *c = &r->details[i];
		int64_t arrived_ns = c->arrived_at_ns == TIME_UNKNOWN ? 0 : c->arrived_at_ns;

		if (c->direction != DIRECTION_INBOUND || c->outcome == OUTCOME_OPEN)
			continue;
		if (c->closed_at_ns == TIME_UNKNOWN || c->closed_at_ns - arrived_ns >= total_ns / 2)
			open++;
	}
	return open;
}

static void tell_epoll(const struct record *r, struct record_wait *wait)
{
	uint64_t open = inbound_open(r, wait->total_ns);

	if (!r->has_connections || (!open && r->details_omitted))
		return; /* nobody knows */
	snprintf(wait->text, sizeof(wait->text), "%s%" PRIu64 " inbound connection%s open",
		 r->details_omitted ? "at least " : "", open, open == 1 ? "" : "s");
}

/* As far as the stop had one: what left last may have been seen after the last look. */
static int64_t cleanup_of(const struct record *r, const struct event_wait *from)
{
	int64_t most = r->timing.cleanup_ns;

	if (!(from->flags & WAIT_TELLS_CLEANUP) || most == TIME_UNKNOWN)
		return TIME_UNKNOWN;
	return from->cleanup_ns < (uint64_t)most ? (int64_t)from->cleanup_ns : most;
}

static void build_wait(const struct record *r, const struct event_wait *from,
		       struct record_wait *to)
{
	to->pid = from->process.tgid;
	to->tid = from->tid;
	to->is_main = from->tid && from->tid == from->process.tgid;
	copy_text(to->comm, sizeof(to->comm), from->comm, sizeof(from->comm));
	to->state = from->state;
	copy_text(to->call, sizeof(to->call), from->call, sizeof(from->call));
	to->object = from->object;
	copy_text(to->text, sizeof(to->text), from->text, sizeof(from->text));
	to->total_ns = from->total_ns < INT64_MAX ? (int64_t)from->total_ns : INT64_MAX;
	to->cleanup_ns = cleanup_of(r, from);
	to->samples = from->samples;
	if (to->object == WAIT_ON_EPOLL && to->is_main)
		tell_epoll(r, to);
}

static double share_of(const struct waits *waits, const struct event_wait *wait)
{
	double all = 0;
	size_t i;

	for (i = 0; i < waits->count; i++) {
		const struct event_wait *other = &waits->items[i];

		if (other->tid == wait->tid && process_id_equal(&other->process, &wait->process))
			all += (double)other->total_ns;
	}
	return all > 0 ? (double)wait->total_ns / all : 0;
}

/* A total order, so that a replay gives the same bytes. */
static int compare(const void *left, const void *right)
{
	const struct record_wait *a = left, *b = right;
	int texts;

	if (a->total_ns != b->total_ns)
		return a->total_ns < b->total_ns ? 1 : -1;
	if (a->pid != b->pid)
		return a->pid > b->pid ? 1 : -1;
	if (a->tid != b->tid)
		return a->tid > b->tid ? 1 : -1;
	if (a->state != b->state)
		return a->state > b->state ? 1 : -1;
	texts = strcmp(a->call, b->call);
	return texts ? texts : strcmp(a->text, b->text);
}

int waits_of(const struct shutdown *shutdown, struct record *record)
{
	const struct waits *waits = &shutdown->waits;
	size_t i;

	if (!waits->count && !waits->overflow.samples)
		return 0;
	record->waits = calloc(waits->count + 1, sizeof(*record->waits));
	if (!record->waits)
		return -ENOMEM;
	record->has_waits = true;
	record->n_waits = waits->count;
	for (i = 0; i < waits->count; i++) {
		build_wait(record, &waits->items[i], &record->waits[i]);
		record->waits[i].share = share_of(waits, &waits->items[i]);
	}
	if (waits->overflow.samples) {
		build_wait(record, &waits->overflow, &record->waits[record->n_waits]);
		record->waits[record->n_waits++].share = -1;
	}
	qsort(record->waits, record->n_waits, sizeof(*record->waits), compare);
	return 0;
}

bool wait_is_parked(const struct record_wait *wait)
{
	return wait->object == WAIT_ON_FUTEX && wait->state == WAIT_SLEEPING &&
	       wait->share >= PARKED_SHARE;
}

int64_t wait_in(const struct record_wait *wait, enum wait_phase phase)
{
	int64_t ns = phase == WAIT_IN_CLEANUP ? wait->cleanup_ns : wait->total_ns;

	return ns > 0 ? ns : 0; /* TIME_UNKNOWN is negative */
}

static bool has_connections(const struct record *record, uint32_t pid)
{
	for (size_t i = 0; i < record->n_details; i++) {
		if (record->details[i].pid == pid)
			return true;
	}
	return false;
}

/* The lower, the more it tells. */
static int rank_of(const struct record *record, const struct record_wait *wait)
{
	bool is_loop = wait->object == WAIT_ON_EPOLL || wait->object == WAIT_ON_NOTHING;

	if (wait->state != WAIT_SLEEPING) /* it works, or the kernel does for it */
		is_loop = false;
	return 4 * wait_is_parked(wait) + 2 * !has_connections(record, wait->pid) + is_loop;
}

const struct record_wait *waits_blocker(const struct record *record, enum wait_phase phase)
{
	const struct record_wait *best = NULL;
	int64_t longest = 0;

	for (size_t i = 0; i < record->n_waits; i++) {
		if (record->waits[i].tid && wait_in(&record->waits[i], phase) > longest)
			longest = wait_in(&record->waits[i], phase);
	}
	for (size_t i = 0; longest && i < record->n_waits; i++) {
		const struct record_wait *wait = &record->waits[i];
		int64_t ns = wait_in(wait, phase);
		int order;

		if (!wait->tid || !ns || ns < longest / 2)
			continue;
		order = best ? rank_of(record, wait) - rank_of(record, best) : -1;
		if (order < 0 || (!order && ns > wait_in(best, phase)))
			best = wait;
	}
	return best;
}
