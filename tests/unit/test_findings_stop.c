/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings on who was told to stop, how often: each where it must be, and where it must not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/judged.h"

#define MS FIXTURE_MS
#define S (1000 * FIXTURE_MS)

static void test_stop_signal_escalated(void **state)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);
	struct record_signal *second = fixture_signal(judged_process(record), SIGINT, 10 * S);
	const struct finding *finding;

	(void)state;
	finding = assert_fires(record, "stop_signal_escalated",
			       "systemd sent SIGINT to uvicorn (pid 812) 10.0 s after SIGTERM",
			       "--timeout-graceful-shutdown 8");
	assert_int_equal(judged_number(finding, "after_s"), 10 * S);
	second->at_ns = 5 * MS; /* one stop, told twice */
	assert_silent(record, "stop_signal_escalated");
	second->at_ns = 10 * S; /* the process itself: re-raised after the drain */
	second->from_self = second->from_member = true;
	assert_nothing_wrong(record);
	fixture_free(record);
}

/* systemd tells those that the main process left behind again. */
static void test_told_again_with_the_rest(void **state)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);
	struct record_process *helper = judged_child(record, 900, "python3");
	struct record_signal *again;

	(void)state;
	helper->has_exited = true;
	fixture_signal(helper, SIGTERM, 0);
	again = fixture_signal(helper, SIGTERM, judged_process(record)->exited_at_ns + 1 * MS);
	again->at_ns += 200 * MS;
	assert_silent(record, "stop_signal_escalated");
	again->signal = SIGINT; /* another one is a second thought */
	assert_non_null(judged_find(record, "stop_signal_escalated"));
	again->signal = SIGTERM;
	judged_process(record)->exited_at_ns = again->at_ns + 1; /* it drains still */
	assert_non_null(judged_find(record, "stop_signal_escalated"));
	fixture_free(record);
}

static void test_signal_fanout(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);
	struct record_process *worker = judged_child(record, 900, "gunicorn");
	struct record_signal *signal = fixture_signal(worker, SIGTERM, 1 * MS);
	const struct finding *finding;

	(void)state;
	worker->has_exited = true;
	strcpy(record->service.unit, "a.service");
	finding = assert_fires(record, "signal_fanout",
			       "systemd sent SIGTERM to gunicorn (pid 812) and to 1 process that "
			       "it had started",
			       "KillMode=mixed");
	assert_int_equal(judged_number(finding, "children"), 1);
	assert_nothing_wrong(record);
	signal->from_member = true; /* passed on by the master */
	signal->sender.pid = JUDGED_PID;
	assert_silent(record, "signal_fanout");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_signal_escalated),
		cmocka_unit_test(test_told_again_with_the_rest),
		cmocka_unit_test(test_signal_fanout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
