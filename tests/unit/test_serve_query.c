/* SPDX-License-Identifier: GPL-2.0-only */
/* The query of the list: each key, what it refuses, and the link to the next page. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/serve/query.h"
#include "tests/unit/found.h"

#define ID "01KAPK2Z7JQ0X4T8M5C9W3R6HD"
#define SECOND 1000000000LL

static void set(struct query *query, const char *key, const char *value)
{
	char fault[QUERY_FAULT_BYTES] = "";

	if (query_set(query, key, value, fault))
		fail_msg("%s", fault);
}

static void assert_refused(const char *key, const char *value, const char *expected)
{
	char fault[QUERY_FAULT_BYTES] = "";
	struct query query = {};

	if (query_set(&query, key, value, fault) != -EINVAL)
		fail_msg("%s=%s was taken", key, value);
	if (!strstr(fault, expected))
		fail_msg("%s=%s: %s", key, value, fault);
}

static void test_filter(void **state)
{
	struct query query = {};
	struct store_filter filter;

	(void)state;
	filter = query_filter(&query);
	assert_null(filter.service);
	assert_null(filter.finding);
	assert_null(filter.before_id);
	assert_int_equal(filter.verdicts, 0);
	assert_int_equal(filter.until_wall_ns, 0);
	assert_int_equal(filter.limit, QUERY_LIMIT_DEFAULT + 1);

	set(&query, "service", "orders*.service");
	set(&query, "outcome", "lossy");
	set(&query, "outcome", "oom_killed");
	set(&query, "since", "2026-11-22T19:30:13.5Z");
	set(&query, "until", "1795376000");
	set(&query, "limit", "1000");
	set(&query, "before", ID);
	filter = query_filter(&query);
	assert_string_equal(filter.service, "orders*.service");
	assert_string_equal(filter.before_id, ID);
	assert_int_equal(filter.verdicts, 1 << VERDICT_LOSSY | 1 << VERDICT_OOM_KILLED);
	assert_int_equal(filter.since_wall_ns, 1795375813LL * SECOND + SECOND / 2);
	assert_int_equal(filter.until_wall_ns, 1795376000LL * SECOND);
	assert_int_equal(filter.limit, 1001);
	assert_false(filter.is_oldest_first);
}

static void test_end_of_time_zero(void **state)
{
	struct query query = {};

	(void)state;
	set(&query, "until", "0");
	/* 0 would be no end at all. */
	assert_int_not_equal(query_filter(&query).until_wall_ns, 0);
}

static void test_refused(void **state)
{
	char long_name[NAME_BYTES + 2] = "";

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	assert_refused("offset", "1", "unknown key offset");
	assert_refused("", "", "unknown key");
	assert_refused("Limit", "1", "unknown key Limit");
	assert_refused("service", "", "must be a name");
	assert_refused("service", long_name, "must be a name");
	assert_refused("outcome", "LOSSY", "must be clean, lossy");
	assert_refused("outcome", "", "must be clean, lossy");
	assert_refused("finding", "no_such_finding", "`shutwatch explain` lists them");
	assert_refused("finding", "a b", "the id of a finding");
	assert_refused("finding", "", "the id of a finding");
	assert_refused("limit", "0", "1 to 1000");
	assert_refused("limit", "1001", "1 to 1000");
	assert_refused("limit", "99999999999999999999999", "1 to 1000");
	assert_refused("limit", "-1", "1 to 1000");
	assert_refused("limit", "", "1 to 1000");
	assert_refused("limit", "5 ", "1 to 1000");
	assert_refused("before", "last", "the id of a record");
	assert_refused("before", "01kapk2z7jq0x4t8m5c9w3r6hd", "the id of a record");
	assert_refused("before", ID "0", "the id of a record");
	assert_refused("since", "yesterday", "RFC 3339");
	assert_refused("until", "", "RFC 3339");
}

static void test_twice(void **state)
{
	static const char *const pairs[][2] = { { "service", "a" },
						{ "since", "1" },
						{ "until", "1" },
						{ "limit", "1" },
						{ "before", ID } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		char fault[QUERY_FAULT_BYTES] = "";
		struct query query = {};

		set(&query, pairs[i][0], pairs[i][1]);
		assert_int_equal(query_set(&query, pairs[i][0], pairs[i][1], fault), -EINVAL);
		assert_non_null(strstr(fault, "given once"));
	}
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_ns; /* -1: refused */
	} cases[] = {
		{ "0", 0 },
		{ "1.5", 1500000000 },
		{ "1700000000.123456789", 1700000000123456789 },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1970-01-01T01:00:00 01:00", 0 }, /* the plus was not escaped */
		{ "1970-01-01 00:00:00Z", 0 },
		{ "1969-12-31T23:00:00-01:00", -1 }, /* before 1970 in its own zone */
		{ "1970-01-01T00:00:00-01:30", 5400 * SECOND },
		{ "1970-01-01T01:00:00+02:00", -1 },
		{ "2024-02-29T12:00:00Z", 1709208000 * SECOND },
		{ "2024-13-01T00:00:00Z", -1 },
		{ "2024-00-01T00:00:00Z", -1 },
		{ "2024-01-32T00:00:00Z", -1 },
		{ "2024-01-01T24:00:00Z", -1 },
		{ "2024-01-01T00:60:00Z", -1 },
		{ "2024-01-01T00:00:00", -1 },
		{ "2024-01-01T00:00Z", -1 },
		{ "2024-01-01", -1 },
		{ "2024-01-01T00:00:00.Z", -1 },
		{ "2024-01-01T00:00:00.1234567890Z", -1 },
		{ "2024-01-01T00:00:00Zx", -1 },
		{ "2024-01-01T00:00:00+1:00", -1 },
		{ "9999-01-01T00:00:00Z", -1 },
		{ "9999999999", -1 },
		{ "99999999999999999999", -1 },
		{ "1e9", -1 },
		{ "-1", -1 },
		{ "1.", -1 },
		{ "NaN", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t wall_ns = -1;
		int err = query_time(cases[i].text, &wall_ns);

		if (wall_ns != cases[i].wall_ns || err != (wall_ns < 0 ? -EINVAL : 0))
			fail_msg("%s: %lld", cases[i].text, (long long)wall_ns);
	}
}

static void test_next(void **state)
{
	struct query query = {};
	_cleanup_free_ char *plain = query_next(&query, ID);
	_cleanup_free_ char *full = NULL;

	(void)state;
	assert_string_equal(plain, "/api/v1/shutdowns?limit=100&before=" ID);
	set(&query, "service", "a&b=c d*?\xc3\xa9");
	set(&query, "outcome", "forced");
	set(&query, "outcome", "clean");
	set(&query, "since", "1");
	set(&query, "until", "2.5");
	set(&query, "limit", "7");
	set(&query, "before", "00000000000000000000000000");
	full = query_next(&query, ID);
	assert_string_equal(full, "/api/v1/shutdowns?limit=7&service=a%26b%3Dc%20d%2A%3F%C3%A9"
				  "&outcome=clean&outcome=forced"
				  "&since=1970-01-01T00:00:01.000000000Z"
				  "&until=1970-01-01T00:00:02.500000000Z&before=" ID);
}

/* Once, in the filter, and on to the next page. */
static void test_finding(void **state)
{
	const char *id = found_real_id();
	char fault[QUERY_FAULT_BYTES] = "";
	struct query query = {};
	struct store_filter filter;
	_cleanup_free_ char *next = NULL;

	(void)state;
	if (!id)
		skip();
	set(&query, "finding", id);
	filter = query_filter(&query);
	assert_string_equal(filter.finding, id);
	next = query_next(&query, ID);
	assert_non_null(strstr(next, "&finding="));
	assert_non_null(strstr(next, id));
	assert_int_equal(query_set(&query, "finding", id, fault), -EINVAL);
	assert_non_null(strstr(fault, "given once"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),	cmocka_unit_test(test_end_of_time_zero),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_twice),
		cmocka_unit_test(test_times),	cmocka_unit_test(test_next),
		cmocka_unit_test(test_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
