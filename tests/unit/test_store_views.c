/* SPDX-License-Identifier: GPL-2.0-only */
/* The views of the store: the list, CSV, and two sets side by side. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "src/analysis/percentile.h"
#include "src/base/cleanup.h"
#include "src/output/csv.h"
#include "src/output/diff.h"
#include "src/output/listing.h"
#include "tests/unit/fixtures.h"

static const struct report_style ascii = { .columns = 100 };

/* --- percentiles ------------------------------------------------------------------------------ */

/* Ranks by hand: ceil(p / 100 * n). */
static void test_percentiles(void **state)
{
	static const struct {
		size_t n;
		unsigned int percent;
		int64_t value; /* the values are 10, 20, …, n * 10 */
	} rows[] = {
		{ 1, 1, 10 },	  { 1, 50, 10 },     { 1, 100, 10 },   { 2, 50, 10 },
		{ 2, 51, 20 },	  { 3, 50, 20 },     { 4, 50, 20 },    { 4, 95, 40 },
		{ 5, 50, 30 },	  { 19, 95, 190 },   { 20, 95, 190 },  { 21, 95, 200 },
		{ 100, 1, 10 },	  { 100, 50, 500 },  { 100, 95, 950 }, { 100, 100, 1000 },
		{ 101, 50, 510 }, { 150, 95, 1430 },
	};
	int64_t values[150];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t j = 0; j < rows[i].n; j++) /* in some order: 7 is prime to all n */
			values[j] = (int64_t)((j * 7 % rows[i].n) + 1) * 10;
		if (rows[i].n % 7 == 0)
			for (size_t j = 0; j < rows[i].n; j++)
				values[j] = (int64_t)(rows[i].n - j) * 10;
		assert_int_equal(percentile_of(values, rows[i].n, rows[i].percent), rows[i].value);
	}
	assert_true(percentile_of(NULL, 0, 50) == TIME_UNKNOWN);
}

/* --- diff ------------------------------------------------------------------------------------- */

static void add(struct diff_set *set, enum verdict verdict, int64_t drain_ms, uint64_t aborted)
{
	struct store_summary summary = {
		.verdict = verdict,
		.timing = { .drain_ns = drain_ms ? drain_ms * FIXTURE_MS : TIME_UNKNOWN,
			    .total_ns = TIME_UNKNOWN },
		.has_connections = drain_ms != 0,
		.inbound = 10,
		.aborted = aborted,
		.refused = 2 * aborted,
		.late = 1,
	};

	assert_int_equal(diff_add(set, &summary), 0);
}

/* Drains of 100 … 400 ms against 100 and 50; one record on either side knows nothing. */
static void fill(struct diff_set *a, struct diff_set *b)
{
	*a = (struct diff_set){ .name = "service=orders,until=2026-11-22" };
	*b = (struct diff_set){ .name = "last\033[31m" };
	add(a, VERDICT_CLEAN, 300, 0);
	add(a, VERDICT_LOSSY, 100, 3);
	add(a, VERDICT_LOSSY, 400, 5);
	add(a, VERDICT_CLEAN, 200, 0);
	add(b, VERDICT_CLEAN, 100, 0);
	add(b, VERDICT_CLEAN, 0, 9);
	add(b, VERDICT_CLEAN, 50, 1);
}

static void test_diff_json(void **state)
{
	struct diff_set a, b;
	_cleanup_free_ char *line = NULL;

	(void)state;
	fill(&a, &b);
	line = json_from_diff(&a, &b);
	assert_string_equal(
		line, "{\"a\":{\"selection\":\"service=orders,until=2026-11-22\",\"shutdowns\":4,"
		      "\"outcomes\":{\"clean\":2,\"lossy\":2},"
		      "\"drain_s\":{\"records\":4,\"p50\":0.2,\"p95\":0.4},"
		      "\"total_s\":{\"records\":0,\"p50\":null,\"p95\":null},"
		      "\"connections\":{\"records\":4,\"inbound\":40,\"aborted\":8,\"refused\":16,"
		      "\"late\":4},\"findings\":{}},"
		      "\"b\":{\"selection\":\"last\\u001B[31m\",\"shutdowns\":3,"
		      "\"outcomes\":{\"clean\":3},"
		      "\"drain_s\":{\"records\":2,\"p50\":0.05,\"p95\":0.1},"
		      "\"total_s\":{\"records\":0,\"p50\":null,\"p95\":null},"
		      "\"connections\":{\"records\":2,\"inbound\":20,\"aborted\":1,\"refused\":2,"
		      "\"late\":2},\"findings\":{}}}");
	diff_fini(&a);
	diff_fini(&b);
}

static void test_diff_text(void **state)
{
	struct diff_set a, b;
	_cleanup_free_ char *shown = NULL;
	struct text text;

	(void)state;
	fill(&a, &b);
	text_init(&text);
	diff_print(&a, &b, &ascii, &text);
	shown = text_take(&text);
	assert_string_equal(shown,
			    "A: service=orders,until=2026-11-22\n"
			    "B: last\\x1b[31m\n"
			    "\n"
			    "                    A  records       B  records  A to B\n"
			    "  shutdowns         4                3\n"
			    "  clean             2                3           50 % to 100 %\n"
			    "  lossy             2                0           50 % to 0 %\n"
			    "  drain p50    200 ms        4   50 ms        2  -150 ms (-75 %)\n"
			    "  drain p95    400 ms        4  100 ms        2  -300 ms (-75 %)\n"
			    "  connections      40        4      20        2  10.00 to 10.00 a "
			    "shutdown\n"
			    "  aborted           8        4       1        2  2.00 to 0.50 a "
			    "shutdown\n"
			    "  refused          16        4       2        2  4.00 to 1.00 a "
			    "shutdown\n"
			    "  late              4        4       2        2  1.00 to 1.00 a "
			    "shutdown\n");
	diff_fini(&a);
	diff_fini(&b);
}

/* The other way round the second set lost more: marked. And a set of nothing divides nothing. */
static void test_diff_worse_and_empty(void **state)
{
	struct diff_set a, b, none = { .name = "none" };
	_cleanup_free_ char *shown = NULL;
	_cleanup_free_ char *line = NULL;
	struct text text;

	(void)state;
	fill(&a, &b);
	text_init(&text);
	diff_print(&b, &a, &ascii, &text);
	diff_print(&a, &none, &ascii, &text);
	line = json_from_diff(&none, &none);
	shown = text_take(&text);
	assert_non_null(strstr(shown, "\n! aborted "));
	assert_non_null(strstr(shown, "+150 ms (+300 %)"));
	assert_null(strstr(shown, "nan"));
	assert_null(strstr(shown, "\n! late"));
	assert_non_null(strstr(line, "\"shutdowns\":0,\"outcomes\":{}"));
	diff_fini(&a);
	diff_fini(&b);
}

/* --- list ------------------------------------------------------------------------------------- */

static void summaries_of(struct store_summary summaries[2])
{
	struct record *empty = fixture_empty();
	struct record *orders = fixture_orders();

	strcpy(empty->service.name, "\033[2Jevil\n");
	empty->has_connections = false;
	empty->is_complete = false;
	orders->is_provisional = true;
	summary_of_record(orders, &summaries[0]);
	summary_of_record(empty, &summaries[1]);
	fixture_free(empty);
	fixture_free(orders);
}

static void test_listing(void **state)
{
	struct store_summary summaries[2];
	_cleanup_free_ char *shown = NULL;
	struct text text;

	(void)state;
	summaries_of(summaries);
	text_init(&text);
	listing_print(summaries, 2, &ascii, &text);
	shown = text_take(&text);
	assert_string_equal(
		shown, "  id              at (UTC)             service          outcome   drain"
		       "   total  aborted  refused\n"
		       "! 01KAPK2Z7JQ0X4  2026-11-22 19:30:13  orders.service   lossy*   2.00 s"
		       "  2.12 s  4 of 15       40\n"
		       "? 01KAPK2Z7JQ0X4  2026-11-22 19:30:13  \\x1b[2Jevil\\x0a  clean\n"
		       "* may change: whether the port opens again is still watched\n");
}

static void test_summary_json(void **state)
{
	struct store_summary summaries[2];
	_cleanup_free_ char *orders = NULL;
	_cleanup_free_ char *empty = NULL;

	(void)state;
	summaries_of(summaries);
	orders = json_from_summary(&summaries[0]);
	empty = json_from_summary(&summaries[1]);
	assert_string_equal(
		orders,
		"{\"id\":\"01KAPK2Z7JQ0X4T8M5C9W3R6HD\",\"at\":\"2026-11-22T19:30:13.123456789Z\","
		"\"service\":{\"name\":\"orders.service\",\"kind\":\"unit\"},"
		"\"trigger\":{\"kind\":\"signal\",\"signal\":\"SIGTERM\"},\"outcome\":\"lossy\","
		"\"complete\":true,\"provisional\":true,\"timing\":{\"react_s\":0.000112,"
		"\"first_action_s\":0.0091,\"accepting_s\":0.0104,\"in_flight_s\":1.502,"
		"\"drain_s\":2.003,\"cleanup_s\":0.12,\"total_s\":2.123,\"dark_s\":3.4,"
		"\"grace_s\":90.0},\"connections\":{\"inbound\":15,\"in_flight_at_signal\":5,"
		"\"aborted\":4,\"late\":3,\"refused\":40}}");
	assert_non_null(strstr(empty, "\"name\":\"\\u001B[2Jevil\\n\""));
	assert_non_null(strstr(empty, "\"signal\":null"));
	assert_non_null(strstr(empty, "\"connections\":null}"));
}

/* --- CSV -------------------------------------------------------------------------------------- */

static char *csv_of(const struct record *record)
{
	struct text text;

	text_init(&text);
	csv_print_record(record, &text);
	return text_take(&text);
}

static void test_csv_line(void **state)
{
	struct record *orders = fixture_orders();
	_cleanup_free_ char *line = csv_of(orders);

	(void)state;
	assert_string_equal(line,
			    "01KAPK2Z7JQ0X4T8M5C9W3R6HD,2026-11-22T19:30:13.123456789Z,web-1,"
			    "orders.service,unit,orders.service,/system.slice/orders.service,,,"
			    "signal,SIGTERM,kill,lossy,true,false,0.000112000,0.009100000,"
			    "0.010400000,1.502000000,2.003000000,0.120000000,2.123000000,"
			    "3.400000000,90.000000000,9,12,5,3,4,0,40,1,2,8,0,0,0,\n");
	fixture_free(orders);
}

static void test_csv_quoting(void **state)
{
	static const struct {
		const char *name;
		const char *cell;
	} rows[] = {
		{ "plain", ",plain," },
		{ "a,b", ",\"a,b\"," },
		{ "say \"hi\"", ",\"say \"\"hi\"\"\"," },
		{ "two\nlines", ",\"two\nlines\"," },
		{ "=1+1", ",'=1+1," },
		{ "+1", ",'+1," },
		{ "-.mount", ",'-.mount," },
		{ "@SUM(A1)", ",'@SUM(A1)," },
		{ "\tx", ",'\tx," },
		{ "\r=x", ",\"'\r=x\"," },
		{ "=HYPERLINK(\"http://x\",\"y\")",
		  ",\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"," },
		{ "a=b", ",a=b," },
		{ "\xff\x1b[31m", ",\xef\xbf\xbd\xef\xbf\xbd[31m," },
		{ "", ",," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct record *record = fixture_empty();
		_cleanup_free_ char *line = NULL;

		strcpy(record->service.name, rows[i].name);
		line = csv_of(record);
		if (!strstr(line, rows[i].cell))
			fail_msg("'%s' is not in %s", rows[i].cell, line);
		fixture_free(record);
	}
}

/* Unknown is empty, and there are as many cells as names. */
static void test_csv_unknown(void **state)
{
	struct record *record = fixture_empty();
	_cleanup_free_ char *line = NULL;
	_cleanup_free_ char *head = NULL;
	struct text text;
	int commas = 0;

	(void)state;
	record->has_connections = false;
	record->timing.drain_ns = -1500000000;
	line = csv_of(record);
	text_init(&text);
	csv_print_head(&text);
	head = text_take(&text);
	for (const char *c = head; *c; c++)
		commas += *c == ',';
	for (const char *c = line; *c; c++)
		commas -= *c == ',';
	assert_int_equal(commas, 0);
	assert_non_null(strstr(line, ",clean,true,false,,,,,-1.500000000,,,,,0,,,,,,,,,,,,0,\n"));
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles), cmocka_unit_test(test_diff_json),
		cmocka_unit_test(test_diff_text),   cmocka_unit_test(test_diff_worse_and_empty),
		cmocka_unit_test(test_listing),	    cmocka_unit_test(test_summary_json),
		cmocka_unit_test(test_csv_line),    cmocka_unit_test(test_csv_quoting),
		cmocka_unit_test(test_csv_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
