/* SPDX-License-Identifier: GPL-2.0-only */
/* Recordings: what is written is read, and what is damaged or foreign is refused in words. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/capture/recording.h"
#include "tests/unit/story.h"

#define VERSION_AT 8
#define HOST_BYTES_AT 12
#define HOST_AT 16
#define HEADER_BYTES ((HOST_AT + sizeof(struct host) + 3) / 4 * 4)

static const struct host here = { .name = "web-1", .boot_id = "6f9c2a54", .kernel = "6.18.44" };
static char path[] = "/tmp/shutwatch-recording-XXXXXX";

static int group_setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int group_teardown(void **state)
{
	(void)state;
	return unlink(path);
}

/* --- writing and reading -------------------------------------------------------------------- */

#define STORY_EVENTS 4

static union event nth_event(size_t n)
{
	union event service = story_event(EVENT_SERVICE, 0);

	strcpy(service.service.name, "orders.service");
	switch (n) {
	case 0:
		return story_signal(0, 10, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED);
	case 1:
		return service;
	case 2:
		return story_exit(50, 10, STORY_CODE(1));
	default:
		return story_ended(2000, ENDED_SETTLED);
	}
}

static void write_story(void)
{
	struct recording_writer *writer = NULL;

	assert_int_equal(recording_create(path, &here, &writer), 0);
	for (size_t i = 0; i < STORY_EVENTS; i++) {
		union event event = nth_event(i);

		recording_add(writer, &event);
	}
	assert_int_equal(recording_finish(writer), 0);
}

struct reading {
	size_t events;
	size_t stop_after;
	struct host host;
	struct recording_fault fault;
};

static int on_event(void *context, const union event *event)
{
	struct reading *reading = context;
	union event expected;

	if (reading->events < STORY_EVENTS) {
		expected = nth_event(reading->events);
		if (memcmp(event, &expected, expected.header.size) != 0)
			return -EIO;
	}
	reading->events++;
	return reading->events == reading->stop_after ? -ECANCELED : 0;
}

static int read_back(struct reading *reading)
{
	*reading = (struct reading){ .stop_after = reading->stop_after };
	return recording_read(path, &reading->host, on_event, reading, &reading->fault);
}

static void test_round_trip(void **state)
{
	struct reading reading = {};
	struct stat status;

	(void)state;
	write_story();
	assert_int_equal(read_back(&reading), 0);
	assert_int_equal(reading.events, STORY_EVENTS);
	assert_int_equal(reading.fault.events, STORY_EVENTS);
	assert_null(reading.fault.what);
	assert_string_equal(reading.host.name, here.name);
	assert_string_equal(reading.host.boot_id, here.boot_id);
	assert_string_equal(reading.host.kernel, here.kernel);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size,
			 HEADER_BYTES + sizeof(struct event_signal) + sizeof(struct event_service) +
				 sizeof(struct event_exit) + sizeof(struct event_ended) +
				 sizeof(struct event_header));
}

static void test_sink_ends_it(void **state)
{
	struct reading reading = { .stop_after = 2 };

	(void)state;
	write_story();
	assert_int_equal(read_back(&reading), -ECANCELED);
	assert_int_equal(reading.events, 2);
}

static void test_not_readable(void **state)
{
	struct recording_writer *writer = NULL;
	struct recording_fault fault;
	struct reading reading = {};

	(void)state;
	assert_int_equal(recording_read("/nowhere/x", &reading.host, on_event, &reading, &fault),
			 -ENOENT);
	assert_int_equal(recording_read("/", &reading.host, on_event, &reading, &fault), -EISDIR);
	assert_int_equal(recording_create("/nowhere/x", &here, &writer), -ENOENT);
	assert_null(writer);
}

static void test_no_space(void **state)
{
	struct recording_writer *writer = NULL;
	union event event = nth_event(1);

	(void)state;
	assert_int_equal(recording_create("/dev/full", &here, &writer), 0);
	for (int i = 0; i < 100; i++)
		recording_add(writer, &event);
	assert_int_equal(recording_finish(writer), -ENOSPC);
}

static void test_private(void **state)
{
	struct recording_writer *writer = NULL;
	struct stat status;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(recording_create(path, &here, &writer), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(recording_finish(writer), 0);
}

/* --- damage --------------------------------------------------------------------------------- */

static char *slurp(size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *bytes;

	assert_int_equal(fstat(fd, &status), 0);
	*ret_size = (size_t)status.st_size;
	bytes = malloc(*ret_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *ret_size), *ret_size);
	return bytes;
}

static void spill(const char *bytes, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, bytes, size), size);
}

static void assert_bad(const char *bytes, size_t size, const char *what)
{
	struct reading reading = {};

	spill(bytes, size);
	assert_int_equal(read_back(&reading), -EBADMSG);
	assert_non_null(reading.fault.what);
	if (what && !strstr(reading.fault.what, what))
		fail_msg("'%s' does not say '%s'", reading.fault.what, what);
	assert_true(reading.fault.offset <= size);
	assert_int_equal(reading.fault.events, reading.events);
}

static void test_every_truncation(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	(void)state;
	write_story();
	bytes = slurp(&size);
	for (size_t kept = 0; kept < size; kept++)
		assert_bad(bytes, kept, kept < HEADER_BYTES ? "too short" : "truncated");
}

/* Each byte in turn is turned over: a sound recording of something else, or refused. */
static void test_every_byte(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	(void)state;
	write_story();
	bytes = slurp(&size);
	for (size_t i = 0; i < size; i++) {
		struct reading reading = {};
		int err;

		bytes[i] ^= 0xff;
		spill(bytes, size);
		err = read_back(&reading);
		bytes[i] ^= 0xff;
		if (err != -EBADMSG && err != -EIO) /* -EIO: another event than was written */
			assert_int_equal(err, 0);
	}
}

static void test_header(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	uint32_t host_bytes = sizeof(struct host);
	size_t size;

	(void)state;
	write_story();
	bytes = slurp(&size);
	bytes[0] = 's';
	assert_bad(bytes, size, "not a shutwatch recording");
	bytes[0] = 'S';
	bytes[VERSION_AT] = EVENT_VERSION + 1;
	assert_bad(bytes, size, "another version");
	bytes[VERSION_AT] = 0;
	assert_bad(bytes, size, "another version");
	bytes[VERSION_AT] = EVENT_VERSION;
	host_bytes++;
	memcpy(bytes + HOST_BYTES_AT, &host_bytes, sizeof(host_bytes));
	assert_bad(bytes, size, "wrong size");
	host_bytes = UINT32_MAX;
	memcpy(bytes + HOST_BYTES_AT, &host_bytes, sizeof(host_bytes));
	assert_bad(bytes, size, "wrong size");
}

/* Names of a host without a NUL. */
static void test_host_strings(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	struct reading reading = {};
	size_t size;

	(void)state;
	write_story();
	bytes = slurp(&size);
	memset(bytes + HOST_AT, 'x', sizeof(struct host));
	spill(bytes, size);
	assert_int_equal(read_back(&reading), 0);
	assert_int_equal(strlen(reading.host.name), HOST_NAME_BYTES - 1);
	assert_int_equal(strlen(reading.host.boot_id), HOST_BOOT_ID_BYTES - 1);
	assert_int_equal(strlen(reading.host.kernel), HOST_KERNEL_BYTES - 1);
}

static void test_end_mark(void **state)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size, end;
	uint64_t count = STORY_EVENTS + 1;

	(void)state;
	write_story();
	bytes = slurp(&size);
	end = size - sizeof(struct event_header);
	bytes[size] = '\0';
	assert_bad(bytes, size + 1, "bytes after the end mark");
	memcpy(bytes + end + offsetof(struct event_header, at_ns), &count, sizeof(count));
	assert_bad(bytes, size, "counts other events");
}

static void test_impossible_sizes(void **state)
{
	static const uint16_t sizes[] = { 0, 31, 233, EVENT_MAX_BYTES + 1, UINT16_MAX };
	const size_t at = HEADER_BYTES + offsetof(struct event_header, size);
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	(void)state;
	write_story();
	bytes = slurp(&size);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memcpy(bytes + at, &sizes[i], sizeof(sizes[i]));
		assert_bad(bytes, size, "an event");
	}
}

static void test_foreign(void **state)
{
	static const char text[] = "#!/bin/sh\n# not a recording at all, but long enough to be one"
				   ".........................................................."
				   ".........................................................."
				   "..........................................................";

	(void)state;
	assert_bad(text, sizeof(text), "not a shutwatch recording");
	assert_bad("SHUTWREC", 8, "too short");
	assert_bad("", 0, "too short");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_sink_ends_it),
		cmocka_unit_test(test_not_readable), cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_private),	     cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_every_byte),   cmocka_unit_test(test_header),
		cmocka_unit_test(test_host_strings), cmocka_unit_test(test_end_mark),
		cmocka_unit_test(test_foreign),	     cmocka_unit_test(test_impossible_sizes),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
