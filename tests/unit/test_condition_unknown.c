/* SPDX-License-Identifier: GPL-2.0-only */
/* Conditions on what is not known: times of a service that goes on, resets that no kernel tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "src/analysis/condition.h"
#include "src/base/cleanup.h"
#include "tests/unit/fixtures.h"

static void parse(const char *expression, struct conditions *conditions)
{
	_cleanup_free_ char *wrong = NULL;

	if (conditions_parse(expression, conditions, &wrong))
		fail_msg("%s: %s", expression, wrong);
}

static bool holds(const struct record *record, const char *expression)
{
	struct conditions conditions = {};
	bool result;

	parse(expression, &conditions);
	result = condition_holds(&conditions.items[0], record);
	conditions_fini(&conditions);
	return result;
}

/* Owned by the caller. */
static char *tell(const struct record *record, const char *expression)
{
	struct conditions conditions = {};
	struct text text;

	parse(expression, &conditions);
	text_init(&text);
	condition_tell(&conditions.items[0], record, &text);
	conditions_fini(&conditions);
	return text_take(&text);
}

/* A service that has not stopped takes longer than any time that one names. */
static void test_goes_on(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *told = NULL;

	(void)state;
	record->timing.total_ns = record->timing.drain_ns = record->timing.accepting_ns =
		TIME_UNKNOWN;
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_OPEN] = 0;
	record->listeners[0].closed_at_ns = TIME_UNKNOWN;
	assert_true(holds(record, "total>10s"));
	assert_true(holds(record, "total>=2h"));
	assert_false(holds(record, "total<10s"));
	assert_false(holds(record, "total=10s"));
	assert_false(holds(record, "total!=10s"));
	assert_true(holds(record, "accepting>10s"));
	assert_false(holds(record, "drain>1s")); /* nobody is left: there is nothing to drain */
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_OPEN] = 1;
	assert_true(holds(record, "drain>1s"));
	assert_false(holds(record, "drain<1s"));
	told = tell(record, "total>10s");
	assert_string_equal(told, "total>10s (the service has not stopped)");
	record->timing.total_ns = 5 * 1000 * FIXTURE_MS; /* it has: its port went to another */
	assert_false(holds(record, "accepting>10s"));
	assert_false(holds(record, "drain>1s"));
	fixture_free(record);
}

static void holds_for_ever(const struct record *record, const char *name, bool does)
{
	static const char *const operators[] = { ">1s", ">=2h", "<1s", "<=1s", "=1s", "!=1s" };
	char expression[64];

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		snprintf(expression, sizeof(expression), "%s%s", name, operators[i]);
		if (holds(record, expression) != (does && i < 2))
			fail_msg("%s: %d", expression, does);
	}
}

/* It was told to stop, and does nothing at all. */
static struct record *living(void)
{
	struct record *record = fixture_empty();
	struct record_process *process = fixture_process(record, 812, "orders");

	record->timing = (struct record_timing){ TIME_UNKNOWN, TIME_UNKNOWN, TIME_UNKNOWN,
						 TIME_UNKNOWN, TIME_UNKNOWN, TIME_UNKNOWN,
						 TIME_UNKNOWN, TIME_UNKNOWN, TIME_UNKNOWN };
	record->has_connections = true;
	process->has_exited = false;
	fixture_signal(process, SIGTERM, 0)->delivered_at_ns = TIME_UNKNOWN;
	fixture_listener(record, AF_INET, "0.0.0.0", 8000)->closed_at_ns = TIME_UNKNOWN;
	return record;
}

/* What waits for its end is more than any time: each time for its own. */
static void test_each_time_goes_on(void **state)
{
	struct record *record = living();
	struct record_direction *in = &record->directions[DIRECTION_INBOUND];

	(void)state;
	holds_for_ever(record, "first_action", true);
	holds_for_ever(record, "accepting", true);
	holds_for_ever(record, "total", true);
	holds_for_ever(record, "in_flight_time", false);
	holds_for_ever(record, "drain", false);
	holds_for_ever(record, "cleanup", false); /* it still listens */
	holds_for_ever(record, "dark", false);
	in->open_at_signal = in->outcomes[OUTCOME_OPEN] = 2;
	holds_for_ever(record, "drain", true);
	holds_for_ever(record, "in_flight_time", false);
	in->in_flight_at_signal = 1;
	holds_for_ever(record, "in_flight_time", true);
	record->listeners[0].closed_at_ns = record->timing.accepting_ns = FIXTURE_MS;
	holds_for_ever(record, "cleanup", false); /* it still has clients */
	in->outcomes[OUTCOME_OPEN] = 0;
	holds_for_ever(record, "cleanup", true);
	holds_for_ever(record, "in_flight_time", false);
	record->timing.in_flight_ns = 500 * FIXTURE_MS;
	record->timing.first_action_ns = FIXTURE_MS;
	in->outcomes[OUTCOME_OPEN] = 1;
	assert_false(holds(record, "in_flight_time>1s")); /* answered, and kept alive */
	assert_true(holds(record, "first_action<1s"));
	fixture_free(record);
}

/* Only who is to take the signal by a handler can be late with it. */
static void test_react_goes_on(void **state)
{
	static const enum disposition others[] = { DISPOSITION_DEFAULT, DISPOSITION_IGNORED,
						   DISPOSITION_BLOCKED };
	struct record *record = living();
	struct record_process *process = &record->processes[0];

	(void)state;
	process->signals[0].disposition = DISPOSITION_HANDLER;
	holds_for_ever(record, "react", true);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		process->signals[0].disposition = others[i];
		holds_for_ever(record, "react", false);
	}
	process->signals[0].disposition = DISPOSITION_HANDLER;
	process->signals[0].from_member = true; /* its master's business */
	holds_for_ever(record, "react", false);
	process->signals[0].from_member = false;
	process->has_exited = true;
	holds_for_ever(record, "react", false);
	process->has_exited = false;
	record->timing.react_ns = 2 * FIXTURE_MS;
	assert_false(holds(record, "react>1s"));
	fixture_free(record);
}

/* Nothing holds of resets that the kernel does not tell. */
static void test_resets_unseen(void **state)
{
	struct record *record = fixture_orders();

	(void)state;
	assert_true(holds(record, "refused>0"));
	record->are_resets_unseen = true;
	assert_false(holds(record, "refused>0"));
	assert_false(holds(record, "refused_handshakes=0"));
	assert_false(holds(record, "late_closes>=0"));
	assert_true(holds(record, "aborted>=0"));
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_each_time_goes_on),
		cmocka_unit_test(test_react_goes_on),
		cmocka_unit_test(test_resets_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
