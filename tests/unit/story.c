/* SPDX-License-Identifier: GPL-2.0-only */
/* Events with plausible contents. Each call gives a new one; nothing is remembered. */
#include "tests/unit/story.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

uint64_t story_ns(int64_t at_ms)
{
	return STORY_T0 + (uint64_t)(at_ms * STORY_MS);
}

struct process_id story_id(uint32_t pid)
{
	return (struct process_id){ .tgid = pid, .started_ns = 1000000 + pid };
}

union event story_event(enum event_type type, int64_t at_ms)
{
	union event event;

	memset(&event, 0, sizeof(event));
	event.header.type = (uint16_t)type;
	event.header.size = event_size(type);
	event.header.at_ns = story_ns(at_ms);
	event.header.service = 1;
	event.header.generation = 1;
	return event;
}

union event story_signal(int64_t at_ms, uint32_t target, int signal, uint32_t sender,
			 uint32_t flags)
{
	union event event = story_event(EVENT_SIGNAL, at_ms);

	event.signal.target = story_id(target);
	event.signal.sender = story_id(sender);
	event.signal.signal = (uint8_t)signal;
	event.signal.flags = flags;
	event.signal.disposition = signal == SIGKILL ? DISPOSITION_DEFAULT : DISPOSITION_HANDLER;
	event.signal.ancestors = 1;
	strcpy(event.signal.ancestry[0], sender == STORY_SYSTEMD ? "systemd" : "python3");
	strcpy(event.signal.target_comm, "python3");
	return event;
}

union event story_delivered(int64_t at_ms, uint32_t pid, int signal)
{
	union event event = story_event(EVENT_DELIVERED, at_ms);

	event.delivered.process = story_id(pid);
	event.delivered.signal = (uint8_t)signal;
	return event;
}

union event story_process(uint32_t pid, uint32_t parent)
{
	union event event = story_event(EVENT_PROCESS, 0);

	event.process.process = story_id(pid);
	event.process.parent = story_id(parent);
	event.process.ns_pid = pid;
	strcpy(event.process.comm, "python3");
	return event;
}

union event story_exit(int64_t at_ms, uint32_t pid, uint32_t status)
{
	union event event = story_event(EVENT_EXIT, at_ms);

	event.exit.process = story_id(pid);
	event.exit.status = status;
	strcpy(event.exit.comm, "python3");
	return event;
}

union event story_listener(int64_t at_ms, enum listener_change change, uint16_t port)
{
	union event event = story_event(EVENT_LISTENER, at_ms);

	event.listener.cookie = 100000 + port;
	event.listener.family = AF_INET;
	event.listener.port = port;
	event.listener.netns = 4026531840;
	event.listener.change = (uint8_t)change;
	event.listener.address[10] = 0xff;
	event.listener.address[11] = 0xff;
	return event;
}

union event story_connection(int64_t at_ms, uint64_t cookie, enum connection_outcome outcome)
{
	union event event = story_event(EVENT_CONNECTION, at_ms);

	event.connection.cookie = cookie;
	event.connection.outcome = (uint8_t)outcome;
	event.connection.at_signal = AT_SIGNAL_IDLE;
	event.connection.closed_by = CLOSED_BY_APP;
	event.connection.wire = WIRE_FIN;
	event.connection.family = AF_INET;
	return event;
}

union event story_ended(int64_t at_ms, enum ended_reason reason)
{
	union event event = story_event(EVENT_ENDED, at_ms);

	event.ended.reason = reason;
	return event;
}

struct shutdown *story_begin(void)
{
	struct shutdown *shutdown = shutdown_new(1, 1, STORY_T0, 1000);

	if (!shutdown)
		abort();
	return shutdown;
}

void story_tell(struct shutdown *shutdown, union event event)
{
	assert_int_equal(shutdown_apply(shutdown, &event), 0);
}
