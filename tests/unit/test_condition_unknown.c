/* SPDX-License-Identifier: GPL-2.0-only */
/* Conditions on what is not known: times of a service that goes on, resets that no kernel tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
		cmocka_unit_test(test_resets_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
