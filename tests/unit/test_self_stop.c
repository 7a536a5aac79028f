/* SPDX-License-Identifier: GPL-2.0-only */
/* A service closes its last listener, and nobody had told it to: a stop, or nothing at all? */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "src/analysis/build.h"
#include "src/analysis/verdict.h"
#include "src/model/deadline.h"
#include "tests/unit/story.h"

#define PID 10

static const struct model_options spans = {
	.settle_ns = 1000 * STORY_MS,
	.patience_ns = 600000 * STORY_MS,
	.reopen_window_ns = 60000 * STORY_MS,
};

static struct shutdown *closed_by_itself(void)
{
	struct shutdown *s = story_begin();
	union event closed = story_listener(0, LISTENER_CLOSED, 8000);

	closed.listener.process = story_id(PID);
	closed.listener.flags = LISTENER_ARMED;
	story_tell(s, closed);
	story_tell(s, story_process(PID, 1));
	return s;
}

static void assert_due(const struct shutdown *s, uint64_t at_ns, enum ended_reason wanted)
{
	enum ended_reason reason;

	assert_true(shutdown_deadline_ns(s, &spans, &reason) == at_ns);
	assert_int_equal(reason, wanted);
}

/* Frees the shutdown. */
static void assert_record(struct shutdown *s, enum verdict verdict, bool is_none)
{
	const struct host host = { .name = "web-1" };
	struct record record;

	assert_int_equal(record_build(s, &host, &record), 0);
	assert_int_equal(record.trigger, TRIGGER_LISTENER_CLOSED);
	assert_false(record.has_trigger_sender);
	assert_int_equal(record.verdict, verdict);
	assert_int_equal(verdict_is_no_shutdown(s, &record), is_none);
	record_fini(&record);
	shutdown_free(s);
}

static void test_it_ends(void **state)
{
	struct shutdown *s = closed_by_itself();

	(void)state;
	assert_due(s, story_ns(600000), ENDED_PATIENCE);
	story_tell(s, story_exit(50, PID, 0));
	assert_due(s, story_ns(1050), ENDED_SETTLED);
	story_tell(s, story_ended(1050, ENDED_SETTLED));
	assert_record(s, VERDICT_CLEAN, false);
}

static void test_it_ends_badly(void **state)
{
	struct shutdown *s = closed_by_itself();

	(void)state;
	story_tell(s, story_exit(50, PID, STORY_CODE(1)));
	story_tell(s, story_ended(1050, ENDED_SETTLED));
	assert_record(s, VERDICT_CRASHED, false);
	/* after a stop signal any code will do */
	s = closed_by_itself();
	story_tell(s, story_signal(40, PID, SIGTERM, STORY_SYSTEMD, SIGNAL_TO_ROOT));
	story_tell(s, story_exit(50, PID, STORY_CODE(1)));
	story_tell(s, story_ended(1050, ENDED_SETTLED));
	assert_record(s, VERDICT_CLEAN, false);
}

static void test_nothing_follows(void **state)
{
	struct shutdown *s = closed_by_itself();

	(void)state;
	assert_false(shutdown_goes_on(s, &spans, ENDED_PATIENCE));
	story_tell(s, story_ended(600000, ENDED_PATIENCE));
	assert_record(s, VERDICT_UNAFFECTED, true);
	s = closed_by_itself();
	s->counts.first_closed_ns = story_ns(5);
	story_tell(s, story_ended(600000, ENDED_PATIENCE));
	assert_record(s, VERDICT_DRAINING, false);
}

/* The counts are read at the end; whether it drains shows before. */
static void test_it_drains_on(void **state)
{
	struct shutdown *s = closed_by_itself();
	union event left = story_connection(5, 1, OUTCOME_PEER_CLOSED);

	(void)state;
	left.connection.closed_by = CLOSED_BY_PEER;
	story_tell(s, left);
	assert_false(shutdown_goes_on(s, &spans, ENDED_PATIENCE));
	left = story_connection(5, 2, OUTCOME_COMPLETED);
	left.connection.at_signal = AT_SIGNAL_NEW;
	story_tell(s, left);
	assert_false(shutdown_goes_on(s, &spans, ENDED_PATIENCE));
	story_tell(s, story_connection(6, 3, OUTCOME_IDLE));
	assert_true(shutdown_goes_on(s, &spans, ENDED_PATIENCE));
	shutdown_free(s);
}

static void test_it_listens(void **state)
{
	struct shutdown *s = closed_by_itself();

	(void)state;
	story_tell(s, story_listener(10, LISTENER_OPENED, 8001));
	assert_due(s, story_ns(0), ENDED_DROPPED);
	assert_false(shutdown_goes_on(s, &spans, ENDED_DROPPED));
	story_tell(s, story_ended(10, ENDED_DROPPED));
	assert_record(s, VERDICT_UNAFFECTED, true);
	/* another one was open all the time */
	s = closed_by_itself();
	story_tell(s, story_listener(1, LISTENER_LISTED, 8001));
	assert_due(s, story_ns(0), ENDED_DROPPED);
	/* and is closed too */
	story_tell(s, story_listener(2, LISTENER_CLOSED, 8001));
	assert_due(s, story_ns(600000), ENDED_PATIENCE);
	shutdown_free(s);
}

/* A listener that opens after a signal changes nothing. */
static void test_signal_first(void **state)
{
	struct shutdown *s = story_begin();

	(void)state;
	story_tell(s, story_signal(0, PID, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_process(PID, 1));
	story_tell(s, story_listener(1, LISTENER_OPENED, 8001));
	assert_due(s, story_ns(600000), ENDED_PATIENCE);
	shutdown_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_ends),		cmocka_unit_test(test_it_ends_badly),
		cmocka_unit_test(test_nothing_follows), cmocka_unit_test(test_it_drains_on),
		cmocka_unit_test(test_it_listens),	cmocka_unit_test(test_signal_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
