/* SPDX-License-Identifier: GPL-2.0-only */
/* What is predicted of services whose facts are made up. */
#include "tests/unit/audited.h"

#include <errno.h>

static void test_handler(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_HANDLER);

	(void)state;
	listen_on(&audit, server, 0);
	server->inbound = 5;
	server->inbound_in_flight = 2;
	expect(&audit, VERDICT_CLEAN, "");
}

static void test_no_handler(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_DEFAULT);

	(void)state;
	listen_on(&audit, server, 0);
	server->inbound = 3;
	expect(&audit, VERDICT_CLEAN, "no_handler_idle");
}

static void test_cut_off(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_DEFAULT);

	(void)state;
	listen_on(&audit, server, 2);
	server->inbound = 3;
	server->inbound_in_flight = 1;
	expect(&audit, VERDICT_LOSSY, "no_handler cut_off_at_exit accept_queue_dropped");
}

/* Under load some connections are in the queue at any moment: no loss, unless they stay there. */
static void test_queue(void **state)
{
	struct audit flowing = bare(), stuck = bare(), shared = bare(), killed = bare();

	(void)state;
	listen_on(&flowing, add(&flowing, 10, 1, DISPOSITION_HANDLER), 12);
	expect(&flowing, VERDICT_CLEAN, "");
	listen_on(&stuck, add(&stuck, 10, 1, DISPOSITION_HANDLER), 12)->stalled = 3;
	assert_int_equal(audit_predict(&stuck), 0);
	assert_int_equal(stuck.listeners[0].dropped, 3);
	expect(&stuck, VERDICT_LOSSY, "accept_queue_dropped");
	/* One of two holders accepts on. */
	listen_on(&shared, add(&shared, 10, 1, DISPOSITION_HANDLER), 2);
	share(&shared.listeners[0], add(&shared, 11, 10, DISPOSITION_HANDLER));
	expect(&shared, VERDICT_CLEAN, "");
	killed.signal = SIGKILL;
	listen_on(&killed, add(&killed, 10, 1, DISPOSITION_HANDLER), 2);
	expect(&killed, VERDICT_FORCED, "accept_queue_dropped killed_without_stop_signal");
}

static void test_core(void **state)
{
	struct audit audit = bare();

	(void)state;
	audit.signal = SIGQUIT;
	listen_on(&audit, add(&audit, 10, 1, DISPOSITION_DEFAULT), 0);
	expect(&audit, VERDICT_CLEAN, "unhandled_stop_signal_core");
}

static void test_ignored(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_IGNORED);

	(void)state;
	listen_on(&audit, server, 1);
	server->inbound_in_flight = server->inbound = 1;
	expect(&audit, VERDICT_UNAFFECTED, "sigterm_ignored");
}

/* Blocked is no fault where somebody waits for the signal. */
static void test_blocked(void **state)
{
	struct audit awaited = bare(), forgotten = bare(), busy = bare();

	(void)state;
	add(&busy, 10, 1, DISPOSITION_BLOCKED)->has_handler = true; /* until it has time for it */
	expect(&busy, VERDICT_CLEAN, "");
	add(&awaited, 10, 1, DISPOSITION_BLOCKED)->is_awaited = true;
	expect(&awaited, VERDICT_CLEAN, "");
	add(&forgotten, 10, 1, DISPOSITION_BLOCKED);
	expect(&forgotten, VERDICT_UNAFFECTED, "sigterm_ignored");
}

/* What the kernel does not end by WINCH is not ended by it. */
static void test_harmless_signal(void **state)
{
	static const int harmless[] = { SIGWINCH, SIGCHLD, SIGURG,  SIGCONT,
					SIGSTOP,  SIGTSTP, SIGTTIN, SIGTTOU };

	(void)state;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		struct audit audit = bare();

		audit.signal = harmless[i];
		add(&audit, 10, 1, DISPOSITION_DEFAULT);
		assert_int_equal(audit_predict(&audit), 0);
		assert_non_null(strstr(audit.findings[0].summary, "ends nobody without one"));
		expect(&audit, VERDICT_UNAFFECTED, "sigterm_ignored");
	}
}

/* State T: only systemd lets it go on. */
static void test_stopped(void **state)
{
	struct audit tree = bare(), unit = bare();

	(void)state;
	listen_on(&tree, add(&tree, 10, 1, DISPOSITION_HANDLER), 0);
	tree.processes[0].is_stopped = true;
	assert_int_equal(audit_predict(&tree), 0);
	assert_string_equal(tree.findings[0].summary,
			    "server (pid 10) is stopped, and hears SIGTERM no sooner than a "
			    "SIGCONT; 1 of 1 process does not hear it");
	expect(&tree, VERDICT_UNAFFECTED, "sigterm_ignored");
	unit.service.kind = SERVICE_UNIT;
	add(&unit, 10, 1, DISPOSITION_HANDLER)->is_stopped = true;
	assert_int_equal(audit_predict(&unit), 0);
	assert_int_equal(unit.verdict, VERDICT_CLEAN);
	unit.signal_source = SIGNAL_BY_COMMAND;
	expect(&unit, VERDICT_FORCED, "sigterm_ignored grace_exceeded");
}

static void test_pid1(void **state)
{
	struct audit deaf = bare(), hearing = bare();

	(void)state;
	add(&deaf, 10, 1, DISPOSITION_DEFAULT)->is_init = true;
	expect(&deaf, VERDICT_UNAFFECTED, "sigterm_discarded_pid1");
	add(&hearing, 10, 1, DISPOSITION_HANDLER)->is_init = true;
	expect(&hearing, VERDICT_CLEAN, "");
}

/* What was started in it later (exec) is nobody's to tell. */
static void test_container_exec(void **state)
{
	struct audit audit = bare();
	struct audit_process *init = add(&audit, 10, 1, DISPOSITION_HANDLER);

	(void)state;
	audit.service.kind = SERVICE_CONTAINER;
	init->is_init = true;
	listen_on(&audit, init, 0);
	add(&audit, 50, 2, DISPOSITION_DEFAULT);
	assert_int_equal(audit_predict(&audit), 0);
	assert_true(audit.processes[0].is_told);
	assert_false(audit.processes[1].is_told);
	audit_fini(&audit);
}

/* The same below systemd: by KillMode. */
static struct audit wrapped_unit(enum kill_mode mode)
{
	struct audit audit = bare();

	audit.service.kind = SERVICE_UNIT;
	audit.signal_source = SIGNAL_BY_UNIT;
	audit.kill_mode = mode;
	audit.main_pid = 10;
	audit.sends_kill = true;
	audit.grace_ns = 3000000000;
	add(&audit, 10, 1, DISPOSITION_DEFAULT);
	listen_on(&audit, add(&audit, 11, 10, DISPOSITION_HANDLER), 0);
	return audit;
}

static void test_kill_modes(void **state)
{
	struct audit group = wrapped_unit(KILL_MODE_CONTROL_GROUP);
	struct audit mixed = wrapped_unit(KILL_MODE_MIXED);
	struct audit process = wrapped_unit(KILL_MODE_PROCESS);
	struct audit none = wrapped_unit(KILL_MODE_NONE);

	(void)state;
	expect(&group, VERDICT_CLEAN, "");
	expect(&mixed, VERDICT_FORCED, "wrapper_died_first killed_by_supervisor");
	expect(&process, VERDICT_PARTIAL, "wrapper_died_first");
	expect(&none, VERDICT_UNAFFECTED, "");
}

/* What systemd does by default, where the unit cannot be read. */
static void test_unreadable_unit(void **state)
{
	struct audit audit = bare();

	(void)state;
	audit.service.kind = SERVICE_UNIT;
	audit.unit_error = -EACCES;
	listen_on(&audit, add(&audit, 10, 1, DISPOSITION_IGNORED), 0);
	add(&audit, 11, 10, DISPOSITION_HANDLER);
	assert_int_equal(audit_predict(&audit), 0);
	assert_true(audit.processes[1].is_told);
	expect(&audit, VERDICT_FORCED, "sigterm_ignored grace_exceeded");
}

/* Python's resource tracker ignores TERM, and ends with its parent all the same. */
static void test_helper(void **state)
{
	struct audit audit = wrapped_unit(KILL_MODE_CONTROL_GROUP);

	(void)state;
	audit.processes[0].disposition = DISPOSITION_HANDLER;
	add(&audit, 12, 10, DISPOSITION_IGNORED);
	expect(&audit, VERDICT_CLEAN, "");
	audit = wrapped_unit(KILL_MODE_CONTROL_GROUP);
	add(&audit, 12, 10, DISPOSITION_IGNORED);
	expect(&audit, VERDICT_CLEAN, "");
	audit = wrapped_unit(KILL_MODE_CONTROL_GROUP);
	audit.processes[0].disposition = DISPOSITION_IGNORED;
	add(&audit, 12, 10, DISPOSITION_IGNORED);
	expect(&audit, VERDICT_FORCED, "sigterm_ignored grace_exceeded");
}

static void test_grace(void **state)
{
	struct audit patient = wrapped_unit(KILL_MODE_CONTROL_GROUP);
	struct audit endless = wrapped_unit(KILL_MODE_CONTROL_GROUP);

	(void)state;
	patient.processes[1].disposition = DISPOSITION_IGNORED;
	assert_int_equal(audit_predict(&patient), 0);
	assert_string_equal(patient.findings[1].summary,
			    "nothing ends server (pid 11) but SIGKILL, after 3.0 s");
	expect(&patient, VERDICT_FORCED, "sigterm_ignored grace_exceeded");
	endless.processes[1].disposition = DISPOSITION_IGNORED;
	endless.grace_ns = INT64_MAX;
	expect(&endless, VERDICT_PARTIAL, "sigterm_ignored orphans_left");
}

/* A listener that workers share closes with the last of them. */
static void test_shared_listener(void **state)
{
	struct audit audit = bare();
	struct audit_process *master = add(&audit, 10, 1, DISPOSITION_DEFAULT);
	struct audit_listener *listener = listen_on(&audit, master, 4);

	(void)state;
	share(listener, add(&audit, 11, 10, DISPOSITION_HANDLER));
	expect(&audit, VERDICT_PARTIAL, "orphans_left");
}

/* Socket activation: the supervisor has it, too. */
static void test_held_outside(void **state)
{
	struct audit audit = bare();

	(void)state;
	listen_on(&audit, add(&audit, 10, 1, DISPOSITION_HANDLER), 4)->is_held_outside = true;
	expect(&audit, VERDICT_CLEAN, "");
}

static void test_fanout(void **state)
{
	struct audit audit = wrapped_unit(KILL_MODE_CONTROL_GROUP);

	(void)state;
	audit.processes[0].disposition = DISPOSITION_HANDLER;
	share(&audit.listeners[0], &audit.processes[0]);
	expect(&audit, VERDICT_CLEAN, "signal_fanout");
}

static void test_kill(void **state)
{
	struct audit audit = bare();

	(void)state;
	audit.signal = SIGKILL;
	listen_on(&audit, add(&audit, 10, 1, DISPOSITION_DEFAULT), 0);
	assert_int_equal(audit_predict(&audit), 0);
	assert_int_equal(audit.n_findings, 1);
	assert_string_equal(audit.findings[0].row->id, "killed_without_stop_signal");
	audit.processes[0].inbound = audit.processes[0].inbound_in_flight = 2;
	expect(&audit, VERDICT_FORCED, "cut_off_at_exit killed_without_stop_signal");
}

/* A listing that is no snapshot may hold anything. */
static void test_loop(void **state)
{
	struct audit audit = bare();

	(void)state;
	add(&audit, 10, 11, DISPOSITION_HANDLER);
	add(&audit, 11, 10, DISPOSITION_HANDLER);
	expect(&audit, VERDICT_UNAFFECTED, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handler),
		cmocka_unit_test(test_no_handler),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_harmless_signal),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_pid1),
		cmocka_unit_test(test_container_exec),
		cmocka_unit_test(test_kill_modes),
		cmocka_unit_test(test_unreadable_unit),
		cmocka_unit_test(test_helper),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_shared_listener),
		cmocka_unit_test(test_held_outside),
		cmocka_unit_test(test_fanout),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
