/* SPDX-License-Identifier: GPL-2.0-only */
/* What is predicted where somebody stands between the signal and the server. */
#include "tests/unit/audited.h"

#include "src/capture/launcher.h"

/* A shell as PID 1 of a container, as images with a command line have it. */
static void test_container_wrapper(void **state)
{
	struct audit audit = bare();

	(void)state;
	audit.service.kind = SERVICE_CONTAINER;
	add(&audit, 10, 1, DISPOSITION_DEFAULT)->is_init = true;
	listen_on(&audit, add(&audit, 11, 10, DISPOSITION_HANDLER), 0);
	expect(&audit, VERDICT_FORCED,
	       "sigterm_discarded_pid1 signal_not_forwarded grace_exceeded "
	       "killed_by_pidns_teardown");
}

static void test_wrapper(void **state)
{
	struct audit audit = bare();

	(void)state;
	add(&audit, 10, 1, DISPOSITION_DEFAULT);
	/* Its queue is served by who lives on. */
	listen_on(&audit, add(&audit, 11, 10, DISPOSITION_HANDLER), 3);
	expect(&audit, VERDICT_PARTIAL, "wrapper_died_first");
}

/* A shell in a shell: the inner one hears nothing either. */
static void test_nested_wrapper(void **state)
{
	struct audit audit = bare();

	(void)state;
	add(&audit, 10, 1, DISPOSITION_DEFAULT)->program = PROGRAM_SHELL;
	add(&audit, 11, 10, DISPOSITION_DEFAULT)->program = PROGRAM_SHELL;
	listen_on(&audit, add(&audit, 12, 11, DISPOSITION_HANDLER), 0);
	expect(&audit, VERDICT_PARTIAL, "wrapper_died_first");
}

/* `npm start`: it passes the signal on, to a shell. A server may have a shell as a helper. */
static void test_relay(void **state)
{
	struct audit audit = bare(), helper = bare();
	struct audit_process *server;

	(void)state;
	add(&audit, 10, 1, DISPOSITION_HANDLER)->program = PROGRAM_NODE;
	add(&audit, 11, 10, DISPOSITION_DEFAULT)->program = PROGRAM_SHELL;
	listen_on(&audit, add(&audit, 12, 11, DISPOSITION_HANDLER), 0);
	expect(&audit, VERDICT_PARTIAL, "wrapper_died_first");

	server = add(&helper, 10, 1, DISPOSITION_HANDLER);
	listen_on(&helper, server, 0);
	add(&helper, 11, 10, DISPOSITION_DEFAULT)->program = PROGRAM_SHELL;
	share(&helper.listeners[0], add(&helper, 12, 11, DISPOSITION_HANDLER));
	expect(&helper, VERDICT_CLEAN, "");
}

/* A wrapper that catches the signal: what it does then cannot be seen; of an init it is known. */
static void test_wrapper_with_a_handler(void **state)
{
	struct audit shell = bare(), init = bare();

	(void)state;
	add(&shell, 10, 1, DISPOSITION_HANDLER)->program = PROGRAM_SHELL;
	listen_on(&shell, add(&shell, 11, 10, DISPOSITION_HANDLER), 0);
	expect(&shell, VERDICT_CLEAN, "handler_unseen");
	strcpy(add(&init, 10, 1, DISPOSITION_HANDLER)->comm, "tini");
	listen_on(&init, add(&init, 11, 10, DISPOSITION_HANDLER), 0);
	expect(&init, VERDICT_CLEAN, "");
}

static void test_wrapper_ignores(void **state)
{
	struct audit audit = bare();

	(void)state;
	add(&audit, 10, 1, DISPOSITION_IGNORED);
	listen_on(&audit, add(&audit, 11, 10, DISPOSITION_HANDLER), 0);
	expect(&audit, VERDICT_UNAFFECTED, "sigterm_ignored signal_not_forwarded");
}

/* What has started it and may be told: said, and no more; an init that passes it on is none. */
static void test_launcher(void **state)
{
	struct audit audit = bare();
	struct audit_process *server = add(&audit, 10, 9, DISPOSITION_HANDLER);

	(void)state;
	server->program = PROGRAM_UVICORN;
	listen_on(&audit, server, 0);
	audit.launcher = (struct audit_process){ .pid = 9, .comm = "python3", .is_readable = true };
	assert_int_equal(audit_predict(&audit), 0);
	assert_int_equal(audit_severity(&audit), SEVERITY_WARNING);
	assert_string_equal(audit.findings[0].summary,
			    "python3 (pid 9) has started server (pid 10) and does not serve: if "
			    "SIGTERM goes to it, it has no handler, and ends alone; --pid 9 says "
			    "what comes of that");
	audit.launcher.disposition = DISPOSITION_HANDLER;
	assert_int_equal(audit_predict(&audit), 0);
	assert_non_null(strstr(audit.findings[0].summary, "whether it passes that on"));
	audit.launcher.disposition = DISPOSITION_IGNORED;
	assert_int_equal(audit_predict(&audit), 0);
	assert_non_null(strstr(audit.findings[0].summary, "it ignores that"));
	expect(&audit, VERDICT_CLEAN, "handler_unseen");
}

/* A shell above it that is its wrapper, and a launcher above that. */
static void test_launcher_of_a_shell(void **state)
{
	struct audit audit = bare();

	(void)state;
	add(&audit, 10, 9, DISPOSITION_DEFAULT)->program = PROGRAM_SHELL;
	listen_on(&audit, add(&audit, 11, 10, DISPOSITION_HANDLER), 0);
	audit.launcher = (struct audit_process){ .pid = 9, .comm = "make", .is_readable = true };
	expect(&audit, VERDICT_PARTIAL, "wrapper_died_first handler_unseen");
}

/* As procfs_command_line() has it: a script is a wrapper, a prompt is none. */
static void test_scripts(void **state)
{
	static const struct {
		const char *words;
		size_t size;
		bool is_script;
	} cases[] = {
#define WORDS(text, is) { text, sizeof(text) - 1, is }
		WORDS("sh\0-c\0setsid server; true\0", true),
		WORDS("/bin/bash\0-e\0/srv/start.sh\0", true),
		WORDS("-bash\0", false),
		WORDS("bash\0--login\0", false),
		WORDS("bash\0--init-file\0/x\0", false),
		WORDS("bash\0--init-file\0/x\0start.sh\0", true),
		WORDS("sh\0-i\0-c\0x\0", false),
		WORDS("sh\0\0", false),
		WORDS("sh", false),
		WORDS("", false),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (launcher_runs_script(cases[i].words, cases[i].size) != cases[i].is_script)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_container_wrapper),
		cmocka_unit_test(test_wrapper),
		cmocka_unit_test(test_nested_wrapper),
		cmocka_unit_test(test_relay),
		cmocka_unit_test(test_wrapper_with_a_handler),
		cmocka_unit_test(test_wrapper_ignores),
		cmocka_unit_test(test_launcher),
		cmocka_unit_test(test_launcher_of_a_shell),
		cmocka_unit_test(test_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
