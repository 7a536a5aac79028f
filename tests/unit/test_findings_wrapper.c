/* SPDX-License-Identifier: GPL-2.0-only */
/* A wrapper between who tells a service to stop and the one that serves. */
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

/* A shell was told; its child, the server, was not. */
static struct record *wrapped(void)
{
	struct record *record = judged_clean(PROGRAM_SHELL);

	judged_child(record, 900, "server");
	record->timing.first_action_ns = TIME_UNKNOWN;
	return record;
}

static void test_signal_not_forwarded(void **state)
{
	struct record *record = wrapped();
	const struct finding *finding;

	(void)state;
	judged_kill(&record->processes[0], 10 * S);
	judged_kill(&record->processes[1], 10 * S);
	record->timing.first_action_ns = 10 * S;
	strcpy(record->service.unit, "a.service");
	finding = assert_fires(record, "signal_not_forwarded",
			       "shell (pid 812) got SIGTERM and did not pass it on: server (pid "
			       "900) never heard of it",
			       "with exec");
	assert_non_null(strstr(finding->advice, "KillMode=control-group"));
	assert_int_equal(judged_number(finding, "wrapper_pid"), 812);
	assert_silent(record, "wrapper_died_first");
	assert_silent(record, "handler_without_effect");
	record->timing.first_action_ns = 1 * S; /* it did something about the signal … */
	assert_silent(record, "signal_not_forwarded");
	judged_signal(record)->result = SIGNAL_IGNORED; /* … of which nobody has heard */
	assert_non_null(judged_find(record, "signal_not_forwarded"));
	fixture_signal(&record->processes[1], SIGTERM, 1 * MS)->from_member = true;
	assert_silent(record, "signal_not_forwarded");
	fixture_free(record);
}

static void test_not_forwarded_needs_every_event(void **state)
{
	struct record *record = wrapped();

	(void)state;
	judged_kill(&record->processes[0], 10 * S);
	judged_kill(&record->processes[1], 10 * S);
	record->losses[LOSS_EVENT_RING_FULL] = 1; /* perhaps just that signal */
	assert_silent(record, "signal_not_forwarded");
	record->losses[LOSS_EVENT_RING_FULL] = 0;
	record->processes[0].program = PROGRAM_POSTGRESQL; /* its backends are not to hear */
	assert_silent(record, "signal_not_forwarded");
	fixture_free(record);
}

static void test_wrapper_died_first(void **state)
{
	struct record *record = wrapped();
	const struct finding *finding;

	(void)state;
	record->verdict = VERDICT_PARTIAL;
	finding = assert_fires(record, "wrapper_died_first",
			       "shell (pid 812) ended 100 ms after SIGTERM; server (pid 900), "
			       "which works for it, serves on",
			       "with exec");
	assert_int_equal(judged_number(finding, "pid"), 900);
	assert_silent(record, "signal_not_forwarded");
	record->processes[1].has_exited = true; /* it followed by itself */
	record->processes[1].exited_at_ns = 200 * MS;
	assert_silent(record, "wrapper_died_first");
	fixture_free(record);
}

/* `npm start`: npm passes the signal on to the shell that it runs, and that dies of it. */
static void test_wrapper_of_a_wrapper(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);
	struct record_process *shell = judged_child(record, 900, "sh");
	struct record_process *server;

	(void)state;
	shell->program = PROGRAM_SHELL;
	shell->has_exited = true;
	shell->exited_at_ns = 2 * MS;
	shell->exit_signal = SIGTERM;
	fixture_signal(shell, SIGTERM, 1 * MS)->from_member = true;
	server = judged_child(record, 901, "server");
	server->ppid = 900;
	server->has_listener = true;
	record->listeners[0].closed_at_ns = TIME_UNKNOWN;
	record->verdict = VERDICT_PARTIAL;
	assert_fires(record, "wrapper_died_first",
		     "sh (pid 900) ended 2 ms after SIGTERM; server (pid 901), which works for it, "
		     "serves on",
		     "with exec");
	fixture_free(record);
}

/* A launcher that is no shell, and two shells below it; the signal reached the first alone. */
static void test_wrapper_is_any_program(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);

	(void)state;
	judged_child(record, 900, "sh")->program = PROGRAM_SHELL;
	judged_child(record, 901, "sh")->ppid = 900;
	judged_child(record, 902, "server")->ppid = 901;
	record->listeners[0].closed_at_ns = TIME_UNKNOWN;
	record->verdict = VERDICT_PARTIAL;
	assert_silent(record, "wrapper_died_first"); /* nothing below it serves */
	record->processes[3].has_listener = true;
	assert_fires(record, "wrapper_died_first",
		     "node (pid 812) ended 100 ms after SIGTERM; server (pid 902), which works for "
		     "it, serves on",
		     "");
	record->processes[0].has_listener = true; /* it serves itself: it hands over */
	assert_nothing_wrong(record);
	record->processes[0].exit_signal = SIGTERM; /* but not so */
	assert_silent(record, "wrapper_died_first");
	assert_non_null(judged_find(record, "orphans_left"));
	record->processes[0].has_listener = false;
	record->processes[0].exit_signal = 0;
	record->processes[2].ppid = 902; /* a recording may say so */
	assert_silent(record, "wrapper_died_first");
	fixture_free(record);
}

/* Pids twice, each the other's parent: downwards there would be 8 ways at each of 64 steps. */
static void test_wrapper_among_loops(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);

	(void)state;
	judged_child(record, 900, "a");
	for (size_t i = 0; i < 8; i++) {
		judged_child(record, 900, "a")->ppid = 901;
		judged_child(record, 901, "b")->ppid = 900;
	}
	record->listeners[0].closed_at_ns = TIME_UNKNOWN;
	assert_silent(record, "wrapper_died_first");
	fixture_free(record);
}

/* A new instance took over: nothing was left behind. */
static void test_wrapper_is_no_upgrade(void **state)
{
	struct record *record = judged_clean(PROGRAM_NGINX);

	(void)state;
	judged_child(record, 900, "nginx")->program = PROGRAM_NGINX;
	record->verdict = VERDICT_PARTIAL;
	record->listeners[0].closed_at_ns = TIME_UNKNOWN;
	assert_nothing_wrong(record);
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal_not_forwarded),
		cmocka_unit_test(test_not_forwarded_needs_every_event),
		cmocka_unit_test(test_wrapper_died_first),
		cmocka_unit_test(test_wrapper_of_a_wrapper),
		cmocka_unit_test(test_wrapper_is_any_program),
		cmocka_unit_test(test_wrapper_among_loops),
		cmocka_unit_test(test_wrapper_is_no_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
