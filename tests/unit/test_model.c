/* SPDX-License-Identifier: GPL-2.0-only */
/* Several shutdowns at once: routing, deadlines, handing out, and what crosses them. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/model/model.h"
#include "tests/unit/story.h"

#define FORWARDER 77 /* shutwatch itself */

static struct model *model_begin(void)
{
	const struct model_options options = {
		.settle_ns = 1000 * STORY_MS,
		.patience_ns = 600000 * STORY_MS,
		.details_limit = 2,
	};
	struct model *model = model_new(&options);

	assert_non_null(model);
	return model;
}

static void tell(struct model *model, union event event)
{
	assert_int_equal(model_apply(model, &event), 0);
}

static union event of(uint64_t service, uint64_t generation, union event event)
{
	event.header.service = service;
	event.header.generation = generation;
	return event;
}

static union event armed(int64_t at_ms, uint32_t pid)
{
	return story_signal(at_ms, pid, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED);
}

static void test_nothing(void **state)
{
	struct model *model = model_begin();
	enum ended_reason reason;

	(void)state;
	tell(model, of(1, 0, armed(0, 10)));
	tell(model, of(0, 0, story_listener(0, LISTENER_OPENED, 8000)));
	assert_null(model_first(model));
	assert_null(model_take_ended(model));
	assert_null(model_due(model, UINT64_MAX - 1, &reason));
	assert_true(model_deadline_ns(model) == UINT64_MAX);
	model_free(model);
	model_free(NULL);
}

static void test_two_at_once(void **state)
{
	struct model *model = model_begin();
	enum ended_reason reason;
	const struct shutdown *due;

	(void)state;
	tell(model, of(1, 1, armed(0, 10)));
	tell(model, of(2, 2, armed(5, 20)));
	assert_int_equal(model_deadline_ns(model), story_ns(600000));
	tell(model, of(2, 2, story_exit(30, 20, 0)));
	assert_int_equal(model_deadline_ns(model), story_ns(1030));
	assert_null(model_due(model, story_ns(1029), &reason));
	due = model_due(model, story_ns(1030), &reason);
	assert_non_null(due);
	assert_int_equal(due->service, 2);
	assert_int_equal(due->armed_ns, story_ns(5));
	assert_int_equal(due->n_processes, 1);
	assert_int_equal(reason, ENDED_SETTLED);
	assert_int_equal(model_first(model)->service, 1);
	model_free(model);
}

/* One service that stops twice, and two that stop in the same generation by mistake. */
static void test_identity(void **state)
{
	struct model *model = model_begin();
	struct shutdown *ended;

	(void)state;
	tell(model, of(1, 1, armed(0, 10)));
	tell(model, of(1, 2, armed(1, 11)));
	tell(model, of(2, 1, armed(2, 12)));
	tell(model, of(1, 2, story_ended(5, ENDED_INTERRUPTED)));
	ended = model_take_ended(model);
	assert_non_null(ended);
	assert_int_equal(ended->service, 1);
	assert_int_equal(ended->generation, 2);
	assert_int_equal(ended->reason, ENDED_INTERRUPTED);
	assert_int_equal(ended->n_processes, 1);
	assert_int_equal(ended->processes[0].id.tgid, 11);
	assert_null(model_take_ended(model));
	shutdown_free(ended);
	model_free(model);
}

/* Each once, whatever is under way around it; after that the model knows it no more. */
static void test_ended_once(void **state)
{
	struct model *model = model_begin();
	uint64_t seen = 0;
	struct shutdown *ended;

	(void)state;
	for (uint64_t i = 1; i <= 20; i++)
		tell(model, of(i, i, armed((int64_t)i, (uint32_t)i)));
	for (uint64_t i = 1; i <= 20; i += 3)
		tell(model, of(i, i, story_ended(100, ENDED_SETTLED)));
	while ((ended = model_take_ended(model))) {
		assert_int_equal(seen & 1ULL << ended->service, 0);
		seen |= 1ULL << ended->service;
		shutdown_free(ended);
	}
	assert_int_equal(seen, 0x92492); /* 1, 4, 7, 10, 13, 16, 19 */
	assert_int_equal(model_first(model)->service, 2);
	for (uint64_t i = 1; i <= 20; i++) {
		if (i % 3 != 1)
			tell(model, of(i, i, story_ended(200, ENDED_SETTLED)));
	}
	while ((ended = model_take_ended(model)))
		shutdown_free(ended);
	assert_null(model_first(model));
	assert_true(model_deadline_ns(model) == UINT64_MAX);
	model_free(model);
}

/* T0 is when the signal was sent, even if what it led to was read first. */
static void test_trigger_comes_second(void **state)
{
	struct model *model = model_begin();

	(void)state;
	tell(model, story_connection(30, 1, OUTCOME_IDLE));
	tell(model, armed(0, 10));
	assert_int_equal(model_first(model)->armed_ns, story_ns(0));
	model_free(model);
}

/* However few are to be told, so many are kept for the findings, and no more. */
static void test_details_limit(void **state)
{
	struct model *model = model_begin();
	union event end = story_ended(10, ENDED_SETTLED);
	const uint64_t all = 3 * DETAILS_DEFAULT;

	(void)state;
	end.ended.flags = ENDED_PROVISIONAL | ENDED_RESETS_UNSEEN;
	tell(model, armed(0, 10));
	for (uint64_t i = 1; i <= all; i++)
		tell(model, story_connection((int64_t)i, i, OUTCOME_IDLE));
	assert_in_range(model_first(model)->details.count, DETAILS_DEFAULT, 2 * DETAILS_DEFAULT);
	tell(model, end);
	assert_int_equal(model_first(model)->details.count, DETAILS_DEFAULT);
	assert_int_equal(model_first(model)->details_seen, all);
	assert_true(model_first(model)->are_resets_unseen);
	model_free(model);
}

/* --- a port that opens again ---------------------------------------------------------------- */

static void test_reopened_by_anybody(void **state)
{
	struct model *model = model_begin();

	(void)state;
	tell(model, armed(0, 10));
	tell(model, story_listener(0, LISTENER_LISTED, 8000));
	tell(model, story_listener(0, LISTENER_LISTED, 8001));
	tell(model, story_listener(20, LISTENER_CLOSED, 8000));
	tell(model, story_listener(21, LISTENER_CLOSED, 8001));
	tell(model, of(9, 0, story_listener(400, LISTENER_LISTED, 8000)));
	assert_int_equal(model_first(model)->listeners[0].reopened_ns, 0);
	tell(model, of(9, 0, story_listener(500, LISTENER_OPENED, 8000)));
	tell(model, of(2, 2, story_listener(600, LISTENER_OPENED, 8001)));
	assert_int_equal(model_first(model)->listeners[0].reopened_ns, story_ns(500));
	assert_int_equal(model_first(model)->listeners[1].reopened_ns, story_ns(600));
	model_free(model);
}

/* --- signals that were passed on ------------------------------------------------------------ */

static union event to_forwarder(int signal)
{
	union event event = story_signal(0, FORWARDER, signal, 500, SIGNAL_TO_FORWARDER);

	event.signal.sender_uid = 1000;
	event.signal.code = -1;
	event.signal.ancestors = 2;
	strcpy(event.signal.ancestry[0], "kill");
	strcpy(event.signal.ancestry[1], "bash");
	return of(0, 0, event);
}

static void assert_sender(const struct event_signal *signal, uint32_t pid, uint32_t uid,
			  const char *comm)
{
	assert_int_equal(signal->sender.tgid, pid);
	assert_int_equal(signal->sender_uid, uid);
	assert_string_equal(signal->ancestry[0], comm);
}

static void test_forwarded(void **state)
{
	struct model *model = model_begin();
	const struct shutdown *s;

	(void)state;
	tell(model, to_forwarder(SIGTERM));
	assert_null(model_first(model));
	tell(model, story_signal(20, 10, SIGTERM, FORWARDER, SIGNAL_ARMED));
	tell(model, story_signal(30, 10, SIGINT, FORWARDER, 0)); /* of its own accord */
	tell(model, story_signal(40, 10, SIGTERM, 600, 0));
	s = model_first(model);
	assert_sender(&s->processes[0].signals[0].event, 500, 1000, "kill");
	assert_int_equal(s->processes[0].signals[0].event.ancestors, 2);
	assert_int_equal(s->processes[0].signals[0].event.code, -1);
	assert_string_equal(s->processes[0].signals[0].event.ancestry[1], "bash");
	assert_int_equal(s->processes[0].signals[0].event.target.tgid, 10);
	assert_int_equal(s->processes[0].signals[0].event.header.at_ns, story_ns(20));
	assert_sender(&s->trigger.signal, 500, 1000, "kill");
	assert_sender(&s->processes[0].signals[1].event, FORWARDER, 0, "python3");
	assert_sender(&s->processes[0].signals[2].event, 600, 0, "python3");
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_ended_once),
		cmocka_unit_test(test_trigger_comes_second),
		cmocka_unit_test(test_details_limit),
		cmocka_unit_test(test_reopened_by_anybody),
		cmocka_unit_test(test_forwarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
