/* SPDX-License-Identifier: GPL-2.0-only */
/* The store and files that are full, foreign, old, new, somebody's, or in use. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/store/database.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/shelf.h"
#include "tests/unit/plain.h"

/* Closes what it opened. */
static int open_reader(void *directory)
{
	struct store *store = NULL;
	int err = store_open(shelf_path(directory), STORE_READ, &store);

	store_close(store);
	return err;
}

static int open_writer(void *directory)
{
	struct store *store = NULL;
	int err = store_open(shelf_path(directory), STORE_WRITE, &store);

	store_close(store);
	return err;
}

static void exec(void *directory, const char *sql)
{
	struct store *store = shelf_open(directory);

	if (database_exec(store, sql))
		fail_msg("%s: %s", sql, store_fault(store));
	store_close(store);
}

/* --- whose file it is ----------------------------------------------------------------------- */

static void test_created(void **state)
{
	char path[128];
	struct store *store = NULL;
	struct stat status;
	mode_t mask = umask(0);
	int64_t number;

	snprintf(path, sizeof(path), "%s/new/store.db", (char *)*state);
	assert_int_equal(store_open(path, STORE_READ, &store), -ENOENT);
	assert_int_equal(store_open(path, STORE_WRITE, &store), 0);
	umask(mask);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	assert_int_equal(database_number(store, "PRAGMA auto_vacuum", &number), 0);
	assert_int_equal(number, 2); /* INCREMENTAL */
	assert_int_equal(database_number(store, "PRAGMA user_version", &number), 0);
	assert_int_equal(number, 4);
	store_close(store);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0750);
	assert_int_equal(chdir(path), 0);
	assert_int_equal(unlink("store.db") | unlink("store.db-wal") | unlink("store.db-shm"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(path), 0);
}

static void test_names_of_sqlite(void **state)
{
	struct store *store = NULL;

	(void)state;
	assert_int_equal(store_open(":memory:", STORE_READ, &store), -ENOENT);
	assert_int_equal(store_open("file:x?mode=memory", STORE_READ, &store), -ENOENT);
	assert_int_equal(store_open("", STORE_READ, &store), -EISDIR);
	assert_int_equal(store_open("/", STORE_READ, &store), -EISDIR);
	assert_int_equal(store_open("/dev/null", STORE_WRITE, &store), -EINVAL);
	assert_null(store);
}

static void test_foreign(void **state)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(shelf_path(*state), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE places (x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(open_reader(*state), -EMEDIUMTYPE);
	assert_int_equal(open_writer(*state), -EMEDIUMTYPE);
	assert_int_equal(truncate(shelf_path(*state), 0), 0);
	assert_int_equal(open_reader(*state), -EPROTO); /* nothing in it yet */
	assert_int_equal(open_writer(*state), 0);
	assert_int_equal(open_reader(*state), 0);
}

static void test_newer(void **state)
{
	exec(*state, "PRAGMA user_version = 99");
	assert_int_equal(open_reader(*state), -EPROTO);
	assert_int_equal(open_writer(*state), -EPROTO);
	assert_int_equal(open_reader(*state), -EPROTO);
}

/* One who may read the file, but not write beside it: as with the daemon's group. */
static int read_as_nobody(void *directory)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(99);
		_exit(-open_reader(directory));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

/* Another process that has the store open until its end of the pipe is closed. */
static pid_t hold_open(void *directory, int *ret_end)
{
	int ready[2], end[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready) | pipe(end), 0);
	child = fork();
	if (child == 0) {
		struct store *store = shelf_open(directory);

		close(end[1]);
		shelf_fill(store, 2);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(read(end[0], &byte, 1) != 0);
	}
	close(end[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	*ret_end = end[1];
	return child;
}

static void test_unprivileged_reader(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	int end, status;
	pid_t writer;

	if (geteuid() != 0)
		skip(); /* there is nobody else to be */
	assert_int_equal(chmod(*state, 0755), 0);
	writer = hold_open(*state, &end);
	assert_int_equal(read_as_nobody(*state), -EACCES);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s%s", shelf_path(*state), suffixes[i]);
		assert_int_equal(chown(path, 0, 65534), 0);
	}
	assert_int_equal(read_as_nobody(*state), 0); /* while somebody writes */
	close(end);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	assert_int_equal(open_writer(*state), 0);
	assert_int_equal(read_as_nobody(*state), 0); /* nobody does, after an orderly end */
	exec(*state, "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = WAL"); /* new ones */
	assert_int_equal(read_as_nobody(*state), 0);
}

/* --- migration ------------------------------------------------------------------------------ */

static void test_migration(void **state)
{
	static const char *const steps[] = {
		"",
		"",
		"",
		"", /* these are there */
		"ALTER TABLE shutdowns ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",
		"CREATE TABLE notes (n INTEGER PRIMARY KEY) STRICT;"
		"INSERT INTO notes SELECT number FROM shutdowns",
	};
	static const char *const broken[] = {
		"", "", "", "", "CREATE TABLE half (n);", "", "CREATE TABLE more (n); NONSENSE"
	};
	struct store *store = shelf_open(*state);
	struct record record;
	int64_t number;

	shelf_fill(store, 3);
	assert_int_equal(schema_migrate(store, steps, ARRAY_SIZE(steps)), 0);
	assert_int_equal(database_number(store, "PRAGMA user_version", &number), 0);
	assert_int_equal(number, 6);
	assert_int_equal(database_number(store, "SELECT count(*) FROM notes", &number), 0);
	assert_int_equal(number, 3);
	assert_int_equal(store_load(store, "01KAPK00000000000000000001", &record), 0);
	record_fini(&record);
	assert_int_equal(schema_migrate(store, steps, ARRAY_SIZE(steps)), 0); /* nothing to do */
	assert_int_equal(schema_migrate(store, steps, 3), -EPROTO);
	assert_true(schema_migrate(store, broken, ARRAY_SIZE(broken)) < 0); /* the seventh */
	assert_int_equal(database_number(store, "PRAGMA user_version", &number), 0);
	assert_int_equal(number, 6);
	assert_int_equal(database_number(store,
					 "SELECT count(*) FROM sqlite_schema WHERE name = 'more'",
					 &number),
			 0);
	assert_int_equal(number, 0);
	store_close(store);
}

/* --- full ----------------------------------------------------------------------------------- */

/* The file may not grow: SQLITE_FULL, as on a full disk, without needing one. */
static void test_full(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	int64_t pages;

	assert_int_equal(database_number(store, "PRAGMA max_page_count = 1", &pages), 0);
	while (record->n_details < 1000)
		fixture_connection(record, "10.1.2.3", 5, OUTCOME_CUT);
	assert_int_equal(store_put(store, record), -ENOSPC);
	assert_non_null(strstr(store_fault(store), "full"));
	assert_int_equal(shelf_count(store), 0); /* nothing of half a record */
	assert_int_equal(database_number(store, "PRAGMA max_page_count = 100000", &pages), 0);
	assert_int_equal(store_put(store, record), 0);
	fixture_free(record);
	store_close(store);
}

/* --- in use --------------------------------------------------------------------------------- */

#define WRITTEN 60

static void write_and_exit(void *directory, int ready)
{
	struct store *store = shelf_open(directory);

	for (int i = 0; i < WRITTEN; i++) {
		struct record *record = fixture_orders();

		snprintf(record->id, sizeof(record->id), "01KAPK%020d", i);
		if (store_put(store, record) || (i == 0 && write(ready, "", 1) != 1))
			_exit(1);
		fixture_free(record);
	}
	_exit(0);
}

static int check_whole(void *context, const struct store_summary *summary)
{
	struct record record;

	assert_int_equal(store_load(context, summary->id, &record), 0);
	assert_int_equal(record.n_processes, 9);
	assert_int_equal(record.n_details, 11);
	record_fini(&record);
	return 0;
}

/* A reader sees whole records, more and more of them, and never has to wait. */
static void test_reads_while_written(void **state)
{
	struct store_filter all = {};
	struct store *reader = NULL;
	int ready[2], status;
	size_t seen = 0;
	pid_t child;
	char byte;

	skip_under_valgrind("the child exits with what the parent holds");
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0)
		write_and_exit(*state, ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(store_open(shelf_path(*state), STORE_READ, &reader), 0);
	while (waitpid(child, &status, WNOHANG) == 0) {
		size_t count = shelf_count(reader);

		assert_true(count >= seen);
		seen = count;
		assert_int_equal(store_list(reader, &all, check_whole, reader), 0);
	}
	assert_int_equal(status, 0);
	assert_int_equal(shelf_count(reader), WRITTEN);
	store_close(reader);
	close(ready[0]);
	close(ready[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_setup, shelf_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_created), TEST(test_names_of_sqlite),	    TEST(test_foreign),
		TEST(test_newer),   TEST(test_migration),	    TEST(test_unprivileged_reader),
		TEST(test_full),    TEST(test_reads_while_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
