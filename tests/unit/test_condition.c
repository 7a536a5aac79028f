/* SPDX-License-Identifier: GPL-2.0-only */
/* `--fail-on`: what it reads, what it refuses and says then, what holds over a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "src/analysis/condition.h"
#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/output/junit.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/found.h"

static struct record *record_of_test(void)
{
	struct record *record = fixture_orders();

	record->timing.drain_ns = 10 * 1000 * FIXTURE_MS;
	record->timing.dark_ns = TIME_UNKNOWN;
	record->verdict = VERDICT_LOSSY;
	record->is_complete = true;
	record->has_connections = true;
	record->directions[DIRECTION_INBOUND].aborted = 5;
	record->directions[DIRECTION_OUTBOUND].aborted = 0;
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_CUT] = 3;
	return record;
}

static bool holds(const struct record *record, const char *expression)
{
	_cleanup_free_ char *wrong = NULL;
	struct conditions conditions = {};
	bool does_hold;

	if (conditions_parse(expression, &conditions, &wrong))
		fail_msg("%s: %s", expression, wrong);
	assert_int_equal(conditions.count, 1);
	does_hold = condition_holds(&conditions.items[0], record);
	conditions_fini(&conditions);
	return does_hold;
}

static void test_holds(void **state)
{
	static const char *const right[] = {
		"aborted>0",	  "aborted >= 5",  "aborted=5",		 "aborted==5",
		"aborted<6",	  "aborted<=5",	   " aborted != 4 ",	 "inbound.aborted>4",
		"drain>=10s",	  "drain>9999ms",  "drain<10.5s",	 "outcome!=clean",
		"outcome=lossy",  "complete=true", "complete!=false",	 "cut=3",
		"inbound.cut>=3", "drain<=10s",	   "outbound.aborted=0",
	};
	static const char *const wrong[] = {
		"aborted>5", "aborted<5",      "aborted!=5",	 "outbound.aborted>0",
		"drain>10s", "drain!=10s",     "outcome=clean",	 "complete=false",
		"cut>3",     "dark>0s",	       "dark<=1000000s", "dark!=1s",
		"dark=0s",   "severity>=info",
	};
	struct record *record = record_of_test();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		if (!holds(record, right[i]))
			fail_msg("%s does not hold", right[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (holds(record, wrong[i]))
			fail_msg("%s holds", wrong[i]);
	}
	record->has_connections = false;
	assert_false(holds(record, "aborted>=0"));
	assert_false(holds(record, "cut!=1"));
	fixture_free(record);
}

static void test_findings(void **state)
{
	struct record *record = record_of_test();
	struct conditions conditions = {};
	char *wrong = NULL;

	(void)state;
	assert_false(holds(record, "finding:requests_cut"));
	assert_int_equal(conditions_parse("finding:requests_cut", &conditions, &wrong), 0);
	found_add(record, conditions.items[0].row, "3 were cut", "wait");
	assert_true(holds(record, "finding:requests_cut"));
	assert_false(holds(record, "finding:oom_killed"));
	assert_true(holds(record, "severity>=error"));
	assert_true(holds(record, "severity>warning"));
	assert_false(holds(record, "severity<error"));
	conditions_fini(&conditions);
	fixture_free(record);
}

static void refuses(const char *expression, const char *says)
{
	_cleanup_free_ char *wrong = NULL;
	struct conditions conditions = {};

	if (conditions_parse(expression, &conditions, &wrong) != -EINVAL)
		fail_msg("'%s' is accepted", expression);
	if (!wrong || !strstr(wrong, says))
		fail_msg("'%s': '%s' does not say '%s'", expression, wrong, says);
	for (const char *c = wrong; *c; c++)
		assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
	assert_int_equal(conditions.count, 0);
	conditions_fini(&conditions);
}

static void test_refuses(void **state)
{
	(void)state;
	refuses("", "part 1 is empty");
	refuses("aborted>0,", "part 2 is empty");
	refuses(",,", "part 1 is empty");
	refuses("abortet>0", "cut");
	refuses("aborted", "is compared with nothing");
	refuses("aborted 5", "is no operator");
	refuses("aborted=>5", "is no operator");
	refuses("aborted>", "is no number");
	refuses("aborted>-1", "is no number");
	refuses("aborted>1s", "is no number");
	refuses("aborted>99999999999999999999999", "too large");
	refuses("drain>10 parsecs", "parsecs");
	refuses("drain>99999999999999999999s", "99999");
	refuses("outcome>clean", "has no meaning for a word");
	refuses("outcome=fine", "lossy");
	refuses("complete=yes", "neither true nor false");
	refuses("severity>=fatal", "warning");
	refuses("finding=requests_cut", "takes an id");
	refuses("finding:requests_lost", "is no finding");
	refuses("sideways.cut>0", "is not known");
	refuses(">0", "does not begin with a name");
	refuses("\x1b[31mx\xff>0", "does not begin");
	refuses("aborted>\x1b]0;\a", "is no number");
}

static void test_many(void **state)
{
	char expression[30000] = "";
	struct conditions conditions = {};
	char *wrong = NULL;
	char *end = expression;

	(void)state;
	for (int i = 0; i < 2500; i++)
		end += sprintf(end, "%scut>%d", i ? "," : "", i % 7);
	assert_int_equal(conditions_parse(expression, &conditions, &wrong), 0);
	assert_int_equal(conditions.count, 2500);
	/* What came before a part that is wrong is taken back, what was there stays. */
	assert_int_equal(conditions_parse("cut>0,cut>1,cut", &conditions, &wrong), -EINVAL);
	assert_int_equal(conditions.count, 2500);
	free(wrong);
	conditions_fini(&conditions);
	memset(expression, ',', sizeof(expression) - 1);
	expression[sizeof(expression) - 1] = '\0';
	refuses(expression, "part 1 is empty");
}

static void test_junit(void **state)
{
	struct record *record = record_of_test();
	struct conditions conditions = {};
	struct junit junit = {};
	_cleanup_free_ char *xml = NULL;
	char *wrong = NULL;

	(void)state;
	snprintf(record->service.name, sizeof(record->service.name), "<a&\"\x1b\xff>]]>");
	assert_int_equal(conditions_parse("aborted>0,cut>7,drain>9s", &conditions, &wrong), 0);
	junit_add(&junit, record, &conditions);
	conditions_fini(&conditions);
	junit_add(&junit, record, &conditions); /* no finding of severity error */
	found_add(record, &found_rows[2], "2 < 3 were lost", "wait & see");
	junit_add(&junit, record, &conditions);
	xml = junit_take(&junit);
	junit_fini(&junit);
	assert_non_null(strstr(xml, "tests=\"3\" failures=\"2\""));
	assert_non_null(strstr(xml, "name=\"&lt;a&amp;&quot;"));
	assert_non_null(strstr(xml, "message=\"aborted&gt;0 (aborted is 5)\""));
	assert_non_null(strstr(xml, "message=\"drain&gt;9s (drain is 10s)\""));
	assert_null(strstr(xml, "cut&gt;7"));
	assert_non_null(strstr(xml, "<failure type=\"lost\" message=\"2 &lt; 3 were lost\">"
				    "wait &amp; see</failure>"));
	assert_null(strchr(xml, 0x1b));
	assert_null(strstr(xml, "]]>"));
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),	cmocka_unit_test(test_findings),
		cmocka_unit_test(test_refuses), cmocka_unit_test(test_many),
		cmocka_unit_test(test_junit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
