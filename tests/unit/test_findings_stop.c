/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings on who was told, how often, and what came of it: where they must be, and must not. */
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

static void test_slow_reaction(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	const struct finding *finding;

	(void)state;
	record->timing.first_action_ns = record->listeners[0].closed_at_ns = 800 * MS;
	finding = assert_fires(
		record, "slow_reaction",
		"app (pid 812) had SIGTERM in its handler after less than 1 ms; its first "
		"visible act came after 800 ms",
		"self-pipe");
	assert_int_equal(judged_number(finding, "first_action_s"), 800 * MS);
	/* Others are told to go on accepting for a while. */
	assert_null(strstr(finding->advice, "close the listener"));
	assert_non_null(strstr(finding->advice, "on purpose"));
	record->listeners[0].closed_at_ns = 2 * S; /* it was busy answering before */
	assert_silent(record, "slow_reaction");
	record->timing.first_action_ns = record->listeners[0].closed_at_ns = 400 * MS;
	assert_silent(record, "slow_reaction");
	record->timing.first_action_ns = record->listeners[0].closed_at_ns = 800 * MS;
	assert_non_null(judged_find(record, "slow_reaction"));
	judged_inbound(record, OUTCOME_COMPLETED, 1)->at_signal = AT_SIGNAL_NEW;
	assert_silent(record, "slow_reaction"); /* it served on: a delay, not a lapse */
	fixture_free(record);
}

static void test_handler_without_effect(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);
	const struct finding *finding;

	(void)state;
	judged_kill(judged_process(record), 10 * S);
	record->verdict = VERDICT_FORCED;
	assert_silent(record, "handler_without_effect");
	record->timing.first_action_ns = 10001 * MS; /* the end by the SIGKILL */
	finding = assert_fires(record, "handler_without_effect",
			       "node (pid 812) has a handler for SIGTERM, which ran, and nothing "
			       "came of it in the 10.0 s until it was killed",
			       "server.close()");
	assert_int_equal(judged_number(finding, "waited_s"), 10 * S);
	judged_signal(record)->delivered_at_ns = TIME_UNKNOWN; /* it was blocked */
	assert_silent(record, "handler_without_effect");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop_signal_escalated),
		cmocka_unit_test(test_told_again_with_the_rest),
		cmocka_unit_test(test_signal_fanout),
		cmocka_unit_test(test_slow_reaction),
		cmocka_unit_test(test_handler_without_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
