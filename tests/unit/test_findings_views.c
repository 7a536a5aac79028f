/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings and waits as the report, JSON, CSV and diff show them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "src/base/cleanup.h"
#include "src/output/csv.h"
#include "src/output/diff.h"
#include "src/output/json.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/found.h"
#include "tests/unit/presentable.h"

static const struct report_style ascii = { .columns = 80 };

/* --- report ----------------------------------------------------------------------------------- */

static void test_report(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *report = NULL;

	(void)state;
	found_fill(record);
	report = presentable_report(record, &ascii);
	assert_non_null(strstr(report, "connection attempts were refused\n"
				       "\n"
				       "! 2 connections were lost. [lost]\n"
				       "  -> Close the listener later.\n"
				       "? It took 2.12 s. [slow]\n"
				       "- A word. [hint]\n"
				       "  -> Read it.\n"
				       "\n"
				       "  trigger "));
	assert_non_null(strstr(report,
			       "\nWhere the time went (% of the time of each thread)\n"
			       "   9.90 s   50 %  main thread of uvicorn (812): in epoll_wait "
			       "with 2 inbound\n"
			       "                  connections open\n"
			       "    20 ms   50 %  thread worker (813): running\n"));
	fixture_free(record);
}

/* The most severe first, whatever order a file has; a long sentence goes on below its own. */
static void test_order_and_width(void **state)
{
	struct record *record = fixture_empty();
	const struct report_style style = { .columns = 40, .use_unicode = true };
	_cleanup_free_ char *report = NULL;

	(void)state;
	found_add(record, &found_rows[0], "Third.", "");
	found_add(record, &found_rows[2], "A sentence that is longer than the width of a line.",
		  "The advice is no shorter than that, and wraps.");
	found_add(record, &found_rows[1], "Second.", "");
	report = presentable_report(record, &style);
	assert_non_null(strstr(report, "\n"
				       "\u2717 A sentence that is longer than the\n"
				       "  width of a line. [lost]\n"
				       "  \u2192 The advice is no shorter than that,\n"
				       "    and wraps.\n"
				       "? Second. [slow]\n"
				       "\u00b7 Third. [hint]\n"));
	fixture_free(record);
}

/* One change for several findings: told with the one that is shown first. */
static void test_same_advice(void **state)
{
	struct record *record = fixture_empty();
	_cleanup_free_ char *report = NULL;

	(void)state;
	found_add(record, &found_rows[0], "Third.", "Sleep.");
	found_add(record, &found_rows[2], "First.", "Sleep.");
	found_add(record, &found_rows[1], "Second.", "Wake up.");
	report = presentable_report(record, &ascii);
	assert_non_null(strstr(report, "\n"
				       "! First. [lost]\n"
				       "  -> Sleep.\n"
				       "? Second. [slow]\n"
				       "  -> Wake up.\n"
				       "- Third. [hint]\n"
				       "  -> The same as for lost.\n"));
	fixture_free(record);
}

static void test_waits_in_words(void **state)
{
	static const struct {
		const char *call;
		enum wait_object object;
		const char *text;
		enum wait_state state;
		const char *shown;
	} rows[] = {
		{ "fdatasync", WAIT_ON_FILE, "/var/lib/x", WAIT_SLEEPING,
		  "in fdatasync of /var/lib/x\n" },
		{ "fdatasync", WAIT_ON_FILE, "/x", WAIT_BLOCKED,
		  "in fdatasync of /x, blocked in the kernel\n" },
		{ "recvfrom", WAIT_ON_SOCKET, "10.0.0.5:5432", WAIT_SLEEPING,
		  "in recvfrom on 10.0.0.5:5432\n" },
		{ "futex", WAIT_ON_FUTEX, "", WAIT_SLEEPING, "in futex for a lock\n" },
		{ "wait4", WAIT_ON_CHILD, "pid 7", WAIT_SLEEPING, "in wait4 for pid 7\n" },
		{ "nanosleep", WAIT_ON_TIMER, "", WAIT_SLEEPING, "in nanosleep for a timer\n" },
		{ "read", WAIT_ON_PIPE, "", WAIT_SLEEPING, "in read on a pipe\n" },
		{ "epoll_wait", WAIT_ON_EPOLL, "", WAIT_SLEEPING, "in epoll_wait\n" },
		{ "getdents64", WAIT_ON_NOTHING, "", WAIT_RUNNING, "in getdents64, running\n" },
		{ "", WAIT_ON_NOTHING, "", WAIT_SLEEPING, "asleep\n" },
		{ "", WAIT_ON_NOTHING, "", WAIT_BLOCKED, "blocked\n" },
	};
	const struct report_style wide = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct record *record = fixture_empty();
		_cleanup_free_ char *report = NULL;

		found_wait(record, "x", rows[i].call, rows[i].object, rows[i].text, FIXTURE_MS)
			->state = rows[i].state;
		report = presentable_report(record, &wide);
		if (!strstr(report, rows[i].shown))
			fail_msg("'%s' is not in %s", rows[i].shown, report);
		fixture_free(record);
	}
}

/* Five waits, and how many more; none where nobody looked, or nothing was found. */
static void test_only_the_longest_waits(void **state)
{
	struct record *record = fixture_empty();
	_cleanup_free_ char *none = presentable_report(record, &ascii);
	_cleanup_free_ char *report = NULL;

	(void)state;
	for (int i = 0; i < 7; i++)
		found_wait(record, "t", "read", WAIT_ON_PIPE, i == 5 ? "sixth" : "", FIXTURE_MS);
	report = presentable_report(record, &ascii);
	assert_non_null(strstr(report, "\n  ... and 2 more\n"));
	assert_null(strstr(report, "sixth"));
	assert_null(strstr(none, "Where the time went"));
	fixture_free(record);
}

/* Threads that nobody gave work come last, however long they did nothing. */
static void test_parked_threads_come_last(void **state)
{
	const struct report_style wide = {};
	struct record *record = fixture_empty();
	_cleanup_free_ char *report = NULL;

	(void)state;
	for (int i = 0; i < 5; i++)
		found_wait(record, "pool", "futex", WAIT_ON_FUTEX, "", 900 * FIXTURE_MS)->share = 1;
	found_wait(record, "busy", "read", WAIT_ON_SOCKET, "10.0.0.5:5432", 800 * FIXTURE_MS)
		->cleanup_ns = 150 * FIXTURE_MS;
	report = presentable_report(record, &wide);
	assert_in_range(strstr(report, "thread busy") - report, 1,
			strstr(report, "thread pool") - report);
	assert_non_null(strstr(report, "10.0.0.5:5432; 150 ms of it in clean-up"));
	assert_non_null(strstr(report, "\n  ... and 1 more\n"));
	fixture_free(record);
}

static void fill_hostile(struct record *record, bool is_ascii)
{
	const char *evil = is_ascii ? "\033[2J\r\n\t<script>|'\"; DROP" : "\xff\u202e\033]0;x\a";
	char endless[3000];
	struct finding *finding;

	memset(endless, 'w', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	finding = found_add(record, &found_rows[2], evil, evil);
	snprintf(found_evidence(finding, evil, EVIDENCE_TEXT, 0)->text, EVIDENCE_TEXT_BYTES, "%s",
		 evil);
	found_evidence(finding, "s", EVIDENCE_SECONDS, INT64_MAX);
	found_evidence(finding, "n", EVIDENCE_COUNT, INT64_MIN);
	found_add(record, &found_rows[1], endless, endless);
	found_add(record, &found_rows[0], "", "");
	for (int i = 0; i < 60; i++)
		found_add(record, &found_rows[1], "again", "and again");
	found_wait(record, evil, evil, WAIT_ON_SOCKET, evil, INT64_MAX)->share = NAN;
	endless[WAIT_TEXT_BYTES - 1] = '\0';
	found_wait(record, evil, evil, WAIT_ON_FILE, endless, TIME_UNKNOWN)->share = INFINITY;
}

static void test_hostile(void **state)
{
	(void)state;
	for (int is_ascii = 0; is_ascii < 2; is_ascii++) {
		struct record *record = fixture_orders();
		_cleanup_free_ char *line = NULL;
		_cleanup_free_ char *report = NULL;
		json_t *json;

		fill_hostile(record, is_ascii);
		assert_presentable_anywhere(record, is_ascii);
		report = presentable_report(record, &ascii);
		assert_non_null(strstr(report, "... and 23 more\n"));
		line = json_from_record(record, false);
		assert_non_null(line);
		json = json_loads(line, 0, NULL);
		assert_int_equal(json_array_size(json_object_get(json, "findings")), 63);
		json_decref(json);
		fixture_free(record);
	}
}

/* All that is usual, in all widths and looks. */
static void test_everywhere(void **state)
{
	struct record *record = fixture_orders();

	(void)state;
	found_fill(record);
	assert_presentable_anywhere(record, true);
	for (size_t columns = 40; columns <= 100; columns++) {
		const struct report_style style = { .columns = columns, .use_colour = true };
		_cleanup_free_ char *report = presentable_report(record, &style);
	}
	fixture_free(record);
}

/* --- JSON and CSV ----------------------------------------------------------------------------- */

static void test_json(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *line = NULL;

	(void)state;
	found_fill(record);
	line = json_from_record(record, false);
	assert_non_null(strstr(
		line,
		"\"findings\":[{\"id\":\"lost\",\"severity\":\"error\","
		"\"summary\":\"2 connections were lost.\",\"evidence\":{\"connections\":2,"
		"\"late_s\":3.4,\"peer\":\"10.0.0.9:51322\"},"
		"\"advice\":\"Close the listener later.\"},"
		"{\"id\":\"slow\",\"severity\":\"warning\",\"summary\":\"It took 2.12 s.\","
		"\"evidence\":{},\"advice\":\"\"},"
		"{\"id\":\"hint\",\"severity\":\"info\",\"summary\":\"A word.\",\"evidence\":{},"
		"\"advice\":\"Read it.\"}],"
		"\"waits\":[{\"pid\":812,\"tid\":812,\"comm\":\"uvicorn\",\"main\":true,"
		"\"state\":\"sleeping\",\"call\":\"epoll_wait\",\"object\":\"epoll\","
		"\"text\":\"2 inbound connections open\",\"seconds\":9.9,\"cleanup_s\":0.0,"
		"\"share\":0.5,"
		"\"samples\":99},"
		"{\"pid\":812,\"tid\":813,\"comm\":\"worker\",\"main\":false,"
		"\"state\":\"running\",\"call\":null,\"object\":null,\"text\":null,"
		"\"seconds\":0.02,\"cleanup_s\":0.0,\"share\":0.5,\"samples\":99}],\"loss\":"));
	assert_non_null(strstr(line, "\"last_arrival_s\":3.4,\"last_refused_s\":3.5,"));
	assert_non_null(strstr(line, "\"args\":null,\"program\":\"uvicorn\",\"signals\""));
	assert_non_null(strstr(line, "\"args\":null,\"program\":null,\"signals\""));
	fixture_free(record);
}

/* Somebody looked, and nobody waited: that is no null. */
static void test_json_no_waits(void **state)
{
	struct record *record = fixture_empty();
	_cleanup_free_ char *line = NULL;

	(void)state;
	record->has_waits = true;
	line = json_from_record(record, false);
	assert_non_null(strstr(line, "\"waits\":[],"));
	fixture_free(record);
}

static void test_csv(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *line = NULL;
	struct text text;

	(void)state;
	found_fill(record);
	text_init(&text);
	csv_print_record(record, &text);
	line = text_take(&text);
	assert_non_null(strstr(line, ",0,lost slow hint\n"));
	fixture_free(record);
}

/* --- diff ------------------------------------------------------------------------------------- */

static void add_shutdowns(struct diff_set *set, int n)
{
	struct store_summary summary = { .timing = { .drain_ns = TIME_UNKNOWN,
						     .total_ns = TIME_UNKNOWN } };

	for (int i = 0; i < n; i++)
		assert_int_equal(diff_add(set, &summary), 0);
}

static void test_diff(void **state)
{
	struct diff_set a = { .name = "a" }, b = { .name = "b" };
	_cleanup_free_ char *shown = NULL;
	_cleanup_free_ char *line = NULL;
	struct text text;

	(void)state;
	add_shutdowns(&a, 4);
	add_shutdowns(&b, 4);
	diff_add_finding(&a, "same", 1);
	diff_add_finding(&b, "same", 1);
	diff_add_finding(&a, "gone", 2);
	diff_add_finding(&a, "gone", 1);
	diff_add_finding(&b, "new\033[31m", 2);
	text_init(&text);
	diff_print(&a, &b, &ascii, &text);
	shown = text_take(&text);
	assert_non_null(strstr(shown, "\n  gone         3        4  0        4  75 % to 0 %\n"
				      "? new\\x1b[31m  0        4  2        4  0 % to 50 %\n"));
	assert_null(strstr(shown, "same"));
	line = json_from_diff(&a, &b);
	assert_non_null(strstr(line, "\"findings\":{\"same\":1,\"gone\":3}}"));
	for (int i = 0; i < 2 * DIFF_FINDINGS_MAX; i++) {
		char id[16];

		snprintf(id, sizeof(id), "f%d", i);
		diff_add_finding(&a, id, 1);
	}
	assert_int_equal(a.n_findings, DIFF_FINDINGS_MAX);
	diff_fini(&a);
	diff_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_order_and_width),
		cmocka_unit_test(test_same_advice),
		cmocka_unit_test(test_waits_in_words),
		cmocka_unit_test(test_only_the_longest_waits),
		cmocka_unit_test(test_parked_threads_come_last),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_everywhere),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_no_waits),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
