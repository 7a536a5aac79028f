/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What else is sent while a service stops: a second stop forces it, the same stop told to others
 * does not. TERM by systemd begins it, the listener closes after 10 ms.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/analysis/build.h"
#include "src/base/cleanup.h"
#include "tests/unit/story.h"

#define MASTER 10
#define WORKER 11
#define STRANGER 500

/* A service of two, which has begun to stop. */
static struct shutdown *stopping(void)
{
	struct shutdown *s = story_begin();

	story_tell(s, story_signal(0, MASTER, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_process(MASTER, 1));
	story_tell(s, story_process(WORKER, MASTER));
	story_tell(s, story_listener(10, LISTENER_CLOSED, 8000));
	return s;
}

/* The worker ends 10 ms before the master. Frees the shutdown. */
static enum verdict verdict_at_end(struct shutdown *s, int64_t end_ms)
{
	const struct host host = { .name = "web-1" };
	struct record record;
	enum verdict verdict;

	story_tell(s, story_exit(end_ms - 10, WORKER, 0));
	story_tell(s, story_exit(end_ms, MASTER, STORY_DEATH(SIGTERM)));
	story_tell(s, story_ended(end_ms + 1000, ENDED_SETTLED));
	assert_int_equal(record_build(s, &host, &record), 0);
	verdict = record.verdict;
	record_fini(&record);
	shutdown_free(s);
	return verdict;
}

static void test_second_signal(void **state)
{
	static const struct {
		const char *name;
		int64_t at_ms;
		uint32_t target;
		int signal;
		uint32_t sender;
		uint32_t flags;
		int64_t end_ms;
		enum verdict verdict;
	} rows[] = {
		{ "another signal", 500, MASTER, SIGINT, STORY_SYSTEMD, 0, 800, VERDICT_FORCED },
		{ "the same again", 500, MASTER, SIGTERM, STORY_SYSTEMD, 0, 800, VERDICT_FORCED },
		{ "another sender", 500, WORKER, SIGTERM, STRANGER, 0, 800, VERDICT_FORCED },
		{ "a second before", 500, MASTER, SIGINT, STRANGER, 0, 1500, VERDICT_FORCED },
		{ "without effect", 500, MASTER, SIGINT, STRANGER, 0, 1501, VERDICT_CLEAN },
		{ "before it acted", 10, MASTER, SIGINT, STRANGER, 0, 800, VERDICT_CLEAN },
		{ "to the group", 11, WORKER, SIGTERM, STORY_SYSTEMD, 0, 800, VERDICT_CLEAN },
		{ "passed on", 20, WORKER, SIGTERM, MASTER, SIGNAL_FROM_MEMBER, 800,
		  VERDICT_CLEAN },
		{ "passed on as INT", 20, WORKER, SIGINT, MASTER, SIGNAL_FROM_MEMBER, 800,
		  VERDICT_CLEAN },
		{ "raised again", 795, MASTER, SIGTERM, MASTER, SIGNAL_FROM_MEMBER, 800,
		  VERDICT_CLEAN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct shutdown *s = stopping();
		enum verdict verdict;

		story_tell(s, story_signal(rows[i].at_ms, rows[i].target, rows[i].signal,
					   rows[i].sender, rows[i].flags));
		verdict = verdict_at_end(s, rows[i].end_ms);
		if (verdict != rows[i].verdict)
			print_error("%s: %s\n", rows[i].name, verdict_name(verdict));
		assert_int_equal(verdict, rows[i].verdict);
	}
}

/* The master passed the signal on before whoever signals the group came to the worker. */
static void test_group_signal_after_master(void **state)
{
	struct shutdown *s = stopping();

	(void)state;
	story_tell(s, story_signal(5, WORKER, SIGTERM, MASTER, SIGNAL_FROM_MEMBER));
	story_tell(s, story_signal(11, WORKER, SIGTERM, STORY_SYSTEMD, 0));
	assert_int_equal(verdict_at_end(s, 800), VERDICT_CLEAN);
}

/* To a process that has called exit() already: the kernel drops it (prepare_signal() in 6.1). */
static void test_too_late(void **state)
{
	static const int signals[] = { SIGKILL, SIGTERM };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct shutdown *s = stopping();
		union event event = story_signal(799, MASTER, signals[i], STORY_SYSTEMD, 0);

		event.signal.result = SIGNAL_IGNORED;
		story_tell(s, event);
		assert_int_equal(verdict_at_end(s, 800), VERDICT_CLEAN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_signal),
		cmocka_unit_test(test_group_signal_after_master),
		cmocka_unit_test(test_too_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
