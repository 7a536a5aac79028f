/* SPDX-License-Identifier: GPL-2.0-only */
/* Times as they are typed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/duration.h"

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{ "0", 0 },
		{ "30", 30 * NSEC_PER_SEC },
		{ "30s", 30 * NSEC_PER_SEC },
		{ "1.5s", 1500000000 },
		{ "500ms", 500000000 },
		{ "250us", 250000 },
		{ "10m", 600 * NSEC_PER_SEC },
		{ "10min", 600 * NSEC_PER_SEC },
		{ "2h", 7200 * NSEC_PER_SEC },
		{ "0.5h", 1800 * NSEC_PER_SEC },
		{ "90d", 90 * 86400 * NSEC_PER_SEC },
		{ "010s", 10 * NSEC_PER_SEC },
		{ "315360000", 315360000 * NSEC_PER_SEC }, /* ten years */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns = UINT64_MAX;

		if (duration_parse(rows[i].text, &ns) || ns != rows[i].ns)
			print_error("%s\n", rows[i].text);
		assert_int_equal(duration_parse(rows[i].text, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

static void test_no_durations(void **state)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "", -EINVAL },
		{ "s", -EINVAL },
		{ "-1s", -EINVAL },
		{ "+1s", -EINVAL },
		{ " 1s", -EINVAL },
		{ "1s ", -EINVAL },
		{ "1 s", -EINVAL },
		{ "1S", -EINVAL },
		{ "1D", -EINVAL },
		{ "1day", -EINVAL },
		{ "1sm", -EINVAL },
		{ "inf", -EINVAL },
		{ "nan", -EINVAL },
		{ ".5s", -EINVAL },
		{ "1,5s", -EINVAL },
		{ "30s10", -EINVAL },
		{ "1e999", -ERANGE },
		{ "315360001", -ERANGE },
		{ "87601h", -ERANGE },
		{ "3651d", -ERANGE },
		{ "99999999999999999999999s", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns = 12345;

		if (duration_parse(rows[i].text, &ns) != rows[i].err)
			print_error("'%s'\n", rows[i].text);
		assert_int_equal(duration_parse(rows[i].text, &ns), rows[i].err);
		assert_int_equal(ns, 12345);
	}
}

/* Nobody means sixteen seconds, or a day. */
static void test_no_hexadecimal(void **state)
{
	uint64_t ns = 12345;

	(void)state;
	assert_int_equal(duration_parse("0x10", &ns), -EINVAL);
	assert_int_equal(duration_parse("0x1p3s", &ns), -EINVAL);
	assert_int_equal(ns, 12345);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_no_durations),
		cmocka_unit_test(test_no_hexadecimal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
