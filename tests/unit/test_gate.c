/* SPDX-License-Identifier: GPL-2.0-only */
/* What a gate says before anything is started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cli/gate.h"

/* What is said on stderr; the caller frees. */
static char *warning(const char *expression, bool sees_all_resets)
{
	struct options options = {};
	struct gate gate;
	int ends[2], kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	char *wrong = NULL, *said = calloc(1, 4096);

	assert_int_equal(conditions_parse(expression, &options.fail_on, &wrong), 0);
	assert_int_equal(gate_open(&options, &gate), 0);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	gate_warn(&gate, sees_all_resets);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_true(said && read(ends[0], said, 4095) >= 0);
	close(ends[0]);
	gate_fini(&gate);
	options_fini(&options);
	return said;
}

/* A condition that this kernel cannot tell would stand open, and nobody would know. */
static void test_resets_unseen(void **state)
{
	static const char *const of_resets[] = { "refused>0",
						 "inbound.refused_handshakes>=1",
						 "late_closes>3",
						 "finding:refused_after_listener_close",
						 "finding:listener_closed_too_early",
						 "finding:port_dark" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(of_resets); i++) {
		_cleanup_free_ char *said = warning(of_resets[i], false);
		_cleanup_free_ char *seen = warning(of_resets[i], true);

		assert_non_null(strstr(said, of_resets[i]));
		assert_non_null(strstr(said, "can never hold"));
		assert_string_equal(seen, "");
	}
}

static void test_others(void **state)
{
	_cleanup_free_ char *said = warning("aborted>0,outcome!=clean,drain>1s,complete=false,"
					    "severity>=error,finding:requests_cut,cut>0",
					    false);

	(void)state;
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resets_unseen),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
