// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks foreign bytes against the wire contract. Everything behind this gate may index tables
 * by an event's enums without a further look.
 */
#include "src/model/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const uint16_t event_sizes[] = {
	[EVENT_SIGNAL] = sizeof(struct event_signal),
	[EVENT_DELIVERED] = sizeof(struct event_delivered),
	[EVENT_PROCESS] = sizeof(struct event_process),
	[EVENT_EXIT] = sizeof(struct event_exit),
	[EVENT_LISTENER] = sizeof(struct event_listener),
	[EVENT_CONNECTION] = sizeof(struct event_connection),
	[EVENT_SERVICE] = sizeof(struct event_service),
	[EVENT_PROGRAM] = sizeof(struct event_program),
	[EVENT_COUNTS] = sizeof(struct event_counts),
	[EVENT_LOSS] = sizeof(struct event_loss),
	[EVENT_ENDED] = sizeof(struct event_ended),
	[EVENT_ARGUMENTS] = sizeof(struct event_arguments),
	[EVENT_WAIT] = sizeof(struct event_wait),
	[EVENT_KNOWN] = sizeof(struct event_known),
};
_Static_assert(sizeof(event_sizes) / sizeof(event_sizes[0]) == EVENT_TYPES, "one size a type");

/* Where an event has times and spans of time, beside its header's. */
#define TIME(event_type, event, field)                                                             \
	{                                                                                          \
		event_type, offsetof(struct event_##event, field)                                  \
	}
static const struct {
	enum event_type type;
	size_t offset;
} times[] = {
	TIME(EVENT_SIGNAL, signal, target.started_ns),
	TIME(EVENT_SIGNAL, signal, sender.started_ns),
	TIME(EVENT_DELIVERED, delivered, process.started_ns),
	TIME(EVENT_PROCESS, process, process.started_ns),
	TIME(EVENT_PROCESS, process, parent.started_ns),
	TIME(EVENT_EXIT, exit, process.started_ns),
	TIME(EVENT_EXIT, exit, parent.started_ns),
	TIME(EVENT_LISTENER, listener, process.started_ns),
	TIME(EVENT_CONNECTION, connection, process.started_ns),
	TIME(EVENT_CONNECTION, connection, arrived_ns),
	TIME(EVENT_CONNECTION, connection, last_data_ns),
	TIME(EVENT_SERVICE, service, grace_ns),
	TIME(EVENT_PROGRAM, program, process.started_ns),
	TIME(EVENT_COUNTS, counts, process.started_ns),
	TIME(EVENT_COUNTS, counts, counts.first_closed_ns),
	TIME(EVENT_COUNTS, counts, counts.last_left_ns[DIRECTION_INBOUND]),
	TIME(EVENT_COUNTS, counts, counts.last_left_ns[DIRECTION_OUTBOUND]),
	TIME(EVENT_COUNTS, counts, counts.last_in_flight_ns),
	TIME(EVENT_COUNTS, counts, counts.last_exit_close_ns),
	TIME(EVENT_COUNTS, counts, counts.last_refused_ns),
	TIME(EVENT_ARGUMENTS, arguments, process.started_ns),
	TIME(EVENT_WAIT, wait, process.started_ns),
	TIME(EVENT_WAIT, wait, total_ns),
	TIME(EVENT_WAIT, wait, cleanup_ns),
	TIME(EVENT_KNOWN, known, process.started_ns),
};

static bool times_are_sound(const union event *event)
{
	__u64 ns;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i].type != event->header.type)
			continue;
		memcpy(&ns, (const char *)event + times[i].offset, sizeof(ns));
		if (ns > EVENT_TIME_MAX_NS)
			return false;
	}
	return event->header.at_ns <= EVENT_TIME_MAX_NS;
}

static bool service_is_sound(const struct event_service *e)
{
	return e->kind <= SERVICE_COMMAND && e->wall_offset_ns <= (__s64)EVENT_TIME_MAX_NS &&
	       e->wall_offset_ns >= -(__s64)EVENT_TIME_MAX_NS;
}

static bool signal_is_sound(const struct event_signal *e)
{
	return e->signal >= 1 && e->signal <= SIGNAL_MAX && e->result <= SIGNAL_LOSE_INFO &&
	       e->disposition <= DISPOSITION_BLOCKED && e->ancestors <= ANCESTRY_MAX;
}

static bool connection_is_sound(const struct event_connection *e)
{
	return e->direction < DIRECTIONS && e->at_signal <= AT_SIGNAL_NEW &&
	       e->closed_by <= CLOSED_BY_KERNEL && e->wire <= WIRE_RST && e->outcome < OUTCOMES &&
	       e->outcome != OUTCOME_NONE;
}

static bool event_is_sound(const union event *event)
{
	switch (event->header.type) {
	case EVENT_SIGNAL:
		return signal_is_sound(&event->signal);
	case EVENT_DELIVERED:
		return event->delivered.signal >= 1 && event->delivered.signal <= SIGNAL_MAX;
	case EVENT_LISTENER:
		return event->listener.change <= LISTENER_CLOSED;
	case EVENT_CONNECTION:
		return connection_is_sound(&event->connection);
	case EVENT_SERVICE:
		return service_is_sound(&event->service);
	case EVENT_LOSS:
		return event->loss.cause < LOSS_CAUSES;
	case EVENT_WAIT:
		return event->wait.state <= WAIT_BLOCKED && event->wait.object <= WAIT_ON_EPOLL &&
		       event->wait.flags <= WAIT_TELLS_CLEANUP;
	case EVENT_ENDED:
		return event->ended.reason <= ENDED_DROPPED &&
		       !(event->ended.flags &
			 ~(__u32)(ENDED_PROVISIONAL | ENDED_STORED | ENDED_RESETS_UNSEEN));
	default:
		return true;
	}
}

static bool size_is_sound(const struct event_header *header)
{
	return header->size == event_sizes[header->type] ||
	       (header->type == EVENT_WAIT && header->size == EVENT_WAIT_SHORT_BYTES);
}

uint16_t event_size(enum event_type type)
{
	return event_sizes[type];
}

int decode_event(const void *bytes, size_t size, union event *ret_event)
{
	struct event_header header;
	union event event;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, bytes, sizeof(header));
	if (header.type == EVENT_NONE || header.type >= EVENT_TYPES)
		return -EBADMSG;
	if (!size_is_sound(&header) || header.size > size)
		return -EBADMSG;
	memset(&event, 0, event_sizes[header.type]);
	memcpy(&event, bytes, header.size);
	event.header.size = event_sizes[header.type];
	if (!event_is_sound(&event) || !times_are_sound(&event))
		return -EBADMSG;
	memcpy(ret_event, &event, event_sizes[header.type]);
	return 0;
}
