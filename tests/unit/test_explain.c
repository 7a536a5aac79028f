/* SPDX-License-Identifier: GPL-2.0-only */
/* `explain`: all findings, one of them, none of that name; and README's table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cli/commands.h"
#include "src/cli/status.h"
#include "src/output/explain.h"
#include "tests/unit/found.h"

static const struct report_style ascii = { .columns = 80 };

static void test_explain(void **state)
{
	_cleanup_free_ char *shown = NULL;
	struct text text;

	(void)state;
	text_init(&text);
	explain_list(found_rows, FOUND_ROWS, &text);
	explain_row(&found_rows[1], &ascii, &text);
	explain_markdown(found_rows, 2, &text);
	shown = text_take(&text);
	assert_string_equal(shown, "hint  info     A hint.\n"
				   "slow  warning  It was | slow.\n"
				   "lost  error    Something was lost.\n"
				   "slow (warning)\n"
				   "It was | slow.\n"
				   "\n"
				   "What the kernel shows\n"
				   "  It took long.\n"
				   "\n"
				   "What to change\n"
				   "  Be quicker.\n"
				   "| finding | severity | meaning |\n|---|---|---|\n"
				   "| `hint` | info | A hint. |\n"
				   "| `slow` | warning | It was \\| slow. |\n");
}

static void test_near(void **state)
{
	static const struct finding_row rows[] = {
		{ .id = "requests_cut" },	  { .id = "late_arrivals" },
		{ .id = "oom_killed" },		  { .id = "drain_blocked_idle" },
		{ .id = "drain_blocked_active" }, { .id = "drain_blocked_outbound" },
		{ .id = "drain_blocked_x" },
	};
	static const struct {
		const char *word;
		const char *near;
	} cases[] = {
		{ "request_cut", "requests_cut" },
		{ "requests_cutt", "requests_cut" },
		{ "late", "late_arrivals" },
		{ "oom_kiled", "oom_killed" },
		{ "drain_blocked",
		  "drain_blocked_idle, drain_blocked_active or drain_blocked_outbound" },
		{ "blocked_idle", "drain_blocked_idle" },
		{ "", "" },
		{ "x", "" },
		{ "_", "" },
		{ "something else entirely", "" },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "" },
	};
	char endless[5000];
	_cleanup_free_ char *found = NULL;
	struct text text;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *near = NULL;

		text_init(&text);
		explain_near(rows, ARRAY_SIZE(rows), cases[i].word, &text);
		near = text_take(&text);
		assert_string_equal(near, cases[i].near);
	}
	memset(endless, 'o', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	text_init(&text);
	explain_near(rows, ARRAY_SIZE(rows), endless, &text);
	found = text_take(&text);
	assert_string_equal(found, "");
}

/* What stands between the markers in README.md is the table of the code. */
static void test_readme(void **state)
{
	static const char begin[] = "<!-- findings -->\n";
	_cleanup_fclose_ FILE *file = fopen("README.md", "r");
	_cleanup_free_ char *table = NULL;
	_cleanup_free_ char *readme = NULL;
	const struct finding_row *rows;
	size_t capacity = 0, n_rows;
	char *found, *end;
	struct text text;

	(void)state;
	rows = finding_rows(&n_rows);
	text_init(&text);
	explain_markdown(rows, n_rows, &text);
	table = text_take(&text);
	assert_non_null(file);
	assert_true(getdelim(&readme, &capacity, '\0', file) > 0);
	found = strstr(readme, begin);
	assert_non_null(found);
	found += strlen(begin);
	end = strstr(found, "<!-- /findings -->\n");
	assert_non_null(end);
	*end = '\0';
	if (strcmp(found, table) != 0)
		print_error("README.md should have, as `shutwatch explain --markdown` says\n%s",
			    table);
	assert_string_equal(found, table);
}

/* --- the command ------------------------------------------------------------------------------ */

/* In a process of its own, as main() would call it; what it prints is thrown away. */
static int status_of(char **argv)
{
	int argc = 0;
	int status;
	pid_t child;

	while (argv[argc])
		argc++;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(99);
		_exit(command_explain(argc, argv));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_command(void **state)
{
	const char *id = found_real_id();

	(void)state;
	assert_int_equal(status_of((char *[]){ "explain", NULL }), STATUS_OK);
	assert_int_equal(status_of((char *[]){ "explain", "--markdown", NULL }), STATUS_OK);
	assert_int_equal(status_of((char *[]){ "explain", "no_such_finding", NULL }), STATUS_USAGE);
	assert_int_equal(status_of((char *[]){ "explain", "", NULL }), STATUS_USAGE);
	assert_int_equal(status_of((char *[]){ "explain", "\033[2J", NULL }), STATUS_USAGE);
	if (id)
		assert_int_equal(status_of((char *[]){ "explain", (char *)(uintptr_t)id, NULL }),
				 STATUS_OK);
}

/* The rows themselves: whole, each with its own id, and fit for a list and a table. */
static void test_rows(void **state)
{
	size_t n;
	const struct finding_row *rows = finding_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(strspn(rows[i].id, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				 strlen(rows[i].id));
		assert_in_range(strlen(rows[i].id), 1, 63);
		assert_ptr_equal(finding_row_find(rows[i].id), &rows[i]);
		assert_true(rows[i].meaning[0] && rows[i].signature[0] && rows[i].advice[0]);
		assert_null(strchr(rows[i].meaning, '\n'));
		assert_int_equal(!rows[i].holds, strstr(rows[i].meaning, "(audit only)") != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain), cmocka_unit_test(test_near),
		cmocka_unit_test(test_readme),	cmocka_unit_test(test_command),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
