/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings on the stop signal: each where it must be, and where it must not. */
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

/* The kernel drops the signal, and it takes a SIGKILL 10 s later. */
static void drop_signal(struct record *record, enum disposition disposition)
{
	struct record_signal *signal = judged_signal(record);

	signal->result = SIGNAL_IGNORED;
	signal->disposition = disposition;
	signal->delivered_at_ns = TIME_UNKNOWN;
	judged_kill(judged_process(record), 10 * S);
}

static void test_sigterm_discarded_pid1(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);
	const struct finding *finding;

	(void)state;
	drop_signal(record, DISPOSITION_DEFAULT);
	assert_silent(record, "sigterm_discarded_pid1");
	judged_process(record)->ns_pid = 1;
	strcpy(record->service.container_id, "abc");
	finding = assert_fires(record, "sigterm_discarded_pid1",
			       "node (pid 812) is PID 1 of its namespace and has no handler for "
			       "SIGTERM: the kernel discarded the signal, and it had to be killed",
			       "process.on('SIGTERM', ...)");
	assert_non_null(strstr(finding->advice, "docker run --init"));
	assert_int_equal(judged_number(finding, "pid"), 812);
	assert_int_equal(judged_number(finding, "lived_on_s"), 10001 * MS);
	assert_string_equal(judged_text(finding, "sender"), "systemd");
	assert_silent(record, "sigterm_ignored");
	judged_process(record)->exit_signal = 0; /* it ended by itself, after its child */
	assert_silent(record, "sigterm_discarded_pid1");
	fixture_free(record);
}

/* The runtime sends it once more for the default to end it: to PID 1 there is none. */
static void test_sigterm_discarded_pid1_by_the_runtime(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);
	struct record_signal *again;

	(void)state;
	judged_process(record)->ns_pid = 1;
	judged_kill(judged_process(record), 10 * S);
	again = fixture_signal(judged_process(record), SIGTERM, 2 * MS);
	again->from_self = true;
	record->timing.first_action_ns = 10 * S;
	assert_fires(record, "sigterm_discarded_pid1",
		     "node (pid 812) is PID 1 of its namespace and has no handler for SIGTERM: the "
		     "kernel discarded the signal, and it had to be killed",
		     "process.on('SIGTERM', ...)");
	assert_silent(record, "handler_without_effect");
	record->timing.first_action_ns = 1 * MS; /* after a drain: it had a handler */
	assert_silent(record, "sigterm_discarded_pid1");
	judged_process(record)->exit_signal = 0; /* it ended all the same */
	record->timing.first_action_ns = 10 * S;
	assert_silent(record, "sigterm_discarded_pid1");
	fixture_free(record);
}

static void test_sigterm_ignored(void **state)
{
	struct record *record = judged_clean(PROGRAM_PYTHON);

	(void)state;
	drop_signal(record, DISPOSITION_IGNORED);
	assert_fires(record, "sigterm_ignored",
		     "python (pid 812) ignores SIGTERM, and it had to be killed",
		     "It may be inherited: ");
	judged_process(record)->exit_signal = 0; /* a helper that follows its master */
	assert_silent(record, "sigterm_ignored");
	judged_process(record)->has_exited = false;
	assert_fires(record, "sigterm_ignored", "python (pid 812) ignores SIGTERM, and it lives on",
		     "It may be inherited: ");
	fixture_free(record);
}

/* The resource tracker of Python's multiprocessing: without clients, it ends with its parent. */
static void test_sigterm_ignored_by_a_helper(void **state)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);
	struct record_process *helper = judged_child(record, 900, "python3");
	struct record_signal *signal = fixture_signal(helper, SIGTERM, 0);

	(void)state;
	signal->result = SIGNAL_IGNORED;
	signal->disposition = DISPOSITION_IGNORED;
	judged_kill(helper, 10 * S);
	assert_silent(record, "sigterm_ignored");
	judged_inbound(record, OUTCOME_ABANDONED, 1)->pid = 900;
	assert_non_null(judged_find(record, "sigterm_ignored"));
	fixture_free(record);
}

static void test_stop_signal_before_ready(void **state)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);
	struct record_process *process = judged_process(record);
	const struct finding *finding;

	(void)state;
	record->n_listeners = 0;
	judged_signal(record)->disposition = DISPOSITION_DEFAULT;
	process->started_wall_ns = record->trigger_wall_ns - 300 * MS;
	finding = assert_fires(record, "stop_signal_before_ready",
			       "SIGTERM reached uvicorn (pid 812) 300 ms after its start, before "
			       "it had a handler",
			       "readiness");
	assert_int_equal(judged_number(finding, "age_s"), 300 * MS);
	process->program = PROGRAM_NODE; /* may well have no handler at all */
	assert_silent(record, "stop_signal_before_ready");
	process->program = PROGRAM_UVICORN;
	process->started_wall_ns = record->trigger_wall_ns - 3600 * S;
	assert_silent(record, "stop_signal_before_ready");
	fixture_free(record);
}

static void test_no_handler(void **state)
{
	struct record *record = judged_clean(PROGRAM_GO);
	struct record_process *process = judged_process(record);
	const struct finding *finding;

	(void)state;
	judged_signal(record)->disposition = DISPOSITION_DEFAULT;
	process->exit_signal = SIGTERM;
	assert_nothing_wrong(record);
	judged_inbound(record, OUTCOME_LATE_RESET, 2); /* so they are with a handler */
	assert_silent(record, "no_handler");
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_LATE_RESET] = 0;
	record->directions[DIRECTION_INBOUND].aborted = 0;
	judged_inbound(record, OUTCOME_ABANDONED, 4);
	finding = assert_fires(record, "no_handler",
			       "go (pid 812) has no handler for SIGTERM: it died of it at once, "
			       "and 4 connections with it",
			       "signal.NotifyContext");
	assert_int_equal(judged_number(finding, "aborted"), 4);
	judged_signal(record)->disposition = DISPOSITION_HANDLER; /* re-raised at the end */
	assert_silent(record, "no_handler");
	fixture_free(record);
}

/* The runtime's own handler only sends the signal once more; a drain before that is a handler. */
static void test_no_handler_but_the_runtimes(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);
	struct record_process *process = judged_process(record);
	struct record_signal *again;

	(void)state;
	again = fixture_signal(process, SIGTERM, 2 * MS);
	again->from_self = true;
	again->disposition = DISPOSITION_BLOCKED;
	process->exit_signal = SIGTERM;
	record->timing.first_action_ns = 3 * MS;
	judged_inbound(record, OUTCOME_UNACCEPTED, 4)->pid = 0; /* nobody's yet */
	assert_fires(record, "no_handler",
		     "node (pid 812) has no handler for SIGTERM of its own: its runtime caught it "
		     "and let it die of it, and 4 connections with it",
		     "process.on");
	record->timing.first_action_ns = 1 * MS; /* it closed something first */
	assert_silent(record, "no_handler");
	fixture_free(record);
}

/* A helper may die of the signal that its master drains upon. */
static void test_no_handler_of_a_helper(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);
	struct record_process *helper = judged_child(record, 900, "helper");

	(void)state;
	fixture_signal(helper, SIGTERM, 0);
	helper->has_exited = true;
	helper->exit_signal = SIGTERM;
	judged_inbound(record, OUTCOME_CUT, 1);
	assert_silent(record, "no_handler");
	record->details[0].pid = 900;
	assert_non_null(judged_find(record, "no_handler"));
	fixture_free(record);
}

static void test_unhandled_stop_signal_core(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);

	(void)state;
	judged_signal(record)->disposition = DISPOSITION_DEFAULT;
	process->exit_signal = judged_signal(record)->signal = SIGQUIT;
	process->has_core = true;
	strcpy(record->service.unit, "a.service");
	assert_fires(record, "unhandled_stop_signal_core",
		     "app (pid 812) was stopped by SIGQUIT without a handler for it, and left a "
		     "core dump",
		     "KillSignal=SIGTERM");
	judged_signal(record)->signal = process->exit_signal = SIGABRT; /* by a watchdog */
	record->trigger_signal = SIGABRT;
	assert_fires(record, "unhandled_stop_signal_core",
		     "app (pid 812) was stopped by SIGABRT without a handler for it, and left a "
		     "core dump",
		     "SIGTERM");
	judged_signal(record)->sender.is_kernel = true;
	assert_silent(record, "unhandled_stop_signal_core");
	judged_signal(record)->signal = SIGQUIT;
	process->exit_signal = 0;
	judged_signal(record)->disposition = DISPOSITION_HANDLER; /* nginx: graceful */
	assert_silent(record, "unhandled_stop_signal_core");
	fixture_free(record);
}

static void test_wrong_stop_signal(void **state)
{
	static const struct {
		enum program program;
		const char *summary;
		const char *advice;
	} cases[] = {
		{ PROGRAM_NGINX, "nginx takes SIGTERM as a fast stop", "KillSignal=SIGQUIT" },
		{ PROGRAM_APACHE, "apache takes SIGTERM as a fast stop", "KillSignal=SIGWINCH" },
		{ PROGRAM_HAPROXY, "haproxy takes SIGTERM as a fast stop", "hard-stop-after" },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct record *record = judged_clean(cases[i].program);
		const struct finding *finding;

		strcpy(record->service.unit, "a.service");
		assert_silent(record, "wrong_stop_signal");    /* nobody lost anything */
		judged_inbound(record, OUTCOME_LATE_RESET, 1); /* by a better one as well */
		assert_silent(record, "wrong_stop_signal");
		record->directions[DIRECTION_INBOUND].aborted = 0;
		judged_inbound(record, OUTCOME_ABANDONED, 3);
		finding = judged_find(record, "wrong_stop_signal");
		assert_non_null(finding);
		assert_non_null(strstr(finding->summary, cases[i].summary));
		assert_non_null(strstr(finding->advice, cases[i].advice));
		assert_int_equal(judged_number(finding, "aborted"), 3);
		record->trigger_signal = SIGUSR1;
		judged_signal(record)->signal =
			cases[i].program == PROGRAM_NGINX ? SIGQUIT : SIGUSR1;
		assert_silent(record, "wrong_stop_signal");
		fixture_free(record);
	}
}

static void test_wrong_stop_signal_of_gunicorn(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);

	(void)state;
	judged_inbound(record, OUTCOME_CUT, 2);
	assert_silent(record, "wrong_stop_signal"); /* SIGTERM is the graceful one */
	judged_signal(record)->signal = SIGQUIT;
	assert_fires(record, "wrong_stop_signal",
		     "gunicorn takes SIGQUIT as a fast stop, not as a graceful one: 2 connections "
		     "ended badly",
		     "Stop gunicorn with SIGTERM");
	fixture_free(record);
}

static void test_wrong_stop_signal_of_postgresql(void **state)
{
	struct record *record = judged_clean(PROGRAM_POSTGRESQL);

	(void)state;
	assert_silent(record, "wrong_stop_signal"); /* no client was there */
	judged_kill(judged_process(record), 90 * S);
	record->verdict = VERDICT_FORCED;
	assert_fires(record, "wrong_stop_signal",
		     "PostgreSQL takes SIGTERM as a smart shutdown, which waits until every client "
		     "has left by itself; they did not",
		     "with SIGINT (fast shutdown)");
	judged_signal(record)->signal = SIGINT;
	assert_silent(record, "wrong_stop_signal");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sigterm_discarded_pid1),
		cmocka_unit_test(test_sigterm_discarded_pid1_by_the_runtime),
		cmocka_unit_test(test_sigterm_ignored),
		cmocka_unit_test(test_sigterm_ignored_by_a_helper),
		cmocka_unit_test(test_stop_signal_before_ready),
		cmocka_unit_test(test_no_handler),
		cmocka_unit_test(test_no_handler_but_the_runtimes),
		cmocka_unit_test(test_no_handler_of_a_helper),
		cmocka_unit_test(test_unhandled_stop_signal_core),
		cmocka_unit_test(test_wrong_stop_signal),
		cmocka_unit_test(test_wrong_stop_signal_of_gunicorn),
		cmocka_unit_test(test_wrong_stop_signal_of_postgresql),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
