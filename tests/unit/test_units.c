/* SPDX-License-Identifier: GPL-2.0-only */
/* Durations and sizes for people, at the limits where rounding adds a digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "src/output/units.h"
#include "tests/unit/fixtures.h"

static void assert_duration(int64_t ns, const char *expected)
{
	char buffer[UNITS_BYTES];

	assert_string_equal(units_duration(ns, buffer), expected);
}

static void test_durations(void **state)
{
	(void)state;
	assert_duration(0, "0 ms");
	assert_duration(1, "<0.01 ms");
	assert_duration(24000, "0.02 ms");
	assert_duration(94999, "0.09 ms");
	assert_duration(95000, "0.1 ms");
	assert_duration(800000, "0.8 ms");
	assert_duration(9949999, "9.9 ms");
	assert_duration(9950000, "10 ms");
	assert_duration(24 * FIXTURE_MS, "24 ms");
	assert_duration(999499999, "999 ms");
	assert_duration(999500000, "1.00 s");
	assert_duration(1530 * FIXTURE_MS, "1.53 s");
	assert_duration(9994 * FIXTURE_MS, "9.99 s");
	assert_duration(9995 * FIXTURE_MS, "10.0 s");
	assert_duration(59949 * FIXTURE_MS, "59.9 s");
	assert_duration(59950 * FIXTURE_MS, "1 min");
	assert_duration(123000 * FIXTURE_MS, "2 min 3 s");
	assert_duration(3599400 * FIXTURE_MS, "59 min 59 s");
	assert_duration(3599500 * FIXTURE_MS, "1 h 0 min");
	assert_duration(3600000 * FIXTURE_MS, "1 h 0 min");
	assert_duration(11100000 * FIXTURE_MS, "3 h 5 min");
	assert_duration(-24 * FIXTURE_MS, "-24 ms");
}

static void assert_size(uint64_t bytes, const char *expected)
{
	char buffer[UNITS_BYTES];

	assert_string_equal(units_size(bytes, buffer), expected);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_size(0, "0 B");
	assert_size(999, "999 B");
	assert_size(1000, "1.0 kB");
	assert_size(1840, "1.8 kB");
	assert_size(9949, "9.9 kB");
	assert_size(9950, "10 kB");
	assert_size(999499, "999 kB");
	assert_size(999500, "1.0 MB");
	assert_size(1840233, "1.8 MB");
	assert_size(24000000000, "24 GB");
	assert_size(UINT64_MAX, "18 EB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
