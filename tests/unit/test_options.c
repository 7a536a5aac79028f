/* SPDX-License-Identifier: GPL-2.0-only */
/* What a command line comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/cli/options.h"

#define PARSE(options, set, ...)                                                                   \
	({                                                                                         \
		static const struct options_usage usage_ = { .sets = (set), .doc = "" };           \
		static char *argv_[] = { __VA_ARGS__, NULL };                                      \
		options_parse(&usage_, (int)ARRAY_SIZE(argv_) - 1, argv_, options);                \
		&argv_[0];                                                                         \
	})

static void test_defaults(void **state)
{
	struct options options;

	(void)state;
	PARSE(&options, OPTIONS_MODEL | OPTIONS_TARGETS | OPTIONS_END | OPTIONS_JSON, "watch");
	assert_int_equal(options.model.settle_ns, NSEC_PER_SEC);
	assert_int_equal(options.model.patience_ns, 600 * NSEC_PER_SEC);
	assert_int_equal(options.model.details_limit, DETAILS_DEFAULT);
	assert_int_equal(options.selectors.count, 0);
	assert_int_equal(options.count, 0);
	assert_int_equal(options.duration_ns, 0);
	assert_int_equal(options.detail_ring_bytes, 0);
	assert_false(options.is_json);
	options_fini(&options);
}

static void test_watch(void **state)
{
	struct options options;
	const struct selector *items;

	(void)state;
	PARSE(&options, OPTIONS_MODEL | OPTIONS_TARGETS | OPTIONS_END | OPTIONS_JSON, "watch",
	      "--pid", "4194304", "--comm=nginx", "--exe", "/usr/bin/x", "--unit", "a.service",
	      "--cgroup", "/x", "--port", "65535", "-n", "3", "--duration", "2h", "--json",
	      "--details", "all", "--settle", "0", "--patience", "1.5s", "--ring-size", "4096");
	items = options.selectors.items;
	assert_int_equal(options.selectors.count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(items[i].kind, i); /* SELECT_PID … SELECT_PORT */
	assert_int_equal(items[0].number, 4194304);
	assert_string_equal(items[1].text, "nginx");
	assert_string_equal(items[2].text, "/usr/bin/x");
	assert_string_equal(items[3].text, "a.service");
	assert_string_equal(items[4].text, "/x");
	assert_int_equal(items[5].number, 65535);
	assert_int_equal(options.count, 3);
	assert_int_equal(options.duration_ns, 7200 * NSEC_PER_SEC);
	assert_true(options.is_json);
	assert_true(options.model.details_limit == SIZE_MAX);
	assert_int_equal(options.model.settle_ns, 0);
	assert_int_equal(options.model.patience_ns, 1500000000);
	assert_int_equal(options.detail_ring_bytes, 4096);
	options_fini(&options);
	options_fini(&options);
}

/* What is said of a service becomes a rule for any program; without it there is none. */
static void test_service(void **state)
{
	struct options options;

	(void)state;
	PARSE(&options, OPTIONS_SERVICE, "watch", "--stop-signal=WINCH", "--stop-signal=SIGUSR1");
	assert_int_equal(options.rules.count, 1);
	assert_int_equal(options.rules.items->match, RULE_EXE);
	assert_string_equal(options.rules.items->pattern, "*");
	assert_int_equal(options.rules.items->stop_signals, 1 << (28 - 1) | 1 << (10 - 1));
	assert_false(options.rules.items->is_multiplexed);
	PARSE(&options, OPTIONS_SERVICE, "watch", "--multiplexed");
	assert_int_equal(options.rules.count, 1);
	assert_true(options.rules.items->is_multiplexed);
	assert_int_equal(options.rules.items->stop_signals, 0);
	PARSE(&options, OPTIONS_SERVICE, "watch");
	assert_int_equal(options.rules.count, 0);
	options_fini(&options);
}

/* What belongs to the command is the command's, with and without "--". */
static void test_command(void **state)
{
	struct options options;
	char **argv;

	(void)state;
	argv = PARSE(&options, OPTIONS_MODEL | OPTIONS_COMMAND, "run", "-o", "x.json",
		     "--best-effort", "server", "-o", "y", "--settle", "9");
	assert_ptr_equal(options.command, &argv[4]);
	assert_string_equal(options.output_path, "x.json");
	assert_true(options.is_best_effort);
	assert_int_equal(options.model.settle_ns, NSEC_PER_SEC);
	argv = PARSE(&options, OPTIONS_COMMAND, "run", "--", "--odd", "x");
	assert_string_equal(options.command[0], "--odd");
	assert_string_equal(options.command[1], "x");
	assert_null(options.command[2]);
	assert_ptr_equal(options.command, &argv[2]);
	options_fini(&options);
}

static void test_file(void **state)
{
	struct options options;

	(void)state;
	PARSE(&options, OPTIONS_FILE | OPTIONS_MODEL, "replay", "--details", "0", "-");
	assert_string_equal(options.file, "-");
	assert_int_equal(options.model.details_limit, 0);
	options_fini(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_watch),
		cmocka_unit_test(test_service),	 cmocka_unit_test(test_command),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
