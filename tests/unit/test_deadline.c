/* SPDX-License-Identifier: GPL-2.0-only */
/* After the first record: waiting for ports to open again, and drains that outlast the patience. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "src/model/deadline.h"
#include "tests/unit/story.h"

#define PID 10

static const struct model_options spans = {
	.settle_ns = 1000 * STORY_MS,
	.patience_ns = 600000 * STORY_MS,
	.reopen_window_ns = 60000 * STORY_MS,
};
static const struct model_options without_window = {
	.settle_ns = 1000 * STORY_MS,
	.patience_ns = 600000 * STORY_MS,
};

/* It closed its port at 20 ms. */
static struct shutdown *closing(void)
{
	struct shutdown *s = story_begin();

	story_tell(s, story_signal(0, PID, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_process(PID, 1));
	story_tell(s, story_listener(1, LISTENER_LISTED, 8000));
	story_tell(s, story_listener(20, LISTENER_CLOSED, 8000));
	return s;
}

static void tell_provisional(struct shutdown *s, int64_t at_ms, enum ended_reason reason)
{
	union event event = story_ended(at_ms, reason);

	event.ended.flags = ENDED_PROVISIONAL;
	story_tell(s, event);
}

static void assert_due(const struct shutdown *s, uint64_t at_ns, enum ended_reason wanted)
{
	enum ended_reason reason;

	assert_true(shutdown_deadline_ns(s, &spans, &reason) == at_ns);
	assert_int_equal(reason, wanted);
}

static void test_window(void **state)
{
	struct shutdown *s = closing();
	union event opened = story_listener(5000, LISTENER_OPENED, 8000);

	(void)state;
	story_tell(s, story_exit(50, PID, 0));
	assert_due(s, story_ns(1050), ENDED_SETTLED);
	assert_true(shutdown_goes_on(s, &spans, ENDED_SETTLED));
	assert_false(shutdown_goes_on(s, &without_window, ENDED_SETTLED));
	tell_provisional(s, 1050, ENDED_SETTLED);
	assert_true(s->is_provisional && !s->has_ended);
	assert_due(s, story_ns(60050), ENDED_SETTLED);
	assert_false(shutdown_goes_on(s, &spans, ENDED_SETTLED));
	shutdown_note_reopened(s, &opened.listener);
	assert_due(s, 0, ENDED_SETTLED);
	story_tell(s, story_ended(5000, ENDED_SETTLED));
	assert_true(s->has_ended && !s->is_provisional);
	shutdown_free(s);
}

static void test_no_port_to_wait_for(void **state)
{
	struct shutdown *s = story_begin();

	(void)state;
	story_tell(s, story_signal(0, PID, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_exit(50, PID, 0));
	assert_false(shutdown_goes_on(s, &spans, ENDED_SETTLED));
	shutdown_free(s);
}

static void test_drain_goes_on(void **state)
{
	struct shutdown *s = closing();

	(void)state;
	assert_due(s, story_ns(600000), ENDED_PATIENCE);
	assert_true(shutdown_goes_on(s, &spans, ENDED_PATIENCE));
	assert_false(shutdown_goes_on(s, &without_window, ENDED_PATIENCE));
	tell_provisional(s, 600000, ENDED_PATIENCE);
	assert_due(s, UINT64_MAX, ENDED_PATIENCE);
	story_tell(s, story_exit(900000, PID, 0));
	assert_due(s, story_ns(901000), ENDED_SETTLED);
	assert_true(shutdown_goes_on(s, &spans, ENDED_SETTLED));
	shutdown_free(s);
}

/* Nothing happened: there is nothing to wait for. */
static void test_unaffected_ends(void **state)
{
	struct shutdown *s = story_begin();

	(void)state;
	story_tell(s, story_signal(0, PID, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_process(PID, 1));
	assert_due(s, story_ns(600000), ENDED_PATIENCE);
	assert_false(shutdown_goes_on(s, &spans, ENDED_PATIENCE));
	shutdown_free(s);
}

static union event counts(int64_t at_ms, uint32_t pid, uint32_t refused)
{
	union event event = story_event(EVENT_COUNTS, at_ms);

	event.counts.process = story_id(pid);
	event.counts.counts.refused = refused;
	return event;
}

/* Readings replace each other, also one that was broken off. */
static void test_last_reading_counts(void **state)
{
	struct shutdown *s = closing();

	(void)state;
	story_tell(s, counts(100, 10, 2));
	story_tell(s, counts(100, 11, 3));
	assert_int_equal(s->counts.refused, 5);
	story_tell(s, counts(200, 10, 2));
	story_tell(s, counts(300, 10, 4));
	story_tell(s, counts(300, 11, 3));
	assert_int_equal(s->counts.refused, 7);
	shutdown_free(s);
}

/* What comes after a provisional record finds the heap of the details in order. */
static void test_details_after_sorting(void **state)
{
	struct shutdown *s = closing();
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		story_tell(s, story_connection(100 + i, 100 + (uint64_t)i, OUTCOME_COMPLETED));
	tell_provisional(s, 600000, ENDED_PATIENCE);
	for (i = 0; i < 20; i++)
		story_tell(s, story_connection(700000 + i, 200 + (uint64_t)i,
					       i % 2 ? OUTCOME_CUT : OUTCOME_IDLE));
	story_tell(s, story_ended(800000, ENDED_SETTLED));
	assert_int_equal(s->details.count, 40);
	for (i = 0; i < 10; i++)
		assert_int_equal(s->details.items[i].outcome, OUTCOME_CUT);
	for (i = 11; i < 40; i++)
		assert_true(s->details.items[i].outcome != OUTCOME_CUT);
	shutdown_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_no_port_to_wait_for),
		cmocka_unit_test(test_drain_goes_on),
		cmocka_unit_test(test_unaffected_ends),
		cmocka_unit_test(test_last_reading_counts),
		cmocka_unit_test(test_details_after_sorting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
