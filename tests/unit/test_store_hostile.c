/* SPDX-License-Identifier: GPL-2.0-only */
/* Databases that nobody should trust: reading ends, in a record or an error. */
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
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/output/json.h"
#include "src/output/report.h"
#include "src/store/database.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/shelf.h"

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
static const struct {
	const char *sql;
	int err;
} impossible[] = {
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
	{ "INSERT INTO losses SELECT number, 0, 999, 1 FROM shutdowns", -EBADMSG },
	{ "UPDATE processes SET pid = -1", -EBADMSG },
	{ "UPDATE signals SET signal = 100000", 0 },
	{ "UPDATE listeners SET family = 255", 0 },
	{ "UPDATE shutdowns SET id = hex(zeroblob(500))", -ENOENT },
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

static int load_last(void *directory)
{
	char id[RECORD_ID_BYTES];
	struct store *store = NULL;
	struct record record;
	int err = store_open(shelf_path(directory), STORE_READ, &store);

	if (err)
		return err;
	assert_int_equal(store_last_id(store, id), 0);
	err = store_load(store, id, &record);
	if (!err)
		record_fini(&record);
	store_close(store);
	return err;
}

static void begin_anew(void *directory, const struct record *record, const char *sql)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct store *store;

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char path[160];

		snprintf(path, sizeof(path), "%s%s", shelf_path(directory), suffixes[i]);
		unlink(path);
	}
	store = shelf_open(directory);
	assert_int_equal(store_put(store, record), 0);
	if (database_exec(store, sql))
		fail_msg("%s: %s", sql, store_fault(store));
	store_close(store);
}

static void test_impossible_values(void **state)
{
	struct record *orders = fixture_orders();

	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++) {
		int err;

		begin_anew(*state, orders, impossible[i].sql);
		err = load_last(*state);
		if (err != impossible[i].err)
			print_error("%s\n", impossible[i].sql);
		assert_int_equal(err, impossible[i].err);
		show_all(shelf_path(*state));
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_setup, shelf_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_impossible_values),
		TEST(test_flipped_bytes),
		TEST(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
