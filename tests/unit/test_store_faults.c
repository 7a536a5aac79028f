/* SPDX-License-Identifier: GPL-2.0-only */
/* The store and files that are full, foreign, damaged, old, new, somebody's, or in use. */
#include <errno.h>
#include <fcntl.h>
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
#include "src/output/json.h"
#include "src/output/report.h"
#include "src/store/database.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/shelf.h"

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
	assert_int_equal(number, 1);
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

static void test_unprivileged_reader(void **state)
{
	struct store *store;

	if (geteuid() != 0)
		skip(); /* there is nobody else to be */
	store = shelf_open(*state);
	shelf_fill(store, 1);
	assert_int_equal(chmod(*state, 0755), 0);
	assert_int_equal(read_as_nobody(*state), -EACCES);
	assert_int_equal(chown(shelf_path(*state), 0, 65534), 0);
	store_close(store);
	assert_int_equal(chmod(shelf_path(*state), 0644), 0);
	exec(*state, "PRAGMA user_version = 1");
	for (size_t i = 0; i < 2; i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s%s", shelf_path(*state), i ? "-shm" : "-wal");
		assert_int_equal(chmod(path, 0644), 0);
	}
	assert_int_equal(read_as_nobody(*state), 0); /* nobody writes */
	store = shelf_open(*state);
	assert_int_equal(read_as_nobody(*state), 0); /* while somebody does */
	store_close(store);
}

/* --- migration ------------------------------------------------------------------------------ */

static void test_migration(void **state)
{
	static const char *const steps[] = {
		"", /* version 1 is there */
		"ALTER TABLE shutdowns ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",
		"CREATE TABLE notes (n INTEGER PRIMARY KEY) STRICT;"
		"INSERT INTO notes SELECT number FROM shutdowns",
	};
	static const char *const broken[] = { "", "CREATE TABLE half (n);", "",
					      "CREATE TABLE more (n); NONSENSE" };
	struct store *store = shelf_open(*state);
	struct record record;
	int64_t number;

	shelf_fill(store, 3);
	assert_int_equal(schema_migrate(store, steps, ARRAY_SIZE(steps)), 0);
	assert_int_equal(database_number(store, "PRAGMA user_version", &number), 0);
	assert_int_equal(number, 3);
	assert_int_equal(database_number(store, "SELECT count(*) FROM notes", &number), 0);
	assert_int_equal(number, 3);
	assert_int_equal(store_load(store, "01KAPK00000000000000000001", &record), 0);
	record_fini(&record);
	assert_int_equal(schema_migrate(store, steps, ARRAY_SIZE(steps)), 0); /* nothing to do */
	assert_int_equal(schema_migrate(store, steps, 2), -EPROTO);
	assert_true(schema_migrate(store, broken, ARRAY_SIZE(broken)) < 0); /* the fourth */
	assert_int_equal(database_number(store, "PRAGMA user_version", &number), 0);
	assert_int_equal(number, 3);
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

/* --- hostile -------------------------------------------------------------------------------- */

static int unreadable; /* records */

/* Loads and shows all that can be read. Never fails: what matters is that it returns. */
static int show_one(void *context, const struct store_summary *summary)
{
	const struct report_style style = { .use_unicode = true, .use_colour = true };
	struct store *store = context;
	struct record record;

	if (store_load(store, summary->id, &record)) {
		unreadable++;
		return 0;
	}
	free(json_from_record(&record, false));
	free(report_from_record(&record, &style));
	record_fini(&record);
	return 0;
}

static int show_all(const char *path)
{
	struct store_filter all = {};
	struct store_filter by_service = { .service = "orders.service", .is_oldest_first = true };
	struct store *store = NULL;
	int err = store_open(path, STORE_READ, &store);

	if (err)
		return err;
	err = store_list(store, &all, show_one, store);
	if (!err)
		err = store_list(store, &by_service, show_one, store);
	store_close(store);
	return err;
}

/* Values that no shutwatch writes: refused, or harmless. */
static void test_impossible_values(void **state)
{
	static const struct {
		const char *sql;
		int err;
	} rows[] = {
		{ "UPDATE shutdowns SET outcome = 8", -EBADMSG },
		{ "UPDATE shutdowns SET service_kind = -1", -EBADMSG },
		{ "UPDATE shutdowns SET trigger_signal = 9223372036854775807", -EBADMSG },
		{ "UPDATE connections SET direction = 2", -EBADMSG },
		{ "UPDATE connections SET outcome = 4294967296", -EBADMSG },
		{ "UPDATE connections SET local = zeroblob(15)", -EBADMSG },
		{ "UPDATE connections SET peer_port = 65536", -EBADMSG },
		{ "UPDATE connections SET n = n + 1 WHERE n = 10", -EBADMSG },
		{ "DELETE FROM connections WHERE n = 3", -EBADMSG },
		{ "UPDATE outcomes SET outcome = 15", -EBADMSG },
		{ "INSERT INTO losses SELECT number, 0, 11, 1 FROM shutdowns", -EBADMSG },
		{ "UPDATE processes SET pid = -1", -EBADMSG },
		{ "UPDATE signals SET signal = 100000", 0 },
		{ "UPDATE listeners SET family = 255", 0 },
		{ "UPDATE shutdowns SET id = hex(zeroblob(500))", 0 },
		{ "UPDATE shutdowns SET service = hex(zeroblob(500000))", 0 },
		{ "UPDATE shutdowns SET cgroup = char(27, 0, 10) || cgroup", 0 },
		{ "UPDATE shutdowns SET sender_ancestry = zeroblob(100000)", 0 },
		{ "UPDATE shutdowns SET sender_ancestry = CAST(hex(zeroblob(99)) AS BLOB)", 0 },
		{ "UPDATE shutdowns SET total_ns = 9223372036854775807, drain_ns = "
		  "-9223372036854775807, grace_ns = -9223372036854775807 - 1",
		  0 },
		{ "UPDATE shutdowns SET trigger_wall_ns = -9223372036854775807", 0 },
		{ "UPDATE shutdowns SET trigger_wall_ns = NULL", 0 },
		{ "UPDATE processes SET exited_at_ns = 9223372036854775807, started_wall_ns = "
		  "-9223372036854775807",
		  0 },
		{ "UPDATE signals SET at_ns = -9223372036854775807, delivered_at_ns = "
		  "9223372036854775807",
		  0 },
		{ "UPDATE shutdowns SET inbound_open = -1, inbound_late = -1, refused = -1", 0 },
		{ "UPDATE outcomes SET count = -1", 0 },
		{ "UPDATE processes SET exe = char(255) || hex(zeroblob(1000000))", 0 },
		{ "DROP TABLE signals; CREATE VIEW signals AS SELECT 1 AS n", -EBADMSG },
		{ "DROP TABLE findings", -EBADMSG },
		{ "ALTER TABLE connections RENAME COLUMN peer TO other", -EBADMSG },
	};
	struct record *orders = fixture_orders();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct store *store = shelf_open(*state);
		struct record record;
		int err;

		assert_int_equal(store_put(store, orders), 0);
		if (database_exec(store, rows[i].sql))
			fail_msg("%s: %s", rows[i].sql, store_fault(store));
		store_close(store);
		err = store_open(shelf_path(*state), STORE_READ, &store);
		if (!err) {
			char id[RECORD_ID_BYTES];

			assert_int_equal(store_last_id(store, id), 0);
			err = store_load(store, id, &record);
			if (!err)
				record_fini(&record);
			if (err == -ENOENT && strlen(id) == RECORD_ID_BYTES - 1)
				err = 0; /* an id that is longer than an id */
			store_close(store);
		}
		if (err != rows[i].err)
			print_error("%s\n", rows[i].sql);
		assert_int_equal(err, rows[i].err);
		show_all(shelf_path(*state));
		unlink(shelf_path(*state));
		for (int j = 0; j < 2; j++) {
			char path[160];

			snprintf(path, sizeof(path), "%s%s", shelf_path(*state),
				 j ? "-shm" : "-wal");
			unlink(path);
		}
	}
	fixture_free(orders);
}

static uint64_t dice_state = 0x853c49e6748fea9bULL;

static uint64_t dice(uint64_t sides)
{
	dice_state = dice_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (dice_state >> 33) % sides;
}

/* Bytes turned over anywhere: whatever is left is read, or refused; it never crashes or hangs. */
static void test_flipped_bytes(void **state)
{
	_cleanup_close_ int fd = -1;
	struct record *orders = fixture_orders();
	struct store *store = shelf_open(*state);
	int refused = 0;
	struct stat status;

	for (int i = 0; i < 8; i++) {
		snprintf(orders->id, sizeof(orders->id), "01KAPK%020d", i);
		assert_int_equal(store_put(store, orders), 0);
	}
	assert_int_equal(database_exec(store, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	store_close(store);
	fixture_free(orders);
	fd = open(shelf_path(*state), O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &status), 0);
	for (int round = 0; round < 250; round++) {
		uint8_t kept[16], bad[16];
		off_t at[16];
		size_t n = 1 + dice(16);

		for (size_t i = 0; i < n; i++) {
			at[i] = (off_t)dice((uint64_t)status.st_size);
			assert_int_equal(pread(fd, &kept[i], 1, at[i]), 1);
			bad[i] = (uint8_t)dice(256);
			assert_int_equal(pwrite(fd, &bad[i], 1, at[i]), 1);
		}
		refused += show_all(shelf_path(*state)) != 0;
		for (size_t i = n; i-- > 0;)
			assert_int_equal(pwrite(fd, &kept[i], 1, at[i]), 1);
	}
	assert_in_range(refused, 1, 250);
	assert_int_equal(show_all(shelf_path(*state)), 0);
}

static void test_truncated(void **state)
{
	struct store *store = shelf_open(*state);
	struct stat status;

	shelf_fill(store, 20);
	assert_int_equal(database_exec(store, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	store_close(store);
	assert_int_equal(stat(shelf_path(*state), &status), 0);
	for (off_t size = status.st_size - 4096; size > 0; size -= 2049) {
		unreadable = 0;
		assert_int_equal(truncate(shelf_path(*state), size), 0);
		assert_true(show_all(shelf_path(*state)) < 0 || unreadable > 0);
	}
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
		TEST(test_created),
		TEST(test_names_of_sqlite),
		TEST(test_foreign),
		TEST(test_newer),
		TEST(test_migration),
		TEST(test_unprivileged_reader),
		TEST(test_full),
		TEST(test_impossible_values),
		TEST(test_flipped_bytes),
		TEST(test_truncated),
		TEST(test_reads_while_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
