// SPDX-License-Identifier: GPL-2.0-only
/* The table is made when the first wait comes. Every byte of an event's key counts. */
#include "src/model/waits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define POOL_MAX (WAITS_MAX - WAITS_MAX / 4)

void waits_fini(struct waits *waits)
{
	free(waits->items);
	memset(waits, 0, sizeof(*waits));
}

static bool is_same(const struct event_wait *a, const struct event_wait *b)
{
	return a->tid == b->tid && a->state == b->state && a->object == b->object &&
	       a->process.tgid == b->process.tgid &&
	       a->process.started_ns == b->process.started_ns &&
	       !memcmp(a->call, b->call, sizeof(a->call)) &&
	       !memcmp(a->text, b->text, sizeof(a->text));
}

/* Of a few fields: the rest is compared. */
static __u32 hash(const struct event_wait *event)
{
	__u32 mixed = event->tid * 31 + event->state;
	__u32 i;

	for (i = 0; i < 8; i++)
		mixed = mixed * 31 + (unsigned char)event->call[i];
	for (i = 0; i < WAIT_TEXT_BYTES && event->text[i]; i++)
		mixed = mixed * 31 + (unsigned char)event->text[i];
	return mixed * 2654435769U >> 16;
}

/* Its slot, or the free one where it belongs: there always is one. */
static __u16 *slot_of(struct waits *waits, const struct event_wait *event)
{
	__u32 at = hash(event) % WAITS_SLOTS;

	while (waits->slots[at] && !is_same(&waits->items[waits->slots[at] - 1], event))
		at = (at + 1) % WAITS_SLOTS;
	return &waits->slots[at];
}

static void add(struct event_wait *sum, const struct event_wait *event)
{
	sum->total_ns += event->total_ns;
	sum->cleanup_ns += event->cleanup_ns;
	sum->samples += event->samples;
}

/* Of nobody: only its header is taken. */
static void add_overflow(struct waits *waits, const struct event_wait *event)
{
	waits->overflow.header = event->header;
	add(&waits->overflow, event);
}

int waits_add(struct waits *waits, const struct event_wait *event)
{
	bool is_first = event->tid == event->process.tgid;
	__u16 *slot;

	if (!event->tid) {
		add_overflow(waits, event);
		return 0;
	}
	if (!waits->items)
		waits->items = calloc(WAITS_MAX, sizeof(*waits->items));
	if (!waits->items)
		return -ENOMEM;
	slot = slot_of(waits, event);
	if (*slot) {
		add(&waits->items[*slot - 1], event);
	} else if (waits->count < (is_first ? WAITS_MAX : POOL_MAX)) {
		waits->items[waits->count++] = *event;
		*slot = (__u16)waits->count;
	} else {
		add_overflow(waits, event);
	}
	return 0;
}

void waits_restart_cleanup(struct waits *waits)
{
	for (size_t i = 0; i < waits->count; i++)
		waits->items[i].cleanup_ns = 0;
	waits->overflow.cleanup_ns = 0;
}
