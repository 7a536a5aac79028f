/* SPDX-License-Identifier: GPL-2.0-only */
/* The gate for foreign bytes: sizes, types, and each enum at both sides of its limit. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/model/decode.h"
#include "tests/unit/story.h"

/* The smallest values that are sound for every type. */
static union event sound(enum event_type type)
{
	union event event = story_event(type, 0);

	if (type == EVENT_SIGNAL)
		event.signal.signal = SIGTERM;
	else if (type == EVENT_DELIVERED)
		event.delivered.signal = SIGTERM;
	else if (type == EVENT_CONNECTION)
		event.connection.outcome = OUTCOME_IDLE;
	return event;
}

/* Bytes of exactly that size at an odd address, so that a byte too many is found. */
static int decode_exactly(const void *bytes, size_t size, union event *ret_event)
{
	_cleanup_free_ char *copy = malloc(size + 1);

	assert_non_null(copy);
	memcpy(copy + 1, bytes, size);
	return decode_event(copy + 1, size, ret_event);
}

static void assert_refused(const void *bytes, size_t size)
{
	union event event, before;

	memset(&event, 0xa5, sizeof(event));
	before = event;
	assert_int_equal(decode_exactly(bytes, size, &event), -EBADMSG);
	assert_memory_equal(&event, &before, sizeof(event));
}

/* A recording made before a field was added is read, without that field. */
static void test_short_wait(void **state)
{
	union event event = sound(EVENT_WAIT), decoded;

	(void)state;
	memset(&decoded, 0xa5, sizeof(decoded));
	event.wait.total_ns = 7;
	event.header.size = EVENT_WAIT_SHORT_BYTES;
	assert_int_equal(decode_exactly(&event, event.header.size, &decoded), 0);
	assert_int_equal(decoded.header.size, sizeof(struct event_wait));
	assert_int_equal(decoded.wait.total_ns, 7);
	assert_int_equal(decoded.wait.cleanup_ns, 0);
	event.header.size++;
	assert_refused(&event, event.header.size);
	event = sound(EVENT_SIGNAL);
	event.header.size -= 8;
	assert_refused(&event, event.header.size);
}

static void test_sound(void **state)
{
	(void)state;
	for (int type = EVENT_NONE + 1; type < EVENT_TYPES; type++) {
		union event event = sound(type), decoded, expected;

		memset(&decoded, 0xa5, sizeof(decoded));
		expected = decoded;
		memcpy(&expected, &event, event.header.size);
		assert_int_equal(decode_exactly(&event, event.header.size, &decoded), 0);
		assert_memory_equal(&decoded, &expected, sizeof(decoded));
		/* A ring buffer may hold more than the event. */
		assert_int_equal(decode_event(&event, sizeof(event), &decoded), 0);
	}
}

static void test_too_short(void **state)
{
	(void)state;
	for (int type = EVENT_NONE + 1; type < EVENT_TYPES; type++) {
		union event event = sound(type);

		for (size_t size = 0; size < event.header.size; size++)
			assert_refused(&event, size);
	}
}

static void test_wrong_size(void **state)
{
	(void)state;
	for (int type = EVENT_NONE + 1; type < EVENT_TYPES; type++) {
		union event event = sound(type);
		const uint16_t right = event.header.size;
		const uint16_t wrong[] = { 0, 1, 31, 32, right - 1, right + 1, UINT16_MAX };

		for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
			event.header.size = wrong[i];
			assert_refused(&event, sizeof(event));
		}
	}
}

static void test_unknown_type(void **state)
{
	static const uint16_t types[] = { EVENT_NONE, EVENT_TYPES, EVENT_TYPES + 1, UINT16_MAX };
	union event event;

	(void)state;
	memset(&event, 0, sizeof(event));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		event.header.type = types[i];
		event.header.size = sizeof(event.header);
		assert_refused(&event, sizeof(event));
		event.header.size = 0;
		assert_refused(&event, sizeof(event));
	}
}

struct limit {
	const char *name;
	enum event_type type;
	size_t offset;
	size_t bytes;
	uint32_t least;
	uint32_t most;
};

#define LIMIT(event_type, event, field, from, to)                                                  \
	{                                                                                          \
#event "." #field, event_type, offsetof(struct event_##event, field),              \
			sizeof(((struct event_##event *)NULL)->field), from, to                    \
	}

static const struct limit limits[] = {
	LIMIT(EVENT_SIGNAL, signal, signal, 1, SIGNAL_MAX),
	LIMIT(EVENT_SIGNAL, signal, result, 0, SIGNAL_LOSE_INFO),
	LIMIT(EVENT_SIGNAL, signal, disposition, 0, DISPOSITION_BLOCKED),
	LIMIT(EVENT_SIGNAL, signal, ancestors, 0, ANCESTRY_MAX),
	LIMIT(EVENT_DELIVERED, delivered, signal, 1, SIGNAL_MAX),
	LIMIT(EVENT_LISTENER, listener, change, 0, LISTENER_CLOSED),
	LIMIT(EVENT_CONNECTION, connection, direction, 0, DIRECTIONS - 1),
	LIMIT(EVENT_CONNECTION, connection, at_signal, 0, AT_SIGNAL_NEW),
	LIMIT(EVENT_CONNECTION, connection, closed_by, 0, CLOSED_BY_KERNEL),
	LIMIT(EVENT_CONNECTION, connection, wire, 0, WIRE_RST),
	LIMIT(EVENT_CONNECTION, connection, outcome, OUTCOME_NONE + 1, OUTCOMES - 1),
	LIMIT(EVENT_SERVICE, service, kind, 0, SERVICE_COMMAND),
	LIMIT(EVENT_LOSS, loss, cause, 0, LOSS_CAUSES - 1),
	LIMIT(EVENT_ENDED, ended, reason, 0, ENDED_DROPPED),
	LIMIT(EVENT_ENDED, ended, flags, 0, ENDED_PROVISIONAL | ENDED_STORED | ENDED_RESETS_UNSEEN),
};

/* Little-endian, as both machines that BPF programs are built for. */
static union event with(const struct limit *limit, uint32_t value)
{
	union event event = sound(limit->type);

	memcpy((char *)&event + limit->offset, &value, limit->bytes);
	return event;
}

static void check(const struct limit *limit, uint32_t value, int expected)
{
	union event event = with(limit, value), decoded;
	int err = decode_event(&event, event.header.size, &decoded);

	if (err != expected)
		print_error("%s = %u: %d\n", limit->name, value, err);
	assert_int_equal(err, expected);
	if (err)
		assert_refused(&event, event.header.size);
	else
		assert_memory_equal(&decoded, &event, event.header.size);
}

static void test_enums(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit *limit = &limits[i];

		check(limit, limit->least, 0);
		check(limit, limit->most, 0);
		check(limit, limit->most + 1, -EBADMSG);
		check(limit, limit->bytes == 1 ? UINT8_MAX : UINT32_MAX, -EBADMSG);
		if (limit->least)
			check(limit, limit->least - 1, -EBADMSG);
	}
}

static void assert_time(union event *event, size_t offset)
{
	const uint64_t most = EVENT_TIME_MAX_NS, more = most + 1, all = UINT64_MAX;
	union event decoded;

	memcpy((char *)event + offset, &most, sizeof(most));
	assert_int_equal(decode_event(event, event->header.size, &decoded), 0);
	memcpy((char *)event + offset, &more, sizeof(more));
	assert_refused(event, event->header.size);
	memcpy((char *)event + offset, &all, sizeof(all));
	assert_refused(event, event->header.size);
}

/* A recording may say anything; what is computed from its times must not overflow. */
static void test_times(void **state)
{
	union event event;

	(void)state;
	for (int type = EVENT_NONE + 1; type < EVENT_TYPES; type++) {
		event = sound(type);
		assert_time(&event, offsetof(struct event_header, at_ns));
	}
	event = sound(EVENT_EXIT);
	assert_time(&event, offsetof(struct event_exit, process.started_ns));
	event = sound(EVENT_CONNECTION);
	assert_time(&event, offsetof(struct event_connection, arrived_ns));
	event = sound(EVENT_COUNTS);
	assert_time(&event, offsetof(struct event_counts, counts.last_refused_ns));
	event = sound(EVENT_SERVICE);
	event.service.wall_offset_ns = -(int64_t)EVENT_TIME_MAX_NS - 1;
	assert_refused(&event, event.header.size);
	event.service.wall_offset_ns = -(int64_t)EVENT_TIME_MAX_NS;
	assert_int_equal(decode_event(&event, event.header.size, &event), 0);
	event.service.wall_offset_ns = (int64_t)EVENT_TIME_MAX_NS + 1;
	assert_refused(&event, event.header.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),	     cmocka_unit_test(test_short_wait),
		cmocka_unit_test(test_too_short),    cmocka_unit_test(test_wrong_size),
		cmocka_unit_test(test_unknown_type), cmocka_unit_test(test_enums),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
