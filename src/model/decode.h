/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes -> event: the one gate through which foreign bytes enter the model. */
#ifndef SHUTWATCH_DECODE_H
#define SHUTWATCH_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

/* No time and no span in an event is longer (146 years): the sum of two fits into 64 bits. */
#define EVENT_TIME_MAX_NS ((__u64)INT64_MAX / 2)

/* An event of any type. */
union event {
	struct event_header header;
	struct event_signal signal;
	struct event_delivered delivered;
	struct event_process process;
	struct event_exit exit;
	struct event_listener listener;
	struct event_connection connection;
	struct event_service service;
	struct event_program program;
	struct event_known known;
	struct event_counts counts;
	struct event_loss loss;
	struct event_ended ended;
	struct event_arguments arguments;
	struct event_wait wait;
};

/* How many bytes an event of this type has, its header included; 0: EVENT_NONE. */
uint16_t event_size(enum event_type type);

/*
 * Checks that `bytes` hold one whole event: known type, the size of that type, enums and times in
 * range.
 * The event is copied to `ret_event`, aligned, and its size is ret_event->header.size.
 * Returns 0; -EBADMSG: no event of this version. ret_event is untouched on failure.
 */
int decode_event(const void *bytes, size_t size, union event *ret_event);

#endif
