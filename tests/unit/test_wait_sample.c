/* SPDX-License-Identifier: GPL-2.0-only */
/* What one look at a thread says, in words. */
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

#include "src/capture/wait_calls.h"
#include "src/capture/wait_sample.h"
#include "tests/unit/story.h"

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
		cmocka_unit_test(test_path),	cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_sockets), cmocka_unit_test(test_other_objects),
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
