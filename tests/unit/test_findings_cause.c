/* SPDX-License-Identifier: GPL-2.0-only */
/* What is but a consequence has the advice of its cause, and stands below it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "tests/unit/judged.h"

#define MS FIXTURE_MS
#define S (1000 * FIXTURE_MS)

/* It closed its listener, and was killed 10 s after the signal. */
static struct record *killed_in_drain(enum program program)
{
	struct record *record = judged_clean(program);

	judged_kill(judged_process(record), 10 * S);
	record->verdict = VERDICT_FORCED;
	return record;
}

/* Who was killed while it drained needs time, not a handler that it has. */
static void test_cut_off_by_a_kill(void **state)
{
	struct record *record = killed_in_drain(PROGRAM_NODE);

	(void)state;
	judged_inbound(record, OUTCOME_ABANDONED, 2);
	assert_non_null(
		strstr(judged_find(record, "cut_off_at_exit")->advice, "set a timer of 8 s"));
	record->timing.first_action_ns = TIME_UNKNOWN; /* it did nothing about the signal */
	assert_non_null(strstr(judged_find(record, "cut_off_at_exit")->advice, "process.on"));
	fixture_free(record);
}

static const char *cut_off_advice(struct record *record)
{
	return judged_find(record, "cut_off_at_exit")->advice;
}

static void test_cut_off_without_a_handler(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);
	struct record_signal *signal = judged_signal(record);

	(void)state;
	judged_inbound(record, OUTCOME_ABANDONED, 1);
	assert_non_null(strstr(cut_off_advice(record), "do not call exit() from the handler"));
	process->exit_signal = SIGTERM;
	process->exit_code = -1;
	signal->disposition = DISPOSITION_DEFAULT;
	signal->delivered_at_ns = TIME_UNKNOWN;
	assert_non_null(strstr(cut_off_advice(record), "Install a handler for the stop signal"));
	process->n_signals = 0; /* it ended by itself, and nobody had told it */
	process->exit_signal = process->exit_code = 0;
	record->trigger = TRIGGER_EXIT;
	record->trigger_signal = 0;
	assert_string_equal(cut_off_advice(record),
			    "Wait for the requests in flight before the process ends.");
	fixture_free(record);
}

static void test_cut_off_by_a_second_signal(void **state)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);

	(void)state;
	judged_inbound(record, OUTCOME_ABANDONED, 1);
	fixture_signal(judged_process(record), SIGINT, 10 * S);
	assert_non_null(strstr(cut_off_advice(record), "--timeout-graceful-shutdown 8,"));
	fixture_free(record);
}

static void test_cut_off_by_a_crash(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);

	(void)state;
	judged_inbound(record, OUTCOME_ABANDONED, 1);
	process->exit_signal = SIGSEGV;
	process->exit_code = -1;
	assert_non_null(strstr(cut_off_advice(record), "freed it"));
	assert_string_equal(record->findings[0].row->id, "crash_during_drain");
	assert_string_equal(record->findings[1].row->id, "cut_off_at_exit");
	record->trigger = TRIGGER_EXIT;
	record->trigger_signal = 0;
	record->verdict = VERDICT_CRASHED;
	assert_non_null(strstr(cut_off_advice(record), "must be able to ask again"));
	assert_string_equal(record->findings[0].row->id, "crashed_unasked");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_off_by_a_kill),
		cmocka_unit_test(test_cut_off_without_a_handler),
		cmocka_unit_test(test_cut_off_by_a_second_signal),
		cmocka_unit_test(test_cut_off_by_a_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
