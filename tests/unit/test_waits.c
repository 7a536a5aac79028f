/* SPDX-License-Identifier: GPL-2.0-only */
/* What threads waited for: added up, bounded, sorted; and said in words from one look. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <cmocka.h>

#include "src/analysis/build.h"
#include "src/capture/wait_calls.h"
#include "src/capture/wait_sample.h"
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

/* --- one look, in words --------------------------------------------------------------------- */

static struct wait_sample sample_of(int32_t call, enum wait_object object)
{
	struct wait_sample sample;

	memset(&sample, 0, sizeof(sample));
	sample.process = story_id(10);
	sample.tid = 12;
	sample.call = call;
	sample.object = (uint8_t)object;
	return sample;
}

/* A path as the iterator reads it: names, innermost first. */
static void set_path(struct wait_sample *sample, const char *names, size_t size)
{
	memcpy(sample->path, names, size);
	sample->path_bytes = (uint32_t)size;
}

static void assert_text(const struct wait_sample *sample, const char *call, const char *text)
{
	struct event_wait event;
	union event decoded;

	wait_sample_tell(sample, 20, &event);
	assert_string_equal(event.call, call);
	assert_string_equal(event.text, text);
	assert_int_equal(event.total_ns, 20);
	assert_int_equal(event.samples, 1);
	assert_int_equal(event.tid, 12);
	assert_int_equal(decode_event(&event, sizeof(event), &decoded), 0);
}

static void test_path(void **state)
{
	struct wait_sample sample = sample_of(SYS_fdatasync, WAIT_ON_FILE);
	static const char hostile[] = "a\nb\033[2J\0tmp";

	(void)state;
	set_path(&sample, "db\0x\0lib\0var", sizeof("db\0x\0lib\0var"));
	assert_text(&sample, "fdatasync", "/var/lib/x/db");
	sample.flags = SAMPLE_CUT;
	assert_text(&sample, "fdatasync", ".../var/lib/x/db");
	sample.flags = 0;
	set_path(&sample, hostile, sizeof(hostile));
	assert_text(&sample, "fdatasync", "/tmp/a\nb\033[2J"); /* whoever shows it escapes it */
	sample.path_bytes = 0;
	assert_text(&sample, "fdatasync", "");
}

/* Names of any length, or without an end, or more than there are bytes: the text is bounded. */
static void test_path_too_long(void **state)
{
	struct wait_sample sample = sample_of(SYS_read, WAIT_ON_FILE);
	struct event_wait event;

	(void)state;
	memset(sample.path, 'a', sizeof(sample.path));
	for (size_t at = 20; at < sizeof(sample.path); at += 21)
		sample.path[at] = '\0';
	sample.path_bytes = UINT32_MAX;
	wait_sample_tell(&sample, 20, &event);
	assert_int_equal(strnlen(event.text, sizeof(event.text)), 3 + 7 * 21);
	assert_memory_equal(event.text, ".../aaa", 7);
	memset(sample.path, 'a', sizeof(sample.path));
	wait_sample_tell(&sample, 20, &event);
	assert_string_equal(event.text, "...");
}

static void test_sockets(void **state)
{
	struct wait_sample sample = sample_of(SYS_recvfrom, WAIT_ON_SOCKET);

	(void)state;
	sample.family = AF_INET;
	memcpy(sample.address, "\0\0\0\0\0\0\0\0\0\0\377\377\012\0\0\5", ADDRESS_BYTES);
	sample.port = 5432;
	assert_text(&sample, "recvfrom", "10.0.0.5:5432");
	sample.flags = SAMPLE_INBOUND;
	assert_text(&sample, "recvfrom", "client 10.0.0.5:5432");
	sample.flags |= SAMPLE_LISTENER;
	assert_text(&sample, "recvfrom", "listener 10.0.0.5:5432");
	sample.family = AF_UNIX;
	sample.flags = 0;
	assert_text(&sample, "recvfrom", "unix socket");
	set_path(&sample, "/run/db.sock", sizeof("/run/db.sock"));
	assert_text(&sample, "recvfrom", "unix:/run/db.sock");
	set_path(&sample, "\0bus", sizeof("\0bus") - 1);
	assert_text(&sample, "recvfrom", "unix:@bus");
	sample.family = 77;
	assert_text(&sample, "recvfrom", "");
}

static void test_other_objects(void **state)
{
	struct wait_sample pipe = sample_of(SYS_read, WAIT_ON_PIPE);
	struct wait_sample child = sample_of(SYS_wait4, WAIT_ON_CHILD);
	struct wait_sample timer = sample_of(SYS_read, WAIT_ON_FILE);
	struct wait_sample stopped = sample_of(-1, WAIT_ON_NOTHING);
	struct wait_sample unknown = sample_of(9999, WAIT_ON_NOTHING);
	struct event_wait event;

	(void)state;
	pipe.inode = 4711;
	assert_text(&pipe, "read", "pipe:[4711]");
	assert_text(&child, "wait4", "");
	child.child = 99;
	assert_text(&child, "wait4", "process 99");
	set_path(&timer, "[timerfd]", sizeof("[timerfd]"));
	timer.flags = SAMPLE_ANONYMOUS;
	assert_text(&timer, "read", "[timerfd]");
	wait_sample_tell(&timer, 20, &event);
	assert_int_equal(event.object, WAIT_ON_TIMER);
	stopped.flags = SAMPLE_STOPPED;
	assert_text(&stopped, "", "stopped by a signal");
	assert_text(&unknown, "system call 9999", "");
}

static void test_calls(void **state)
{
	uint8_t calls[WAIT_CALLS_MAX];

	(void)state;
	wait_calls_fill(calls);
	assert_int_equal(calls[SYS_fdatasync], CALL_ON_DESCRIPTOR);
	assert_int_equal(calls[SYS_wait4], CALL_ON_CHILD);
	assert_int_equal(calls[SYS_getpid], CALL_PLAIN);
	assert_string_equal(wait_call_name(SYS_epoll_pwait), "epoll_pwait");
	assert_null(wait_call_name(-1));
	assert_null(wait_call_name(WAIT_CALLS_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_looked), cmocka_unit_test(test_longest_first),
		cmocka_unit_test(test_distinct),      cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_order),	      cmocka_unit_test(test_epoll),
		cmocka_unit_test(test_path),	      cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_sockets),	      cmocka_unit_test(test_other_objects),
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
