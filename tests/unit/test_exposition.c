/* SPDX-License-Identifier: GPL-2.0-only */
/* The two formats: what a line looks like, strangers' names, exemplars, the table in README. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/output/metrics_families.h"
#include "tests/unit/exposed.h"
#include "tests/unit/fixtures.h"

#define ORDERS "service=\"orders.service\""
#define PROMTOOL "/usr/bin/promtool"

static void observe_named(struct metrics *metrics, const char *service)
{
	struct record *record = fixture_orders();

	snprintf(record->service.name, sizeof(record->service.name), "%s", service);
	snprintf(record->id, sizeof(record->id), "%026zu", strlen(service));
	assert_int_equal(metrics_observe(metrics, record), 0);
	fixture_free(record);
}

static struct metrics *orders(void)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_orders();

	assert_non_null(metrics);
	assert_int_equal(metrics_observe(metrics, record), 0);
	metrics_observe_snapshot(metrics, 0.002);
	fixture_free(record);
	return metrics;
}

static void assert_line(const char *text, const char *line)
{
	const char *found = strstr(text, line);

	if (!found)
		print_error("there is no %s in\n%s", line, text);
	assert_non_null(found);
	assert_true(found == text || found[-1] == '\n');
	assert_int_equal(found[strlen(line)], '\n');
}

static void test_text(void **state)
{
	struct metrics *metrics = orders();
	_cleanup_free_ char *text = exposed_text(metrics, METRICS_TEXT);

	(void)state;
	assert_line(text, "# HELP shutwatch_shutdowns_total Shutdowns recorded.");
	assert_line(text, "# TYPE shutwatch_shutdowns_total counter");
	assert_line(text, "# TYPE shutwatch_shutdown_duration_seconds histogram");
	assert_line(text, "# TYPE shutwatch_shutdowns_in_progress gauge");
	assert_line(text, "shutwatch_shutdowns_total{" ORDERS "} 1");
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
	assert_null(strstr(text, " # {"));
	metrics_free(metrics);
}

static void test_openmetrics(void **state)
{
	struct metrics *metrics = orders();
	_cleanup_free_ char *text = exposed_text(metrics, METRICS_OPENMETRICS);

	(void)state;
	assert_line(text, "# HELP shutwatch_shutdowns Shutdowns recorded.");
	assert_line(text, "# TYPE shutwatch_shutdowns counter");
	assert_line(text, "# UNIT shutwatch_shutdown_duration_seconds seconds");
	assert_line(text, "# UNIT shutwatch_store_size_bytes bytes");
	assert_line(text, "# UNIT process_cpu_seconds seconds");
	assert_null(strstr(text, "# TYPE shutwatch_shutdowns_total"));
	assert_null(strstr(text, "\n\n"));
	assert_string_equal(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
	assert_ptr_equal(strstr(text, "# EOF"), text + strlen(text) - strlen("# EOF\n"));
	metrics_free(metrics);
}

/* The record, what it added, and when it ended (T0 + 2.123 s). */
static void test_exemplars(void **state)
{
	struct metrics *metrics = orders();
	_cleanup_free_ char *text = exposed_text(metrics, METRICS_OPENMETRICS);
	static const char id[] = " # {record_id=\"01KAPK2Z7JQ0X4T8M5C9W3R6HD\"} ";

	(void)state;
	assert_non_null(strstr(text, id));
	assert_line(text, "shutwatch_shutdowns_total{" ORDERS "} 1 # "
			  "{record_id=\"01KAPK2Z7JQ0X4T8M5C9W3R6HD\"} 1 1795375815.246");
	assert_line(text, "shutwatch_connection_attempts_refused_total{" ORDERS "} 40 # "
			  "{record_id=\"01KAPK2Z7JQ0X4T8M5C9W3R6HD\"} 40 1795375815.246");
	/* In its own bucket, not in those above. */
	assert_line(text, "shutwatch_shutdown_duration_seconds_bucket{" ORDERS ",le=\"2.5\"} 1 # "
			  "{record_id=\"01KAPK2Z7JQ0X4T8M5C9W3R6HD\"} 2.123 1795375815.246");
	assert_line(text, "shutwatch_shutdown_duration_seconds_bucket{" ORDERS ",le=\"5.0\"} 1");
	/* Not on gauges, nor where nothing happened. */
	assert_line(text, "shutwatch_last_shutdown_attempts_refused{" ORDERS "} 40");
	assert_line(text, "shutwatch_shutdowns_incomplete_total{" ORDERS "} 0");
	metrics_free(metrics);
}

static void test_self(void **state)
{
	struct metrics *metrics = metrics_new(1);

	(void)state;
	assert_sample(metrics, "shutwatch_build_info{version=\"0.1.0\",kernel=\"6.18.44\"}", "1");
	assert_sample(metrics, "shutwatch_events_total", "18446744073709551615");
	assert_sample(metrics, "shutwatch_events_lost_total{cause=\"event_ring_full\"}", "2");
	assert_sample(metrics, "shutwatch_events_lost_total{cause=\"unbalanced\"}", "0");
	assert_sample(metrics, "shutwatch_bpf_program_available{program=\"on_reset_sent\"}", "0");
	assert_sample(metrics,
		      "shutwatch_bpf_program_run_seconds_total{program=\"on_signal_generate\"}",
		      "0.25");
	assert_sample(metrics, "shutwatch_bpf_program_runs_total{program=\"on_signal_generate\"}",
		      "1000");
	assert_sample(metrics, "shutwatch_bpf_map_entries{map=\"members\"}", "12");
	assert_sample(metrics, "shutwatch_bpf_map_capacity_entries{map=\"members\"}", "8192");
	assert_sample(metrics, "shutwatch_services_watched", "11");
	assert_sample(metrics, "shutwatch_journal_size_bytes", "12");
	assert_sample(metrics, "shutwatch_journal_errors_total", "13");
	assert_sample(metrics, "shutwatch_store_errors_total", "14");
	assert_sample(metrics, "shutwatch_store_records_total", "15");
	assert_sample(metrics, "shutwatch_store_records_dropped_total", "16");
	assert_sample(metrics, "shutwatch_store_records_held", "17");
	assert_sample(metrics, "shutwatch_store_size_bytes", "18");
	assert_sample(metrics, "shutwatch_http_requests_total", "19");
	assert_sample(metrics, "shutwatch_http_requests_refused_total", "20");
	assert_sample(metrics, "shutwatch_config_reloads_failed_total", "21");
	assert_sample(metrics, "shutwatch_log_lines_dropped_total", "31");
	assert_sample(metrics, "shutwatch_config_last_reload_successful", "1");
	assert_sample(metrics, "process_cpu_seconds_total", "0.1");
	assert_sample(metrics, "process_start_time_seconds", "1795375813.12");
	assert_sample(metrics, "process_resident_memory_bytes", "22");
	assert_sample(metrics, "process_virtual_memory_bytes", "23");
	assert_sample(metrics, "process_open_fds", "24");
	assert_sample(metrics, "process_max_fds", "25");
	metrics_free(metrics);
}

static void test_hostile_names(void **state)
{
	struct metrics *metrics = metrics_new(10);
	char name[NAME_BYTES];
	char expected[NAME_BYTES + 64];

	(void)state;
	observe_named(metrics, "a\\b\"c\nd} 7");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"a\\\\b\\\"c\\nd} 7\"}", "1");
	observe_named(metrics, "\xff\xc3\xbc");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"\xef\xbf\xbd\xc3\xbc\"}", "1");
	observe_named(metrics, "");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"unknown\"}", "1");
	/* 128 bytes, and no half a character: 127 and a character of 2 are cut to 127. */
	memset(name, 'x', 127);
	strcpy(name + 127, "\xc3\xbcyz");
	observe_named(metrics, name);
	snprintf(expected, sizeof(expected), "shutwatch_shutdowns_total{service=\"%.127s\"}", name);
	assert_sample(metrics, expected, "1");
	memset(name, '"', 200);
	name[200] = '\0';
	observe_named(metrics, name);
	strcpy(expected, "shutwatch_shutdowns_total{service=\"");
	for (int i = 0; i < 128; i++)
		strcat(expected, i % 2 ? "" : "\\\"\\\"");
	strcat(expected, "\"}");
	assert_sample(metrics, expected, "1");
	metrics_free(metrics);
}

/* Every line of a hostile exposition is a comment or a sample, in valid UTF-8. */
static void test_lines(void **state)
{
	struct metrics *metrics = metrics_new(300);

	(void)state;
	for (int c = 1; c < 256; c++) {
		char name[] = { (char)c, (char)c, '"', (char)c, 0 };

		observe_named(metrics, name);
	}
	for (int format = METRICS_TEXT; format <= METRICS_OPENMETRICS; format++) {
		_cleanup_free_ char *text = exposed_text(metrics, format);
		_cleanup_free_ char *valid = text_valid_utf8(text, strlen(text));
		char *rest = text;
		char *line;

		assert_string_equal(text, valid);
		assert_int_equal(text[strlen(text) - 1], '\n');
		text[strlen(text) - 1] = '\0';
		while ((line = strsep(&rest, "\n")))
			assert_true(strncmp(line, "# ", 2) == 0 ||
				    strncmp(line, "shutwatch_", 10) == 0 ||
				    strncmp(line, "process_", 8) == 0);
	}
	metrics_free(metrics);
}

static void test_promtool(void **state)
{
	struct metrics *metrics = orders();
	_cleanup_free_ char *text = NULL;
	FILE *promtool;

	(void)state;
	observe_named(metrics, "a\\b\"c\nd\xff");
	text = exposed_text(metrics, METRICS_TEXT);
	metrics_free(metrics);
	if (access(PROMTOOL, X_OK) != 0)
		skip();
	promtool = popen(PROMTOOL " check metrics >&2", "w");
	assert_non_null(promtool);
	fputs(text, promtool);
	assert_int_equal(pclose(promtool), 0); /* 3: a warning */
}

/* Names as Prometheus wants them; no help that would need escapes. */
static void test_families(void **state)
{
	(void)state;
	for (int i = 0; i < FAMILIES; i++) {
		const struct family *family = &families[i];

		assert_non_null(family->name);
		assert_true(strncmp(family->name, "shutwatch_", 10) == 0 ||
			    strncmp(family->name, "process_", 8) == 0);
		assert_int_equal(strspn(family->name, "abcdefghijklmnopqrstuvwxyz_"),
				 strlen(family->name));
		assert_null(strstr(family->name, "_total"));
		assert_null(strpbrk(family->help, "\\\"\n|"));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(family->name, families[j].name);
	}
}

/* What stands between the markers in README.md is the table of the code. */
static void test_readme(void **state)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *table = metrics_markdown();
	_cleanup_free_ char *readme = NULL;
	static const char begin[] = "<!-- metrics -->\n";
	size_t capacity = 0;
	char *found;
	char *end;

	(void)state;
	file = fopen("README.md", "r");
	assert_non_null(file);
	assert_true(getdelim(&readme, &capacity, '\0', file) > 0);
	found = strstr(readme, begin);
	assert_non_null(found);
	found += strlen(begin);
	end = strstr(found, "<!-- /metrics -->\n");
	assert_non_null(end);
	*end = '\0';
	if (strcmp(found, table) != 0)
		print_error("README.md should have\n%s", table);
	assert_string_equal(found, table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	  cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_exemplars), cmocka_unit_test(test_self),
		cmocka_unit_test(test_families),  cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_lines),	  cmocka_unit_test(test_promtool),
		cmocka_unit_test(test_readme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
