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
		"drain>=10s",	  "drain>9999ms",  "drain<10.5 s",	 "outcome!=clean",
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

static void is_safe(const char *wrong)
{
	assert_non_null(wrong);
	assert_in_range(strlen(wrong), 1, 1000);
	for (const char *c = wrong; *c; c++)
		assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* Read or refused: either is fine, if it is refused well. */
static void look(const char *expression)
{
	_cleanup_free_ char *wrong = NULL;
	struct conditions conditions = {};
	int err = conditions_parse(expression, &conditions, &wrong);

	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_int_equal(conditions.count, 0);
		is_safe(wrong);
	} else {
		assert_null(wrong);
		assert_int_equal(conditions.count, 1);
	}
	conditions_fini(&conditions);
}

static void refuses(const char *expression, const char *says)
{
	_cleanup_free_ char *wrong = NULL;
	struct conditions conditions = {};

	if (conditions_parse(expression, &conditions, &wrong) != -EINVAL)
		fail_msg("'%s' is accepted", expression);
	if (!wrong || !strstr(wrong, says))
		fail_msg("'%s': '%s' does not say '%s'", expression, wrong, says);
	is_safe(wrong);
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
	refuses("finding:handler_unseen", "of `shutwatch audit` only");
	refuses("finding:no_handler_idle", "of `shutwatch audit` only");
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
	memcpy(expression, "cut>0", 5);
	refuses(expression, "part 2 is empty");
}

/* Each name reads its own member: each member has a value that no other has. */
static void test_names(void **state)
{
	struct record *record = record_of_test();
	struct record_timing *timing = &record->timing;
	struct record_direction *in = &record->directions[DIRECTION_INBOUND];
	struct record_direction *out = &record->directions[DIRECTION_OUTBOUND];
	const struct {
		const char *name;
		int64_t *ns;
	} times[] = {
		{ "react", &timing->react_ns },
		{ "first_action", &timing->first_action_ns },
		{ "accepting", &timing->accepting_ns },
		{ "in_flight_time", &timing->in_flight_ns },
		{ "drain", &timing->drain_ns },
		{ "cleanup", &timing->cleanup_ns },
		{ "total", &timing->total_ns },
		{ "dark", &timing->dark_ns },
	};
	const struct {
		const char *name;
		uint64_t *count;
	} counts[] = {
		{ "refused", &record->refused },
		{ "refused_handshakes", &record->refused_handshakes },
		{ "late_closes", &record->late_closes },
		{ "aborted", &in->aborted },
		{ "inbound.late", &in->late },
		{ "outbound.late", &out->late },
		{ "in_flight", &in->in_flight_at_signal },
		{ "open", &in->open_at_signal },
		{ "outbound.open", &out->open_at_signal },
		{ "undecided", &in->undecided },
		{ "still_open", &in->outcomes[OUTCOME_OPEN] },
		{ "outbound.still_open", &out->outcomes[OUTCOME_OPEN] },
		{ "completed", &in->outcomes[OUTCOME_COMPLETED] },
		{ "cut", &in->outcomes[OUTCOME_CUT] },
		{ "outbound.cut", &out->outcomes[OUTCOME_CUT] },
	};
	char expression[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		*times[i].ns = (int64_t)(i + 101) * FIXTURE_MS;
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		*counts[i].count = i + 1001;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		snprintf(expression, sizeof(expression), "%s=%zums", times[i].name, i + 101);
		if (!holds(record, expression))
			fail_msg("%s does not hold", expression);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		snprintf(expression, sizeof(expression), "%s=%zu", counts[i].name, i + 1001);
		if (!holds(record, expression))
			fail_msg("%s does not hold", expression);
	}
	fixture_free(record);
}

static void tells(const struct record *record, const char *expression, const char *expected)
{
	_cleanup_free_ char *wrong = NULL;
	_cleanup_free_ char *told = NULL;
	struct conditions conditions = {};
	struct text text;

	assert_int_equal(conditions_parse(expression, &conditions, &wrong), 0);
	text_init(&text);
	condition_tell(&conditions.items[0], record, &text);
	told = text_take(&text);
	assert_string_equal(told, expected);
	conditions_fini(&conditions);
}

/* Of a record that knows nothing, nothing holds, whatever it is compared with. */
static void test_unknown(void **state)
{
	static const char *const names[] = { "react",	       "first_action", "accepting",
					     "in_flight_time", "drain",	       "cleanup",
					     "dark",	       "aborted",      "outbound.cut",
					     "refused",	       "late_closes" };
	static const char *const operators[] = { ">", ">=", "<", "<=", "=", "==", "!=" };
	struct record *record = fixture_empty();
	struct record_timing *timing = &record->timing;
	char expression[64];

	(void)state;
	*timing = (struct record_timing){ TIME_UNKNOWN, TIME_UNKNOWN, TIME_UNKNOWN,
					  TIME_UNKNOWN, TIME_UNKNOWN, TIME_UNKNOWN,
					  TIME_UNKNOWN, TIME_UNKNOWN, TIME_UNKNOWN };
	record->has_connections = false;
	timing->total_ns = 0; /* it has ended, and that is all */
	for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(operators) * 2; i++) {
		snprintf(expression, sizeof(expression), "%s%s%zu",
			 names[i / 2 % ARRAY_SIZE(names)], operators[i / 2 / ARRAY_SIZE(names)],
			 i % 2);
		if (holds(record, expression))
			fail_msg("%s holds", expression);
	}
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		snprintf(expression, sizeof(expression), "severity%serror", operators[i]);
		if (holds(record, expression))
			fail_msg("%s holds", expression);
	}
	fixture_free(record);
}

static void test_tells(void **state)
{
	struct record *record = record_of_test();

	(void)state;
	tells(record, " aborted > 0 ", "aborted>0 (aborted is 5)");
	tells(record, "outbound.aborted=0", "outbound.aborted=0 (outbound.aborted is 0)");
	tells(record, "outcome!=clean", "outcome!=clean (outcome is lossy)");
	tells(record, "complete=true", "complete=true (complete is true)");
	tells(record, "drain>9s", "drain>9s (drain is 10s)");
	tells(record, "dark>9s", "dark>9s");
	record->timing.drain_ns += 1;
	tells(record, "drain>10s", "drain>10s (drain is 10.000000001s)");
	found_add(record, finding_row_find("requests_cut"), "\x1b[31m3 were cut", "wait");
	tells(record, "severity>=error", "severity>=error (severity is error)");
	tells(record, "finding : requests_cut", "finding:requests_cut (\\x1b[31m3 were cut)");
	fixture_free(record);
}

/* Who mistypes a name is told all of them, and each of those is accepted. */
static void test_known(void **state)
{
	_cleanup_free_ char *wrong = NULL;
	struct conditions conditions = {};
	struct record *record = record_of_test();
	char *rest, *name;
	size_t names = 0;

	(void)state;
	assert_int_equal(conditions_parse("abortet>0", &conditions, &wrong), -EINVAL);
	conditions_fini(&conditions);
	rest = strstr(wrong, "known are ");
	assert_non_null(rest);
	rest += strlen("known are ");
	assert_non_null(strstr(rest, "each of a direction"));
	*strstr(rest, ", each of a direction") = '\0';
	while ((name = strsep(&rest, ","))) {
		char expression[64];
		const char *value = "0";

		name += strspn(name, " ");
		if (strcmp(name, "outcome") == 0)
			value = "clean";
		else if (strcmp(name, "complete") == 0)
			value = "true";
		else if (strcmp(name, "severity") == 0)
			value = "info";
		snprintf(expression, sizeof(expression), "%s=%s", name, value);
		holds(record, expression); /* fails when it is refused */
		names++;
	}
	assert_in_range(names, 14 + 6 + 5, 14 + 6 + OUTCOMES); /* ours, and those of outcomes */
	fixture_free(record);
}

/* Any byte anywhere: read or refused, and what is said of it is safe to show, and short. */
static void test_hostile(void **state)
{
	static const char sound[] = "drain >= 10s";
	_cleanup_free_ char *huge = malloc(1 << 20);

	(void)state;
	for (size_t at = 0; at < sizeof(sound) - 1; at++) {
		for (int byte = 1; byte < 256; byte++) {
			char expression[sizeof(sound)];

			memcpy(expression, sound, sizeof(sound));
			expression[at] = (char)byte;
			look(expression);
		}
	}
	assert_non_null(huge);
	memset(huge, 'a', 1 << 20);
	huge[(1 << 20) - 1] = '\0';
	look(huge);
	memcpy(huge, "drain>", 6);
	memset(huge + 6, '9', 1000);
	look(huge);
	memset(huge, '>', 1 << 19);
	look(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),	cmocka_unit_test(test_findings),
		cmocka_unit_test(test_refuses), cmocka_unit_test(test_many),
		cmocka_unit_test(test_names),	cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_tells),	cmocka_unit_test(test_known),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
