/* SPDX-License-Identifier: GPL-2.0-only */
/* What is predicted of programs that are known, and how a prediction looks. */
#include "tests/unit/audited.h"

#include <jansson.h>

#include "src/output/audit.h"

static void check_program(enum program program, int sig, uint32_t in_flight, enum verdict verdict,
			  const char *findings)
{
	struct audit audit = bare();
	struct audit_process *master = add(&audit, 10, 1, DISPOSITION_HANDLER);
	struct audit_process *worker = add(&audit, 11, 10, DISPOSITION_HANDLER);

	master->program = worker->program = program;
	audit.signal = sig;
	share(listen_on(&audit, master, 0), worker);
	worker->inbound = 4;
	worker->inbound_in_flight = in_flight;
	expect(&audit, verdict, findings);
}

static void test_programs(void **state)
{
	(void)state;
	check_program(PROGRAM_NGINX, SIGTERM, 0, VERDICT_CLEAN, "no_handler_idle");
	check_program(PROGRAM_REDIS, SIGTERM, 0, VERDICT_CLEAN, "no_handler_idle");
	check_program(PROGRAM_POSTGRESQL, SIGINT, 0, VERDICT_CLEAN, "no_handler_idle");
	check_program(PROGRAM_APACHE, SIGWINCH, 0, VERDICT_CLEAN, "");
	check_program(PROGRAM_NGINX, SIGTERM, 2, VERDICT_LOSSY,
		      "wrong_stop_signal cut_off_at_exit");
	check_program(PROGRAM_NGINX, SIGQUIT, 2, VERDICT_CLEAN, "");
	check_program(PROGRAM_APACHE, SIGTERM, 1, VERDICT_LOSSY,
		      "wrong_stop_signal cut_off_at_exit");
	check_program(PROGRAM_APACHE, SIGWINCH, 1, VERDICT_CLEAN, "");
	check_program(PROGRAM_HAPROXY, SIGTERM, 1, VERDICT_LOSSY,
		      "wrong_stop_signal cut_off_at_exit");
	check_program(PROGRAM_POSTGRESQL, SIGTERM, 0, VERDICT_DRAINING,
		      "wrong_stop_signal drain_blocked_idle");
	check_program(PROGRAM_POSTGRESQL, SIGINT, 2, VERDICT_LOSSY, "cut_off_at_exit");
	check_program(PROGRAM_REDIS, SIGTERM, 2, VERDICT_LOSSY, "cut_off_at_exit");
	check_program(PROGRAM_UVICORN, SIGTERM, 2, VERDICT_CLEAN, "");
	check_program(PROGRAM_GUNICORN, SIGTERM, 2, VERDICT_CLEAN, "");
	check_program(PROGRAM_GUNICORN, SIGQUIT, 2, VERDICT_LOSSY,
		      "wrong_stop_signal cut_off_at_exit");
}

/* Nothing is in flight at this moment: reason, advice and headline tell what would come of it. */
static void test_idle_cutter(void **state)
{
	struct report_style style = { .columns = 200 };
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_HANDLER);
	struct text text;
	char *shown;

	(void)state;
	server->program = PROGRAM_NGINX;
	listen_on(&audit, server, 0);
	assert_int_equal(audit_predict(&audit), 0);
	assert_string_equal(audit.reason, "nothing is in flight now (what is, nginx does not wait "
					  "for after SIGTERM; after SIGQUIT it does)");
	assert_non_null(strstr(audit.findings[0].advice, "SIGQUIT"));
	text_init(&text);
	audit_print(&audit, &style, &text);
	shown = text_take(&text);
	assert_non_null(strstr(shown, "and cut requests in flight under load"));
	free(shown);
	server->program = PROGRAM_REDIS;
	assert_int_equal(audit_predict(&audit), 0);
	assert_non_null(strstr(audit.findings[0].advice, "Redis closes its clients"));
	server->program = PROGRAM_POSTGRESQL; /* it waits */
	assert_int_equal(audit_predict(&audit), 0);
	assert_non_null(strstr(audit.reason, "until the last one has left"));
	expect(&audit, VERDICT_CLEAN, "");
}

/* A container whose image may set STOPSIGNAL: an assumption is no error. */
static void test_assumed_signal(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_HANDLER);

	(void)state;
	audit.service.kind = SERVICE_CONTAINER;
	server->is_init = true;
	server->program = PROGRAM_NGINX;
	server->inbound = server->inbound_in_flight = 2;
	listen_on(&audit, server, 0);
	assert_int_equal(audit_predict(&audit), 0);
	assert_non_null(strstr(audit.findings[0].summary, "STOPSIGNAL"));
	assert_non_null(strstr(audit.findings[0].summary, "--signal"));
	assert_int_equal(audit.verdict, VERDICT_CLEAN);
	assert_int_equal(audit_severity(&audit), SEVERITY_WARNING);
	server->program = PROGRAM_POSTGRESQL;
	assert_int_equal(audit_predict(&audit), 0);
	assert_int_equal(audit_severity(&audit), SEVERITY_WARNING);
	server->program = PROGRAM_UVICORN; /* drains by what is assumed */
	assert_int_equal(audit_predict(&audit), 0);
	assert_int_equal(audit.n_findings, 0);
	server->program = PROGRAM_NGINX;
	audit.signal_source = SIGNAL_ASKED;
	expect(&audit, VERDICT_LOSSY, "wrong_stop_signal cut_off_at_exit");
}

/* ExecStop= stops it: by a signal that the command waits for, or nobody knows how. */
static void test_commands(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_HANDLER);

	(void)state;
	add(&audit, 11, 10, DISPOSITION_DEFAULT);
	server->program = PROGRAM_NGINX;
	server->inbound = server->inbound_in_flight = 2;
	audit.service.kind = SERVICE_UNIT;
	audit.kill_mode = KILL_MODE_CONTROL_GROUP;
	audit.sends_kill = true;
	audit.main_pid = 10;
	audit.signal = SIGQUIT;
	audit.signal_source = SIGNAL_BY_COMMAND;
	assert_int_equal(audit_predict(&audit), 0);
	assert_int_equal(audit.verdict, VERDICT_CLEAN);
	assert_true(audit.processes[0].is_told);
	assert_false(audit.processes[1].is_told); /* the main process only */
	audit.signal = SIGTERM;
	assert_int_equal(audit_predict(&audit), 0);
	assert_string_equal(audit.findings[0].row->id, "wrong_stop_signal");
	audit.signal_source = SIGNAL_UNSEEN;
	assert_int_equal(audit_predict(&audit), 0);
	assert_non_null(strstr(audit.reason, "by a command"));
	assert_int_equal(audit.processes[1].fate, FATE_STOPS);
	expect(&audit, VERDICT_CLEAN, "");
}

static struct finding *found(struct audit *audit, const char *id)
{
	assert_int_equal(audit_predict(audit), 0);
	for (size_t i = 0; i < audit->n_findings; i++) {
		if (strcmp(audit->findings[i].row->id, id) == 0)
			return &audit->findings[i];
	}
	fail_msg("%s not found", id);
	return NULL;
}

static int64_t number_of(const struct finding *finding, const char *key)
{
	for (size_t i = 0; i < finding->n_evidence; i++) {
		if (strcmp(finding->evidence[i].key, key) == 0)
			return finding->evidence[i].number;
	}
	fail_msg("no %s in the evidence of %s", key, finding->row->id);
	return 0;
}

/* Evidence and advice have the figures; one connection is no connections. */
static void test_figures(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_IGNORED);
	const struct finding *finding;

	(void)state;
	server->program = PROGRAM_UVICORN;
	listen_on(&audit, server, 0);
	audit.service.kind = SERVICE_UNIT;
	audit.kill_mode = KILL_MODE_MIXED;
	audit.main_pid = 10;
	audit.sends_kill = true;
	audit.grace_ns = 30000000000;
	finding = found(&audit, "grace_exceeded");
	assert_int_equal(number_of(finding, "pid"), 10);
	assert_true(number_of(finding, "grace_s") == 30000000000);
	assert_non_null(strstr(finding->summary, "after 30.0 s"));
	assert_non_null(strstr(finding->advice, "--timeout-graceful-shutdown 24,"));
	audit.grace_ns = TIME_UNKNOWN; /* the option, all the same */
	finding = found(&audit, "grace_exceeded");
	assert_non_null(strstr(finding->advice, "--timeout-graceful-shutdown N,"));
	assert_non_null(strstr(finding->advice, "N: whole seconds"));

	server->disposition = DISPOSITION_DEFAULT;
	server->inbound = server->inbound_in_flight = 1;
	finding = found(&audit, "no_handler");
	assert_int_equal(number_of(finding, "in_flight"), 1);
	assert_non_null(strstr(finding->summary, "1 connection of clients ends with it"));
	audit_fini(&audit);
}

/* A runtime that catches everything proves nothing, and the reason says so. */
static void test_runtime(void **state)
{
	struct audit audit = bare();

	(void)state;
	add(&audit, 10, 1, DISPOSITION_HANDLER)->program = PROGRAM_GO;
	assert_int_equal(audit_predict(&audit), 0);
	assert_non_null(strstr(audit.reason, "cannot be seen"));
	assert_int_equal(audit.n_findings, 0);
	audit.processes[0].inbound = audit.processes[0].inbound_in_flight = 2;
	assert_int_equal(number_of(found(&audit, "handler_unseen"), "in_flight"), 2);
	assert_int_equal(audit_severity(&audit), SEVERITY_WARNING);
	assert_non_null(strstr(audit.findings[0].advice, "signal.NotifyContext"));
	audit.processes[0].program = PROGRAM_UVICORN; /* known to drain */
	assert_int_equal(audit_predict(&audit), 0);
	assert_int_equal(audit.n_findings, 0);
	audit_fini(&audit);
}

/* tini is no program that anybody could mend: the advice is for the server below it. */
static void test_runtime_below_an_init(void **state)
{
	struct audit audit = bare();
	struct audit_process *server;

	(void)state;
	strcpy(add(&audit, 10, 1, DISPOSITION_HANDLER)->comm, "tini");
	server = add(&audit, 11, 10, DISPOSITION_HANDLER);
	server->program = PROGRAM_NODE;
	server->inbound = server->inbound_in_flight = 1;
	listen_on(&audit, server, 0);
	assert_non_null(strstr(found(&audit, "handler_unseen")->advice, "process.on("));
	assert_non_null(strstr(audit.reason, "cannot be seen"));
	audit_fini(&audit);
}

static void expect_headline(const struct audit *audit, const char *expected)
{
	struct report_style style = { .columns = 200 };
	struct text text;
	char *shown;

	text_init(&text);
	audit_print_headline(audit, &style, &text);
	shown = text_take(&text);
	assert_non_null(shown);
	if (strncmp(shown, expected, strlen(expected)) != 0)
		fail_msg("%s", shown);
	free(shown);
}

/* A unit has a name; of a process tree the server's has to do, with where it listens. */
static void test_headline(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_HANDLER);

	(void)state;
	assert_int_equal(audit_predict(&audit), 0);
	expect_headline(&audit, "web: would stop cleanly (clean): ");
	listen_on(&audit, server, 0);
	expect_headline(&audit, "server on 0.0.0.0:8000 (pid 10): would stop cleanly (clean): ");
	server->program = PROGRAM_PYTHON;
	expect_headline(&audit, "server on 0.0.0.0:8000 (pid 10): ");
	server->program = PROGRAM_UVICORN;
	expect_headline(&audit, "uvicorn on 0.0.0.0:8000 (pid 10): ");
	audit.launcher = (struct audit_process){ .pid = 9, .comm = "python3" };
	assert_int_equal(audit_predict(&audit), 0);
	expect_headline(&audit, "uvicorn on 0.0.0.0:8000 (pid 10): would stop cleanly, if it is "
				"told itself (clean): ");
	audit.listeners[0].family = AF_UNIX;
	expect_headline(&audit, "uvicorn on a Unix socket (pid 10): ");
	audit.service.kind = SERVICE_UNIT;
	expect_headline(&audit, "web: ");
	audit_fini(&audit);
}

/* "1 of 1 connection", "the 0 requests": said as people say it. */
static void test_numbers(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_DEFAULT);

	(void)state;
	listen_on(&audit, server, 0);
	server->inbound = server->inbound_in_flight = 1;
	assert_string_equal(found(&audit, "cut_off_at_exit")->summary,
			    "the only connection of a client is in flight and would end without an "
			    "answer");
	server->inbound = server->inbound_in_flight = 2;
	assert_string_equal(found(&audit, "cut_off_at_exit")->summary,
			    "2 of 2 connections of clients are in flight and would end without an "
			    "answer");
	server->inbound = 3;
	server->inbound_in_flight = 1;
	assert_string_equal(found(&audit, "cut_off_at_exit")->summary,
			    "1 of 3 connections of clients is in flight and would end without an "
			    "answer");
	server->disposition = DISPOSITION_HANDLER;
	server->program = PROGRAM_GO;
	server->inbound_in_flight = 0;
	assert_string_equal(found(&audit, "handler_unseen")->summary,
			    "Go always catches SIGTERM: whether server (pid 10) has a handler that "
			    "waits for what is in flight, if anything is, cannot be seen");
	audit_fini(&audit);
}

static void test_views(void **state)
{
	struct report_style style = { .columns = 80 };
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 1, DISPOSITION_DEFAULT);
	char *line, *shown;
	struct text text;
	json_t *json;

	(void)state;
	strcpy(server->comm, "\x1b[31mx\"\n\xff");
	strcpy(audit.service.name, "\x1b[31mevil\n");
	listen_on(&audit, server, 1);
	assert_int_equal(audit_predict(&audit), 0);
	text_init(&text);
	audit_print(&audit, &style, &text);
	shown = text_take(&text);
	assert_non_null(shown);
	assert_null(strchr(shown, '\x1b'));
	assert_non_null(strstr(shown, "accept_queue_dropped"));
	line = json_from_audit(&audit);
	assert_null(strchr(line, '\n'));
	json = json_loads(line, 0, NULL);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "schema")), AUDIT_SCHEMA);
	assert_string_equal(json_string_value(json_object_get(json, "outcome")), "lossy");
	assert_true(json_is_null(json_object_get(json_object_get(json, "stop"), "grace_s")));
	json_decref(json);
	free(line);
	free(shown);
	audit_fini(&audit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_idle_cutter),
		cmocka_unit_test(test_assumed_signal),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_runtime),
		cmocka_unit_test(test_runtime_below_an_init),
		cmocka_unit_test(test_headline),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
