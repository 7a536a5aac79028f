/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands that read the store, as they are called; and the store on all recordings. */
#include <argp.h>
#include <glob.h>
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
#include <jansson.h>

#include "src/analysis/build.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/capture/recording.h"
#include "src/cli/commands.h"
#include "src/cli/status.h"
#include "src/model/model.h"
#include "src/output/json.h"
#include "src/store/database.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/found.h"
#include "tests/unit/shelf.h"

#define OUTPUT_BYTES (1 << 16)

struct result {
	int status;
	uint64_t took_ns;
	char out[OUTPUT_BYTES]; /* the end of it is cut */
	size_t lines;
};

static struct result result;

static void read_all(FILE *from)
{
	size_t size = 0;
	int c;

	result.lines = 0;
	while ((c = fgetc(from)) != EOF) {
		result.lines += c == '\n';
		if (size < sizeof(result.out) - 1)
			result.out[size++] = (char)c;
	}
	result.out[size] = '\0';
}

/* In a process of its own, as main() would call it. The last argument is NULL. No handle of the
 * store may be open: SQLite's do not survive a fork. */
static void call(int (*command)(int argc, char **argv), char **argv)
{
	int argc = 0;
	int fds[2];
	FILE *out;
	pid_t child;

	while (argv[argc])
		argc++;
	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		_exit(command(argc, argv));
	}
	close(fds[1]);
	out = fdopen(fds[0], "r");
	result.took_ns = clock_boot_ns();
	read_all(out);
	assert_int_equal(waitpid(child, &result.status, 0), child);
	result.took_ns = clock_boot_ns() - result.took_ns;
	assert_true(WIFEXITED(result.status));
	result.status = WEXITSTATUS(result.status);
	fclose(out);
}

#define CALL(command, ...)                                                                         \
	call(command_##command, (char *[]){ #command, "--store", __VA_ARGS__, NULL })

static char *path_of(void **state)
{
	return (char *)(uintptr_t)shelf_path(*state);
}

/* --- commands --------------------------------------------------------------------------------- */

static void test_pages(void **state)
{
	struct store *store = shelf_open(*state);
	char *path = path_of(state);

	shelf_fill(store, 7);
	store_close(store);
	CALL(list, path, "-n", "3");
	assert_int_equal(result.status, STATUS_OK);
	assert_int_equal(result.lines, 1 + 3 + 2);
	assert_non_null(strstr(result.out, "--before 01KAPK00000000000000000004\n"));
	CALL(list, path, "-n", "3", "--before", "01kapk00000000000000000004");
	assert_non_null(strstr(result.out, "--before 01KAPK00000000000000000001\n"));
	CALL(list, path, "-n", "3", "--before", "01KAPK00000000000000000001");
	assert_int_equal(result.lines, 1 + 1);
	assert_null(strstr(result.out, "--before"));
	CALL(list, path, "--before", "01KAPK00000000000000000000");
	assert_string_equal(result.out, "no such shutdown in the store\n");
	assert_int_equal(result.status, STATUS_OK);
	CALL(list, path, "--before", "nonsense");
	assert_int_equal(result.status, STATUS_FAILED);
	CALL(list, path, "-n", "2", "--json");
	assert_int_equal(result.lines, 2);
	CALL(list, "/nowhere/store.db");
	assert_int_equal(result.status, STATUS_FAILED);
	assert_string_equal(result.out, "");
}

static void test_show(void **state)
{
	struct record *orders = fixture_orders();
	struct store *store = shelf_open(*state);
	char *path = path_of(state);
	_cleanup_free_ char *json = json_from_record(orders, false);

	store_close(store);
	CALL(show, path, "last");
	assert_int_equal(result.status, STATUS_FAILED);
	store = shelf_open(*state);
	shelf_fill(store, 2);
	assert_int_equal(store_put(store, orders), 0);
	store_close(store);
	CALL(show, path, "last", "--json");
	assert_int_equal(result.status, STATUS_OK);
	assert_memory_equal(result.out, json, strlen(json));
	assert_string_equal(result.out + strlen(json), "\n");
	CALL(show, path, "01kapk2");
	assert_non_null(strstr(result.out, "orders.service"));
	CALL(show, path, "01kapk0");
	assert_int_equal(result.status, STATUS_FAILED);
	assert_string_equal(result.out, "");
	CALL(show, path, "01J");
	assert_int_equal(result.status, STATUS_FAILED);
	fixture_free(orders);
}

static void test_export(void **state)
{
	struct record *orders = fixture_orders();
	struct store *store = shelf_open(*state);
	char *path = path_of(state);
	_cleanup_free_ char *json = json_from_record(orders, false);

	shelf_fill(store, 2);
	assert_int_equal(store_put(store, orders), 0);
	store_close(store);
	CALL(export, path);
	assert_int_equal(result.status, STATUS_OK);
	assert_int_equal(result.lines, 3);
	assert_non_null(strstr(result.out, json)); /* the last: oldest first */
	assert_true(strstr(result.out, json) > strchr(result.out, '\n'));
	CALL(export, path, "--outcome", "lossy");
	assert_int_equal(result.lines, 1);
	CALL(export, path, "--format", "csv", "--service", "nobody*");
	assert_int_equal(result.lines, 1); /* the names of the columns */
	CALL(export, path, "--format", "csv");
	assert_int_equal(result.lines, 4);
	fixture_free(orders);
}

static void test_diff(void **state)
{
	struct store *store = shelf_open(*state);
	char *path = path_of(state);
	json_t *json;

	shelf_put(store, "01KAPK0000000000000000000A", "orders", 1000, VERDICT_LOSSY);
	shelf_put(store, "01KAPK0000000000000000000B", "orders", 2000, VERDICT_CLEAN);
	shelf_put(store, "01KAPK0000000000000000000C", "billing", 3000, VERDICT_CLEAN);
	store_close(store);
	CALL(diff, path, "service=orders", "last", "--json");
	assert_int_equal(result.status, STATUS_OK);
	json = json_loads(result.out, 0, NULL);
	assert_non_null(json);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json, "a"), "shutdowns")), 2);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json, "b"), "shutdowns")), 1);
	json_decref(json);
	CALL(diff, path, "01KAPK0000000000000000000A", "01KAPK0000000000000000000B");
	assert_non_null(strstr(result.out, "lossy"));
	CALL(diff, path, "last", "odd=1");
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(diff, path, "last", "01KAPK");
	assert_int_equal(result.status, STATUS_FAILED);
}

static void test_usage(void **state)
{
	char *path = path_of(state);

	CALL(list, path, "--outcome", "odd");
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(list, path, "--since", "yesterday");
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(list, path, "surplus");
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(show, path);
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(show, path, "last", "last");
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(export, path, "--format", "xml");
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(diff, path, "last");
	assert_int_equal(result.status, STATUS_USAGE);
	CALL(diff, path, "last", "last", "last");
	assert_int_equal(result.status, STATUS_USAGE);
	assert_string_equal(result.out, "");
}

/* --- many ------------------------------------------------------------------------------------- */

#define MANY 10000

/* The best of a few: what the command takes, not what else this machine is busy with. */
static void time_list(const char *what, char **argv, size_t lines)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		call(command_list, argv);
		assert_int_equal(result.status, STATUS_OK);
		assert_int_equal(result.lines, lines);
		if (result.took_ns < best)
			best = result.took_ns;
	}
	print_message("list, %s, of %d records: %.1f ms\n", what, MANY, (double)best / 1e6);
	assert_true(best < 200 * 1000000ULL || getenv("SHUTWATCH_VALGRIND")); /* 20 times slower */
}

static void test_many(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	char *path = path_of(state);

	record->n_details = 2;
	assert_int_equal(database_exec(store, "PRAGMA synchronous = OFF"), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(record->id, sizeof(record->id), "01KAPK%020d", i);
		snprintf(record->service.name, sizeof(record->service.name), "service-%d", i % 100);
		record->trigger_wall_ns += 60 * (int64_t)NSEC_PER_SEC;
		record->verdict = i % 1000 ? VERDICT_CLEAN : VERDICT_FORCED;
		assert_int_equal(store_put(store, record), 0);
	}
	fixture_free(record);
	store_close(store);
	time_list("a page", (char *[]){ "list", "--store", path, NULL }, 53);
	time_list("one service",
		  (char *[]){ "list", "--store", path, "--service", "service-7", NULL }, 53);
	time_list("a glob", (char *[]){ "list", "--store", path, "--service", "*-9?", NULL }, 53);
	time_list("an outcome since a time",
		  (char *[]){ "list", "--store", path, "--outcome", "forced", "--since",
			      "2026-11-23", NULL },
		  10);
	if (found_real_id())
		time_list("a finding that none has",
			  (char *[]){ "list", "--store", path, "--finding",
				      (char *)(uintptr_t)found_real_id(), NULL },
			  1);
}

/* --- recordings ------------------------------------------------------------------------------- */

struct replay {
	struct host host;
	struct model *model;
	struct store *store;
	size_t records;
};

static int on_event(void *context, const union event *event)
{
	struct replay *replay = context;
	struct shutdown *shutdown;
	int err = model_apply(replay->model, event);

	while (!err && (shutdown = model_take_ended(replay->model))) {
		_cleanup_free_ char *expected = NULL;
		_cleanup_free_ char *found = NULL;
		struct record record, loaded;

		assert_int_equal(record_build(shutdown, &replay->host, &record), 0);
		assert_int_equal(store_put(replay->store, &record), 0);
		assert_int_equal(store_load(replay->store, record.id, &loaded), 0);
		expected = json_from_record(&record, false);
		found = json_from_record(&loaded, false);
		assert_string_equal(found, expected);
		record_fini(&record);
		record_fini(&loaded);
		shutdown_free(shutdown);
		replay->records++;
	}
	return err;
}

static void test_every_recording(void **state)
{
	static const struct model_options options = { .settle_ns = 500000000,
						      .patience_ns = 600 * NSEC_PER_SEC,
						      .details_limit = DETAILS_DEFAULT };
	struct replay replay = { .store = shelf_open(*state) };
	struct recording_fault fault;
	glob_t found = {};

	assert_int_equal(glob("tests/replay/*.rec", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		replay.model = model_new(&options);
		assert_int_equal(recording_read(found.gl_pathv[i], &replay.host, on_event, &replay,
						&fault),
				 0);
		model_free(replay.model);
	}
	assert_true(replay.records >= found.gl_pathc);
	globfree(&found);
	store_close(replay.store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_setup, shelf_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pages), TEST(test_show), TEST(test_export),	       TEST(test_diff),
		TEST(test_usage), TEST(test_many), TEST(test_every_recording),
	};

	argp_err_exit_status = STATUS_USAGE; /* as main() does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
