/* SPDX-License-Identifier: GPL-2.0-only */
/* Points in time as they are typed, and the words that select records. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/when.h"
#include "src/cli/options.h"
#include "src/cli/selection.h"
#include "tests/unit/found.h"

#define NOW 1795375813123456789LL /* 2026-11-22T19:30:13.123456789Z */
#define S ((int64_t)NSEC_PER_SEC)

static void test_points(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{ "2026-11-22T19:30:13.123456789Z", NOW },
		{ "2026-11-22 19:30:13.123456789", NOW },
		{ "2026-11-22T19:30:13Z", NOW - 123456789 },
		{ "2026-11-22T19:30:13.1Z", NOW - 23456789 },
		{ "2026-11-22T19:30:13.1234567899999Z", NOW },
		{ "2026-11-22T19:30Z", 1795375800 * S },
		{ "2026-11-22", 1795305600 * S },
		{ "2024-02-29", 1709164800 * S },
		{ "1970-01-01", 0 },
		{ "2200-12-31T23:59:60Z", 7289654400 * S },
		{ "90s", NOW - 90 * S },
		{ "15m", NOW - 900 * S },
		{ "2h", NOW - 7200 * S },
		{ "7d", NOW - 604800 * S },
		{ "4w", NOW - 4 * 604800 * S },
		{ "0s", NOW },
		{ "100w", NOW - 100 * 604800 * S },
		{ "9999w", 0 }, /* before 1970 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t ns = -1;

		if (when_parse(rows[i].text, NOW, &ns) || ns != rows[i].ns)
			fail_msg("%s: %lld", rows[i].text, (long long)ns);
	}
}

static void test_no_points(void **state)
{
	static const char *const rows[] = {
		"",
		"-",
		"h",
		"2",
		"-2h",
		"2 h",
		"2hh",
		"2y",
		"2H",
		"2026",
		"2026-13-01",
		"2026-00-01",
		"2026-02-30",
		"2025-02-29",
		"1969-12-31",
		"2201-01-01",
		"26-11-22",
		"2026-1-2",
		"2026-11-22T",
		"2026-11-22T19",
		"2026-11-22T24:00",
		"2026-11-22T19:60",
		"2026-11-22T19:30:61",
		"2026-11-22T19:30:",
		"2026-11-22T19:30:13.",
		"2026-11-22T19:30:13+01:00",
		"2026-11-22ZZ",
		"now",
		"99999999999999999999999w",
		"2026-11-22T19:30:13.5x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t ns = 12345;

		if (when_parse(rows[i], NOW, &ns) != -EINVAL || ns != 12345)
			fail_msg("'%s' is no time, but came to %lld", rows[i], (long long)ns);
	}
}

static void test_selection(void **state)
{
	char words[] = "service=orders*,since=2026-11-22,until=2026-11-23T00:00Z,outcome=lossy,"
		       "outcome=forced,n=7";
	struct store_filter filter;

	(void)state;
	assert_null(selection_parse(words, &filter));
	assert_string_equal(filter.service, "orders*");
	assert_int_equal(filter.since_wall_ns, 1795305600 * S);
	assert_int_equal(filter.until_wall_ns, (1795305600 + 86400) * S);
	assert_int_equal(filter.verdicts, 1 << VERDICT_LOSSY | 1 << VERDICT_FORCED);
	assert_int_equal(filter.limit, 7);
	assert_null(filter.before_id);
}

/* A finding that the table has, and what is none. */
static void test_finding(void **state)
{
	char none[] = "finding=no_such_finding", empty[] = "finding=";
	struct store_filter filter;

	(void)state;
	assert_non_null(strstr(selection_parse(none, &filter), "`shutwatch explain`"));
	assert_non_null(strstr(selection_parse(empty, &filter), "`shutwatch explain`"));
	if (!found_real_id())
		skip();
	assert_null(selection_set(&filter, "finding", found_real_id()));
	assert_string_equal(filter.finding, found_real_id());
}

static void test_no_selection(void **state)
{
	static const char *const rows[] = {
		"",
		"service",
		"service=",
		"=x",
		"n=0",
		"n=-1",
		"n=1x",
		"outcome=odd",
		"outcome=",
		"since=yesterday",
		"service=a,",
		"service=a,,n=1",
		"before=x",
		"SERVICE=a",
		"n=99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *copy = strdup(rows[i]);
		struct store_filter filter;

		if (!selection_parse(copy, &filter))
			fail_msg("'%s' is no selection", rows[i]);
	}
}

#define PARSE(options, set, ...)                                                                   \
	({                                                                                         \
		static const struct options_usage usage_ = { .sets = (set), .doc = "" };           \
		static char *argv_[] = { __VA_ARGS__, NULL };                                      \
		options_parse(&usage_, (int)ARRAY_SIZE(argv_) - 1, argv_, options);                \
	})

static void test_options(void **state)
{
	struct options options;

	(void)state;
	PARSE(&options, OPTIONS_STORE | OPTIONS_FILTER | OPTIONS_PAGE | OPTIONS_JSON, "list");
	assert_string_equal(options.store_path, STORE_PATH_DEFAULT);
	assert_memory_equal(&options.filter, &(struct store_filter){}, sizeof(options.filter));
	assert_null(options.before);
	PARSE(&options, OPTIONS_STORE | OPTIONS_FILTER | OPTIONS_PAGE | OPTIONS_JSON, "list",
	      "--store", "/x", "--service=a,b", "--since", "2026-11-22", "--until", "0s",
	      "--outcome", "clean", "--outcome", "draining", "-n", "3", "--before", "01K",
	      "--json");
	assert_string_equal(options.store_path, "/x");
	assert_string_equal(options.filter.service, "a,b");
	assert_int_equal(options.filter.verdicts, 1 << VERDICT_CLEAN | 1 << VERDICT_DRAINING);
	assert_int_equal(options.filter.since_wall_ns, 1795305600 * S);
	assert_true(options.filter.until_wall_ns > options.filter.since_wall_ns - 86400 * 366 * S);
	assert_int_equal(options.filter.limit, 3);
	assert_string_equal(options.before, "01K");
	PARSE(&options, OPTIONS_FORMAT, "export", "--format", "csv");
	assert_true(options.is_csv);
	PARSE(&options, OPTIONS_FORMAT, "export", "--format=json");
	assert_false(options.is_csv);
	PARSE(&options, OPTIONS_ID, "show", "last");
	assert_string_equal(options.names[0], "last");
	PARSE(&options, OPTIONS_PAIR, "diff", "a", "n=1");
	assert_string_equal(options.names[0], "a");
	assert_string_equal(options.names[1], "n=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),	  cmocka_unit_test(test_no_points),
		cmocka_unit_test(test_selection), cmocka_unit_test(test_no_selection),
		cmocka_unit_test(test_finding),	  cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
