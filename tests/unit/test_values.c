/* SPDX-License-Identifier: GPL-2.0-only */
/* Sizes and signals as they are typed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/config/values.h"

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t bytes;
	} rows[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "4096B", 0, 4096 },
		{ "1kB", 0, 1000 },
		{ "1KB", 0, 1000 },
		{ "3KiB", 0, 3072 },
		{ "500MiB", 0, 500 << 20 },
		{ "1GB", 0, 1000000000 },
		{ "2TiB", 0, 2ULL << 40 },
		{ "16777215TiB", 0, 16777215ULL << 40 },
		{ "16777216TiB", -ERANGE, 7 },
		{ "18446744073709551616", -ERANGE, 7 },
		{ "", -EINVAL, 7 },
		{ "MiB", -EINVAL, 7 },
		{ "1 GB", -EINVAL, 7 },
		{ "-1", -EINVAL, 7 },
		{ "1.5GB", -EINVAL, 7 },
		{ "0x10", -EINVAL, 7 },
		{ "1gib", -EINVAL, 7 },
		{ "1GiBs", -EINVAL, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t bytes = 7;

		if (size_parse(rows[i].text, &bytes) != rows[i].err || bytes != rows[i].bytes)
			print_error("'%s'\n", rows[i].text);
		bytes = 7;
		assert_int_equal(size_parse(rows[i].text, &bytes), rows[i].err);
		assert_int_equal(bytes, rows[i].bytes);
	}
}

static void test_no_signals(void **state)
{
	static const char *const texts[] = { "",	"0",	  "65",	      "SIG",	    "SIG0",
					     "SIG65",	"-1",	  "TERMX",    "SIGSIGTERM", "RTMI",
					     "RTMIN-1", "RTMIN+", "RTMIN+31", "RTMAX+1",    "1e1",
					     "+9",	" 9",	  "KIL" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int signal = -7;

		if (signal_parse(texts[i], &signal) != -EINVAL)
			print_error("'%s'\n", texts[i]);
		assert_int_equal(signal_parse(texts[i], &signal), -EINVAL);
		assert_int_equal(signal, -7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
