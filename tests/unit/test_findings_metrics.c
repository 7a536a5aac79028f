/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings are counted once a record, and in bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "tests/unit/exposed.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/found.h"

#define ORDERS "service=\"orders.service\""

static void observe(struct metrics *metrics, const struct record *record)
{
	assert_int_equal(metrics_observe(metrics, record), 0);
}

static void test_findings(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_orders();

	(void)state;
	found_add(record, &found_rows[2], "", "");
	observe(metrics, record);
	observe(metrics, record); /* the same, nothing new */
	assert_sample(metrics,
		      "shutwatch_findings_total{" ORDERS ",finding=\"lost\",severity=\"error\"}",
		      "1");
	found_add(record, &found_rows[0], "", ""); /* its update has one more */
	observe(metrics, record);
	strcpy(record->id, "01KAPK2Z7JQ0X4T8M5C9W3R6HE");
	observe(metrics, record);
	assert_sample(metrics,
		      "shutwatch_findings_total{" ORDERS ",finding=\"lost\",severity=\"error\"}",
		      "2");
	assert_sample(metrics,
		      "shutwatch_findings_total{" ORDERS ",finding=\"hint\",severity=\"info\"}",
		      "2");
	fixture_free(record);
	metrics_free(metrics);
}

/* As many series as there is room for, whatever a record says. */
static void test_too_many_findings(void **state)
{
	static struct finding_row rows[70];
	static char ids[70][8];
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_orders();
	_cleanup_free_ char *text = NULL;
	struct metrics_self self = { .version = "1", .kernel = "6" };
	size_t series = 0, size;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(ids[i], sizeof(ids[i]), "f%zu", i);
		rows[i] = (struct finding_row){ .id = ids[i] };
		found_add(record, &rows[i], "", "");
	}
	observe(metrics, record);
	observe(metrics, record);
	text = metrics_text(metrics, &self, METRICS_TEXT, &size);
	for (const char *at = text; (at = strstr(at, "\nshutwatch_findings_total{")); at++)
		series++;
	assert_int_equal(series, 64);
	assert_sample(metrics,
		      "shutwatch_findings_total{" ORDERS ",finding=\"f63\",severity=\"info\"}",
		      "1");
	fixture_free(record);
	metrics_free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_too_many_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
