// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks foreign bytes against the wire contract. Everything behind this gate may index tables
 * by an event's enums without a further look.
 */
#include "src/model/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const size_t event_sizes[] = {
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
		return event->service.kind <= SERVICE_COMMAND;
	case EVENT_LOSS:
		return event->loss.cause < LOSS_CAUSES;
	case EVENT_WAIT:
		return event->wait.state <= WAIT_BLOCKED && event->wait.object <= WAIT_ON_EPOLL;
	case EVENT_ENDED:
		return event->ended.reason <= ENDED_DROPPED &&
		       !(event->ended.flags &
			 ~(__u32)(ENDED_PROVISIONAL | ENDED_STORED | ENDED_RESETS_UNSEEN));
	default:
		return true;
	}
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
	if (header.size != event_sizes[header.type] || header.size > size)
		return -EBADMSG;
	memcpy(&event, bytes, header.size);
	if (!event_is_sound(&event))
		return -EBADMSG;
	memcpy(ret_event, &event, header.size);
	return 0;
}
