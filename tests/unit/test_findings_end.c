/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings on how the processes ended: each where it must be, and where it must not. */
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

static void test_grace_exceeded(void **state)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);
	const struct finding *finding;

	(void)state;
	judged_kill(judged_process(record), 10 * S);
	judged_inbound(record, OUTCOME_ABANDONED, 2);
	record->timing.grace_ns = 10 * S;
	strcpy(record->service.pod_uid, "abc");
	finding = assert_fires(record, "grace_exceeded",
			       "uvicorn (pid 812) was still there 10.0 s after the stop signal, "
			       "and systemd killed it; 2 connections in flight ended with it",
			       "--timeout-graceful-shutdown 8,");
	assert_non_null(strstr(finding->advice,
			       "terminationGracePeriodSeconds of the pod to at least "
			       "11"));
	assert_int_equal(judged_number(finding, "waited_s"), 10 * S);
	assert_int_equal(judged_number(finding, "abandoned"), 2);
	assert_silent(record, "killed_by_supervisor");
	assert_silent(record, "killed_without_stop_signal");
	record->timing.grace_ns = 90 * S; /* killed, but not because of that */
	assert_silent(record, "grace_exceeded");
	fixture_free(record);
}

static void test_killed_by_supervisor(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);
	struct record_process *worker = judged_child(record, 900, "gunicorn");
	struct record_signal *kill = judged_kill(worker, 200 * MS);
	const struct finding *finding;

	(void)state;
	record->timing.grace_ns = 90 * S;
	strcpy(record->service.unit, "a.service");
	finding = assert_fires(record, "killed_by_supervisor",
			       "systemd (pid 1) killed gunicorn (pid 900) 200 ms after the stop "
			       "began",
			       "wait for its workers");
	assert_non_null(strstr(finding->advice, "KillMode=mixed kills what is left"));
	assert_null(strstr(finding->advice, "--graceful-timeout"));
	assert_int_equal(judged_number(finding, "killed_s"), 200 * MS);
	kill->sender.pid = 4711;
	strcpy(kill->sender.comm, "bash"); /* a person */
	assert_silent(record, "killed_by_supervisor");
	kill->from_member = true;
	kill->sender.pid = JUDGED_PID;
	kill->at_ns = 30100 * MS;
	finding = assert_fires(record, "killed_by_supervisor",
			       "its own master bash (pid 812) killed gunicorn (pid 900) 30.1 s "
			       "after the stop began",
			       "--graceful-timeout: set that to at least 31,");
	assert_null(strstr(finding->advice, "KillMode"));
	record->processes[0].program = PROGRAM_UNKNOWN;
	assert_non_null(strstr(judged_find(record, "killed_by_supervisor")->advice,
			       "time-out of a master"));
	fixture_free(record);
}

/* Nobody knows the grace period, but this kill follows the end of the main process. */
static void test_killed_with_the_end_of_the_main_process(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);
	struct record_process *worker = judged_child(record, 900, "gunicorn");
	struct record_signal *kill = judged_kill(worker, 2050 * MS);

	(void)state;
	strcpy(record->service.unit, "a.service");
	judged_inbound(record, OUTCOME_ABANDONED, 1);
	record->processes[0].exited_at_ns = 2000 * MS;
	assert_non_null(judged_find(record, "killed_by_supervisor"));
	assert_silent(record, "grace_exceeded");
	for (size_t i = 0; i < record->n_findings; i++)
		assert_null(strstr(record->findings[i].advice, "TimeoutStopSec"));
	assert_non_null(
		strstr(judged_find(record, "cut_off_at_exit")->advice, "KillMode=mixed kills"));
	assert_non_null(judged_find(record, "drain_blocked_active"));
	kill->sender.pid = 4711; /* a person */
	strcpy(kill->sender.comm, "bash");
	assert_non_null(judged_find(record, "grace_exceeded"));
	kill->sender.pid = 1;
	record->processes[0].exited_at_ns = 1900 * MS; /* too long before */
	assert_non_null(judged_find(record, "grace_exceeded"));
	assert_silent(record, "killed_by_supervisor");
	record->processes[0].exited_at_ns = 2060 * MS; /* or after */
	assert_non_null(judged_find(record, "grace_exceeded"));
	record->processes[0].exited_at_ns = 2000 * MS;
	record->processes[0].exit_signal = SIGKILL; /* both, at the end of the grace period */
	assert_non_null(judged_find(record, "grace_exceeded"));
	fixture_free(record);
}

static void test_killed_without_stop_signal(void **state)
{
	struct record *record = judged_clean(PROGRAM_REDIS);
	const struct finding *finding;

	(void)state;
	judged_kill(judged_process(record), 0);
	judged_process(record)->signals[0] = judged_process(record)->signals[1];
	judged_process(record)->n_signals = 1;
	record->trigger_signal = SIGKILL;
	finding = assert_fires(record, "killed_without_stop_signal",
			       "systemd (pid 1) killed redis (pid 812) without having asked it to "
			       "stop",
			       "Send the stop signal first");
	assert_int_equal(judged_number(finding, "sender_pid"), 1);
	judged_process(record)->signals[0].sender.is_kernel = true; /* OOM, end of a namespace */
	assert_silent(record, "killed_without_stop_signal");
	fixture_free(record);
}

static void test_asked_before_killed(void **state)
{
	struct record *record = judged_clean(PROGRAM_REDIS);

	(void)state;
	judged_kill(judged_process(record), 5 * S);
	assert_silent(record, "killed_without_stop_signal");
	fixture_free(record);
}

static void test_oom_killed(void **state)
{
	struct record *record = judged_clean(PROGRAM_JAVA);
	const struct finding *finding;

	(void)state;
	judged_kill(judged_process(record), 1 * MS)->sender.is_kernel = true;
	assert_silent(record, "oom_killed");
	record->trigger = TRIGGER_OOM;
	record->verdict = VERDICT_OOM_KILLED;
	assert_fires(record, "oom_killed", "the OOM killer ended java", "memory");
	judged_inbound(record, OUTCOME_ABANDONED, 1);
	strcpy(record->service.pod_uid, "abc");
	finding = assert_fires(record, "oom_killed",
			       "the OOM killer ended java; 1 connection ended badly",
			       "resources.limits.memory");
	assert_int_equal(judged_number(finding, "pid"), 812);
	assert_silent(record, "grace_exceeded");
	fixture_free(record);
}

static void test_killed_by_pidns_teardown(void **state)
{
	struct record *record = judged_clean(PROGRAM_SHELL);
	struct record_process *child = judged_child(record, 900, "server");
	const struct finding *finding;

	(void)state;
	judged_kill(child, 101 * MS)->sender.is_kernel = true;
	child->ns_pid = 7;
	assert_silent(record, "killed_by_pidns_teardown"); /* no PID 1 among them */
	judged_process(record)->ns_pid = 1;
	finding = assert_fires(record, "killed_by_pidns_teardown",
			       "shell (pid 812), PID 1 of its namespace, ended, and the kernel "
			       "killed the 1 process it had left, server (pid 900) first",
			       "tini");
	assert_int_equal(judged_number(finding, "killed"), 1);
	record->trigger = TRIGGER_OOM;
	assert_silent(record, "killed_by_pidns_teardown");
	fixture_free(record);
}

static void test_kill_slow_to_take(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);
	const struct finding *finding;

	(void)state;
	judged_kill(process, 5 * S);
	assert_silent(record, "kill_slow_to_take");
	process->exited_at_ns = 7500 * MS;
	finding = assert_fires(record, "kill_slow_to_take",
			       "app (pid 812) took 2.5 s to end after SIGKILL: it hung in the "
			       "kernel",
			       "a slow disk");
	assert_int_equal(judged_number(finding, "took_s"), 2500 * MS);
	fixture_free(record);
}

static void test_orphans_left(void **state)
{
	struct record *record = judged_clean(PROGRAM_PYTHON);
	const struct finding *finding;

	(void)state;
	judged_child(record, 900, "helper");
	judged_child(record, 901, "helper");
	record->verdict = VERDICT_PARTIAL;
	finding = assert_fires(record, "orphans_left",
			       "2 processes outlived the one that had started them, helper (pid "
			       "900) first",
			       "wait for them");
	assert_int_equal(judged_number(finding, "orphans"), 2);
	record->listeners[0].closed_at_ns = TIME_UNKNOWN; /* they serve on: a handover */
	assert_silent(record, "orphans_left");
	fixture_free(record);
}

static void test_crash_during_drain(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);
	const struct finding *finding;

	(void)state;
	process->exit_signal = SIGSEGV;
	process->has_core = true;
	finding = assert_fires(record, "crash_during_drain",
			       "app (pid 812) crashed with SIGSEGV 100 ms into the stop, and left "
			       "a core dump",
			       "Look at the core dump (coredumpctl");
	assert_int_equal(judged_number(finding, "crashed_s"), 100 * MS);
	process->has_core = false;
	assert_fires(record, "crash_during_drain",
		     "app (pid 812) crashed with SIGSEGV 100 ms into the stop",
		     "it left no core dump: allow one (ulimit -c unlimited");
	fixture_signal(process, SIGSEGV, 99 * MS); /* by somebody: no crash */
	assert_silent(record, "crash_during_drain");
	fixture_free(record);
}

/* Any signal that nobody sent: SIGPIPE ends a drain as well as SIGSEGV does. */
static void test_crash_by_other_signals(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);

	(void)state;
	process->exit_signal = SIGPIPE;
	assert_null(strstr(judged_find(record, "crash_during_drain")->advice, "core dump"));
	fixture_signal(process, SIGPIPE, 99 * MS)->from_self = true; /* the kernel, for itself */
	assert_non_null(judged_find(record, "crash_during_drain"));
	fixture_signal(process, SIGPIPE, 99 * MS);
	assert_silent(record, "crash_during_drain");
	fixture_free(record);
}

static void test_crashed_unasked(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);
	const struct finding *finding;

	(void)state;
	record->trigger = TRIGGER_EXIT;
	record->trigger_signal = 0;
	process->n_signals = 0;
	process->exit_code = 3;
	assert_silent(record, "crashed_unasked"); /* by the outcome, this is none */
	record->verdict = VERDICT_CRASHED;
	finding = assert_fires(record, "crashed_unasked",
			       "app (pid 812) ended with status 3, unasked",
			       "Look at the last lines of its log. What it had");
	assert_null(strstr(finding->advice, "core"));
	assert_int_equal(judged_number(finding, "status"), 3);
	process->exit_code = -1;
	process->exit_signal = SIGSEGV;
	process->has_core = true;
	assert_fires(record, "crashed_unasked",
		     "app (pid 812) crashed with SIGSEGV, unasked, and left a core dump",
		     "Look at the core dump (coredumpctl");
	assert_silent(record, "crash_during_drain");
	record->trigger = TRIGGER_SIGNAL;
	record->trigger_signal = SIGTERM;
	assert_silent(record, "crashed_unasked");
	fixture_free(record);
}

/* A worker; its master was not told, and lives. */
static void test_part_told(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);
	struct record_process *worker = judged_child(record, 900, "gunicorn");

	(void)state;
	worker->has_exited = true;
	fixture_signal(worker, SIGTERM, 0);
	record->processes[0].has_exited = false;
	record->processes[0].n_signals = 0;
	assert_silent(record, "part_told");
	record->verdict = VERDICT_PARTIAL;
	assert_fires(record, "part_told",
		     "SIGTERM went to gunicorn (pid 900), and not to gunicorn (pid 812), which had "
		     "started it: 1 process of the service lives on",
		     "its main process");
	worker->signals[0].from_member = true; /* the master itself replaces it */
	assert_silent(record, "part_told");
	fixture_free(record);
}

/* More time helps nobody who did not hear, nor one whose handler does nothing. */
static void test_grace_exceeded_for_another_reason(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_signal *signal = judged_signal(record);

	(void)state;
	judged_kill(judged_process(record), 10 * S);
	record->timing.first_action_ns = 10 * S;
	assert_non_null(strstr(judged_find(record, "grace_exceeded")->advice,
			       "Let the handler begin the shutdown"));
	signal = judged_signal(record);
	signal->result = SIGNAL_IGNORED;
	signal->disposition = DISPOSITION_IGNORED;
	assert_non_null(strstr(judged_find(record, "grace_exceeded")->advice, "Do not ignore"));
	fixture_free(record);
}

static void test_exit_codes_are_no_findings(void **state)
{
	static const int codes[] = { 143, 130, 1 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct record *record = judged_clean(PROGRAM_JAVA);

		judged_process(record)->exit_code = codes[i];
		assert_nothing_wrong(record);
		fixture_free(record);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grace_exceeded),
		cmocka_unit_test(test_killed_by_supervisor),
		cmocka_unit_test(test_killed_with_the_end_of_the_main_process),
		cmocka_unit_test(test_killed_without_stop_signal),
		cmocka_unit_test(test_asked_before_killed),
		cmocka_unit_test(test_oom_killed),
		cmocka_unit_test(test_killed_by_pidns_teardown),
		cmocka_unit_test(test_kill_slow_to_take),
		cmocka_unit_test(test_orphans_left),
		cmocka_unit_test(test_crash_during_drain),
		cmocka_unit_test(test_crash_by_other_signals),
		cmocka_unit_test(test_crashed_unasked),
		cmocka_unit_test(test_part_told),
		cmocka_unit_test(test_grace_exceeded_for_another_reason),
		cmocka_unit_test(test_exit_codes_are_no_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
