/* SPDX-License-Identifier: GPL-2.0-only */
/* What threads waited for: added up, bounded, sorted; which one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/analysis/build.h"
#include "src/analysis/waits.h"
#include "tests/unit/story.h"

static union event wait_of(uint32_t pid, uint32_t tid, const char *call, int64_t total_ms)
{
	union event event = story_event(EVENT_WAIT, 1000);

	event.wait.process = story_id(pid);
	event.wait.tid = tid;
	event.wait.total_ns = (uint64_t)(total_ms * STORY_MS);
	event.wait.samples = 1;
	snprintf(event.wait.comm, sizeof(event.wait.comm), "worker");
	snprintf(event.wait.call, sizeof(event.wait.call), "%s", call);
	return event;
}

static struct record build(struct shutdown *s)
{
	static const struct host here = { .name = "web-1" };
	struct record record;

	story_tell(s, story_ended(2000, ENDED_SETTLED));
	assert_int_equal(record_build(s, &here, &record), 0);
	shutdown_free(s);
	return record;
}

static void test_nobody_looked(void **state)
{
	struct record record = build(story_begin());

	(void)state;
	assert_false(record.has_waits);
	assert_int_equal(record.n_waits, 0);
	record_fini(&record);
}

/* Two processes, three threads; what is told twice is added up. */
static void test_longest_first(void **state)
{
	struct shutdown *s = story_begin();
	union event file = wait_of(10, 11, "fdatasync", 400);
	struct record record;

	(void)state;
	strcpy(file.wait.text, "/var/lib/x/db");
	file.wait.object = WAIT_ON_FILE;
	file.wait.state = WAIT_BLOCKED;
	story_tell(s, wait_of(10, 10, "wait4", 250));
	story_tell(s, file);
	story_tell(s, wait_of(20, 20, "wait4", 900));
	story_tell(s, wait_of(10, 10, "wait4", 500));
	story_tell(s, wait_of(10, 10, "nanosleep", 250));
	record = build(s);
	assert_true(record.has_waits);
	assert_int_equal(record.n_waits, 4);
	assert_int_equal(record.waits[0].pid, 20);
	assert_int_equal(record.waits[1].total_ns, 750 * STORY_MS);
	assert_int_equal(record.waits[1].samples, 2);
	assert_true(record.waits[1].is_main);
	assert_true(record.waits[1].share == 0.75);
	assert_string_equal(record.waits[2].text, "/var/lib/x/db");
	assert_string_equal(record.waits[2].call, "fdatasync");
	assert_string_equal(record.waits[2].comm, "worker");
	assert_int_equal(record.waits[2].state, WAIT_BLOCKED);
	assert_false(record.waits[2].is_main);
	assert_true(record.waits[2].share == 1);
	assert_string_equal(record.waits[3].call, "nanosleep");
	record_fini(&record);
}

/* The same call on another object, in another state, or of a later process is another wait. */
static void test_distinct(void **state)
{
	struct shutdown *s = story_begin();
	union event event = wait_of(10, 10, "read", 1);

	(void)state;
	story_tell(s, event);
	strcpy(event.wait.text, "pipe:[7]");
	story_tell(s, event);
	event.wait.object = WAIT_ON_PIPE;
	story_tell(s, event);
	event.wait.state = WAIT_BLOCKED;
	story_tell(s, event);
	event.wait.process.started_ns++;
	story_tell(s, event);
	assert_int_equal(s->waits.count, 5);
	shutdown_free(s);
}

/* A pool larger than the table: nothing is lost from the sums, and main threads have room. */
static void test_bounded(void **state)
{
	struct shutdown *s = story_begin();
	struct record record;
	int64_t total_ns = 0;
	size_t i, others = 0;

	(void)state;
	for (i = 1; i <= 1000; i++)
		story_tell(s, wait_of(10, 10 + (uint32_t)i, "futex", 2));
	for (i = 0; i < 64; i++)
		story_tell(s, wait_of(2000 + (uint32_t)i, 2000 + (uint32_t)i, "pause", 2));
	assert_int_equal(s->waits.count, WAITS_MAX);
	story_tell(s, wait_of(3000, 3000, "pause", 2));
	record = build(s);
	assert_int_equal(record.n_waits, WAITS_MAX + 1);
	assert_int_equal(record.waits[0].total_ns, (808 + 1) * 2 * STORY_MS);
	for (i = 0; i < record.n_waits; i++) {
		total_ns += record.waits[i].total_ns;
		others += record.waits[i].tid == 0;
	}
	assert_int_equal(total_ns, 1065 * 2 * STORY_MS);
	assert_int_equal(others, 1);
	assert_int_equal(record.waits[0].tid, 0);
	assert_int_equal(record.waits[0].samples, 809);
	assert_true(record.waits[0].share == -1);
	record_fini(&record);
}

/* In whatever order the waits come, the record is the same. */
static void test_order(void **state)
{
	static const char *const calls[] = { "wait4", "read", "futex", "pause" };
	struct record records[2];
	size_t i;

	(void)state;
	for (size_t turn = 0; turn < 2; turn++) {
		struct shutdown *s = story_begin();

		for (i = 0; i < 4; i++)
			story_tell(s, wait_of(10, 10, calls[turn ? 3 - i : i], 7));
		records[turn] = build(s);
	}
	for (i = 0; i < 4; i++)
		assert_string_equal(records[0].waits[i].call, records[1].waits[i].call);
	record_fini(&records[0]);
	record_fini(&records[1]);
}

/* --- whom an event loop waited for ---------------------------------------------------------- */

static struct record with_connections(const int64_t *left_ms, size_t count, int64_t waited_ms)
{
	struct shutdown *s = story_begin();
	union event loop = wait_of(10, 10, "epoll_wait", waited_ms);
	union event counts = story_event(EVENT_COUNTS, 2000);

	loop.wait.object = WAIT_ON_EPOLL;
	for (size_t i = 0; i < count; i++)
		story_tell(s, story_connection(left_ms[i], i + 1, OUTCOME_IDLE));
	counts.counts.counts.open[DIRECTION_INBOUND] = (uint32_t)count;
	counts.counts.counts.outcomes[DIRECTION_INBOUND][OUTCOME_IDLE] = (uint32_t)count;
	story_tell(s, counts);
	story_tell(s, loop);
	return build(s);
}

static void test_epoll(void **state)
{
	static const int64_t left_ms[] = { 10, 4900, 5100, 9900 };
	struct record record = with_connections(left_ms, 4, 9900);

	(void)state;
	assert_string_equal(record.waits[0].text, "2 inbound connections open");
	record_fini(&record);
	record = with_connections(left_ms, 3, 9900);
	assert_string_equal(record.waits[0].text, "1 inbound connection open");
	record_fini(&record);
	record = with_connections(left_ms, 1, 9900);
	assert_string_equal(record.waits[0].text, "0 inbound connections open");
	record_fini(&record);
}

/* --- which one is told ----------------------------------------------------------------------- */

static struct record blocked(const struct record_wait *waits, size_t count)
{
	struct record record = { .n_waits = count };

	record.waits = calloc(count, sizeof(*waits));
	assert_non_null(record.waits);
	memcpy(record.waits, waits, count * sizeof(*waits));
	return record;
}

/* The one that works is told, if it took half of the time at least. */
static void test_blocker(void **state)
{
	static const struct record_wait waits[] = {
		{ .pid = 10, .tid = 0, .object = WAIT_ON_SOCKET, .total_ns = 99 * STORY_MS },
		{ .pid = 10,
		  .tid = 12,
		  .object = WAIT_ON_FUTEX,
		  .share = 1,
		  .total_ns = 10 * STORY_MS },
		{ .pid = 10,
		  .tid = 10,
		  .object = WAIT_ON_EPOLL,
		  .share = 1,
		  .total_ns = 10 * STORY_MS },
		{ .pid = 10,
		  .tid = 11,
		  .object = WAIT_ON_SOCKET,
		  .share = 1,
		  .total_ns = 5 * STORY_MS },
		{ .pid = 9,
		  .tid = 9,
		  .object = WAIT_ON_CHILD,
		  .share = 1,
		  .total_ns = 10 * STORY_MS },
	};
	struct record_connection client = { .direction = DIRECTION_INBOUND, .pid = 10 };
	struct record record = blocked(waits, 5);

	(void)state;
	record.details = &client;
	record.n_details = 1;
	assert_int_equal(waits_blocker(&record, WAIT_IN_ALL)->tid, 11);
	record.waits[3].total_ns--;
	assert_int_equal(waits_blocker(&record, WAIT_IN_ALL)->tid, 10);
	record.waits[2].total_ns = 0;
	assert_int_equal(waits_blocker(&record, WAIT_IN_ALL)->tid, 9); /* waits for the pool */
	record.waits[4].total_ns = 0;
	assert_int_equal(waits_blocker(&record, WAIT_IN_ALL)->tid, 12);
	record.waits[1].share = 0.9; /* now and then it had work */
	assert_int_equal(waits_blocker(&record, WAIT_IN_ALL)->tid, 12);
	assert_null(waits_blocker(&record, WAIT_IN_CLEANUP));
	record.waits[2].cleanup_ns = 1;
	assert_int_equal(waits_blocker(&record, WAIT_IN_CLEANUP)->tid, 10);
	free(record.waits);
}

/* No more of it can be in the clean-up than that took; of an old recording nobody knows. */
static void test_cleanup(void **state)
{
	static const struct host here = { .name = "web-1" };
	struct shutdown *s = story_begin();
	union event event = wait_of(10, 10, "fsync", 500);
	union event gone = story_event(EVENT_EXIT, 1500);
	struct record record;

	(void)state;
	event.wait.flags = WAIT_TELLS_CLEANUP;
	event.wait.cleanup_ns = 200 * STORY_MS;
	story_tell(s, event);
	story_tell(s, event);
	story_tell(s, wait_of(10, 11, "read", 500));
	gone.exit.process = story_id(10);
	story_tell(s, gone);
	story_tell(s, story_ended(2000, ENDED_SETTLED));
	assert_int_equal(record_build(s, &here, &record), 0);
	assert_true(record.timing.cleanup_ns > 400 * STORY_MS);
	assert_int_equal(record.waits[0].cleanup_ns, 400 * STORY_MS);
	assert_true(record.waits[1].cleanup_ns == TIME_UNKNOWN);
	assert_int_equal(wait_in(&record.waits[1], WAIT_IN_CLEANUP), 0);
	record_fini(&record);
	waits_restart_cleanup(&s->waits);
	assert_int_equal(record_build(s, &here, &record), 0);
	assert_int_equal(record.waits[0].cleanup_ns, 0);
	assert_int_equal(record.waits[0].total_ns, 1000 * STORY_MS);
	record_fini(&record);
	shutdown_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_looked), cmocka_unit_test(test_longest_first),
		cmocka_unit_test(test_distinct),      cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_order),	      cmocka_unit_test(test_epoll),
		cmocka_unit_test(test_blocker),	      cmocka_unit_test(test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
