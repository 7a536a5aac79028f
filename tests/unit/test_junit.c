/* SPDX-License-Identifier: GPL-2.0-only */
/* JUnit's XML: what fails, what is counted, and that a stranger's bytes stay text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/analysis/condition.h"
#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/output/junit.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/found.h"

static void parse(const char *expression, struct conditions *conditions)
{
	_cleanup_free_ char *wrong = NULL;

	if (conditions_parse(expression, conditions, &wrong))
		fail_msg("%s: %s", expression, wrong);
}

/* The XML of this record alone; owned by the caller. */
static char *xml_of(const struct record *record, const char *expression)
{
	struct conditions conditions = {};
	struct junit junit = {};
	char *xml;

	if (expression)
		parse(expression, &conditions);
	junit_add(&junit, record, &conditions);
	xml = junit_take(&junit);
	assert_non_null(xml);
	junit_fini(&junit);
	conditions_fini(&conditions);
	return xml;
}

static size_t count(const char *xml, const char *what)
{
	size_t found = 0;

	while ((xml = strstr(xml, what))) {
		xml += strlen(what);
		found++;
	}
	return found;
}

static void test_conditions(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *xml = NULL;

	(void)state;
	record->directions[DIRECTION_INBOUND].aborted = 5;
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_CUT] = 3;
	record->timing.drain_ns = 10 * 1000 * FIXTURE_MS;
	found_add(record, &found_rows[2], "2 were lost", "wait");
	xml = xml_of(record, "aborted>0,cut>7,drain>9s");
	assert_non_null(strstr(xml, "tests=\"1\" failures=\"1\""));
	assert_non_null(strstr(xml, "message=\"aborted&gt;0 (aborted is 5)\""));
	assert_non_null(strstr(xml, "message=\"drain&gt;9s (drain is 10s)\""));
	assert_int_equal(count(xml, "<failure "), 2); /* neither cut>7, nor the finding */
	fixture_free(record);
}

static void test_findings(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *before = xml_of(record, NULL);
	_cleanup_free_ char *after = NULL;

	(void)state;
	assert_non_null(strstr(before, "tests=\"1\" failures=\"0\""));
	found_add(record, &found_rows[2], "2 < 3 were lost", "wait & see");
	found_add(record, &found_rows[1], "slow", "be quick");
	found_add(record, &found_rows[0], "hint", "none");
	after = xml_of(record, NULL);
	assert_non_null(strstr(after, "tests=\"1\" failures=\"1\""));
	assert_int_equal(count(after, "<failure "), 1); /* of severity error alone */
	assert_non_null(strstr(after, "<failure type=\"lost\" message=\"2 &lt; 3 were lost\">"
				      "wait &amp; see</failure>"));
	fixture_free(record);
}

static void test_several(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *none = NULL;
	_cleanup_free_ char *xml = NULL;
	struct conditions conditions = {};
	struct junit junit = {};

	(void)state;
	none = junit_take(&junit);
	assert_non_null(strstr(none, "tests=\"1\" failures=\"0\" errors=\"1\""));
	assert_int_equal(count(none, "<error "), 1); /* nobody has judged anything: not green */
	parse("aborted>6", &conditions);
	for (uint64_t i = 5; i < 9; i++) {
		record->directions[DIRECTION_INBOUND].aborted = i;
		record->timing.total_ns = i == 5 ? TIME_UNKNOWN : 1500 * FIXTURE_MS;
		junit_add(&junit, record, &conditions);
	}
	xml = junit_take(&junit);
	assert_non_null(strstr(xml, "tests=\"4\" failures=\"2\""));
	assert_non_null(strstr(xml, "errors=\"0\""));
	assert_int_equal(count(xml, "<testcase "), 4);
	assert_int_equal(count(xml, " name=\"orders.service\""),
			 1); /* each case has a name of its own */
	assert_int_equal(count(xml, " name=\"orders.service (2)\""), 1);
	assert_int_equal(count(xml, " name=\"orders.service (4)\""), 1);
	assert_int_equal(count(xml, " time=\"1.500000000\""), 3); /* no time where none is known */
	assert_int_equal(count(xml, " time="), 3);
	junit_fini(&junit);
	conditions_fini(&conditions);
	fixture_free(record);
}

/* Nothing but markup of ours, references of ours and characters that XML 1.0 has. */
static void is_sound(const char *xml)
{
	static const char *const references[] = { "&amp;", "&lt;", "&gt;", "&quot;" };

	assert_null(strstr(xml, "]]>"));
	assert_null(strstr(xml, "\xef\xbf\xbe")); /* U+FFFE */
	assert_null(strstr(xml, "\xef\xbf\xbf"));
	assert_int_equal(count(xml, "<"), count(xml, ">"));
	for (const char *c = xml; *c; c++) {
		bool is_reference = false;

		assert_true((unsigned char)*c >= ' ' || *c == '\n');
		for (size_t i = 0; *c == '&' && i < ARRAY_SIZE(references); i++)
			is_reference |= !strncmp(c, references[i], strlen(references[i]));
		assert_true(*c != '&' || is_reference);
	}
}

static void test_hostile(void **state)
{
	static const char *const names[] = {
		"<a&\"'>]]>",
		"\x1b[31m\x7f\r\n\t\x01",
		"\xff\xc0\x80\xed\xa0\x80", /* surrogate */
		"\xef\xbf\xbe\xef\xbf\xbf",
		"]]",
		"\" onclick=\"x",
		"</system-out>",
		"&#0;&amp;",
		"\xc2\x85\xe2\x80\xae" /* C1, bidirectional override */,
		"\xe6\x9c\x8d",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct record *record = fixture_orders();
		_cleanup_free_ char *by_finding = NULL;
		_cleanup_free_ char *by_condition = NULL;

		snprintf(record->service.name, sizeof(record->service.name), "%s", names[i]);
		found_add(record, finding_row_find("requests_cut"), names[i], names[i]);
		by_finding = xml_of(record, NULL);
		is_sound(by_finding);
		assert_int_equal(count(by_finding, "<failure "), 1);
		assert_int_equal(count(by_finding, "</system-out>"), 1);
		by_condition = xml_of(record, "finding:requests_cut");
		is_sound(by_condition);
		assert_int_equal(count(by_condition, "<failure "), 1);
		fixture_free(record);
	}
}

static void test_escapes(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *xml = NULL;

	(void)state;
	snprintf(record->service.name, sizeof(record->service.name),
		 "<a&\"\x1b\xff\xef\xbf\xbe\xe6\x9c\x8d>");
	xml = xml_of(record, NULL);
	assert_non_null(strstr(xml, " name=\"&lt;a&amp;&quot;\\x1b\\xff\xef\xbf\xbd\xe6\x9c\x8d"
				    "&gt;\""));
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions), cmocka_unit_test(test_findings),
		cmocka_unit_test(test_several),	   cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
