/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings and waits in the store: there and back, found again, and brought into old files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/output/json.h"
#include "src/output/report.h"
#include "src/store/database.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/found.h"
#include "tests/unit/shelf.h"

static void assert_same(const struct record *a, const struct record *b)
{
	_cleanup_free_ char *expected = json_from_record(a, false);
	_cleanup_free_ char *found = json_from_record(b, false);

	assert_string_equal(found, expected);
}

static struct record load(struct store *store, const char *id)
{
	struct record record = {};

	assert_int_equal(store_load(store, id, &record), 0);
	return record;
}

static void exec(struct store *store, const char *sql)
{
	if (database_exec(store, sql))
		fail_msg("%s: %s", sql, store_fault(store));
}

/* --- there and back --------------------------------------------------------------------------- */

/* No row of ours has these ids: they are what another version knows. */
static void test_round_trip(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	struct record loaded;

	found_fill(record);
	assert_int_equal(store_put(store, record), 0);
	assert_int_equal(store_put(store, record), 0); /* in its own place */
	loaded = load(store, record->id);
	assert_same(record, &loaded);
	assert_string_equal(loaded.findings[0].row->id, "lost");
	assert_int_equal(loaded.findings[0].row->severity, SEVERITY_ERROR);
	assert_false(loaded.findings[0].row->holds(&loaded, &loaded.findings[0]));
	assert_int_equal(loaded.processes[0].program, PROGRAM_UVICORN);
	assert_memory_equal(loaded.waits, record->waits, 2 * sizeof(*record->waits));
	store_close(store);
	assert_string_equal(loaded.findings[0].evidence[2].key, "peer"); /* not the store's */
	record_fini(&loaded);
	fixture_free(record);
}

/* An id of the table: its row is ours. */
static void test_known_row(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_empty();
	struct record loaded;
	const char *id = found_real_id();

	if (id) {
		found_add(record, finding_row_find(id), "s", "a");
		assert_int_equal(store_put(store, record), 0);
		loaded = load(store, record->id);
		assert_ptr_equal(loaded.findings[0].row, finding_row_find(id));
		record_fini(&loaded);
	}
	fixture_free(record);
	store_close(store);
	if (!id)
		skip();
}

/* The ends of every range, and bytes that are no text. */
static void test_extremes(void **state)
{
	static const struct finding_row longest = {
		.id = "0123456789012345678901234567890123456789012345678901234567890123456789",
		.severity = SEVERITY_WARNING,
	};
	struct store *store = shelf_open(*state);
	struct record *record = fixture_empty();
	struct finding *finding = found_add(record, &longest, "\xff\x1b'; DROP TABLE findings", "");
	struct record_wait *wait = found_wait(record, "\xff", "c", WAIT_ON_FILE, "\xfe", 0);
	struct record loaded;

	for (int i = 0; i < EVIDENCE_MAX; i++)
		found_evidence(finding, "k", EVIDENCE_COUNT, i % 2 ? INT64_MIN : INT64_MAX);
	memset(finding->evidence[0].text, 'x', EVIDENCE_TEXT_BYTES - 1);
	wait->pid = UINT32_MAX;
	wait->total_ns = TIME_UNKNOWN;
	wait->share = 1.0 / 3;
	wait->samples = UINT64_MAX;
	wait->state = WAIT_BLOCKED;
	assert_int_equal(store_put(store, record), 0);
	loaded = load(store, record->id);
	assert_int_equal(strlen(loaded.findings[0].row->id), 63);
	assert_string_equal(loaded.findings[0].summary, finding->summary);
	assert_int_equal(loaded.findings[0].n_evidence, EVIDENCE_MAX);
	assert_true(loaded.findings[0].evidence[1].number == INT64_MIN);
	assert_true(loaded.findings[0].evidence[2].number == INT64_MAX);
	assert_string_equal(loaded.findings[0].evidence[0].text, finding->evidence[0].text);
	assert_memory_equal(loaded.waits, record->waits, sizeof(*wait));
	record_fini(&loaded);
	fixture_free(record);
	store_close(store);
}

static void test_looked_and_saw_nothing(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_empty();
	struct record loaded;

	record->has_waits = true;
	record->are_resets_unseen = true;
	assert_int_equal(store_put(store, record), 0);
	loaded = load(store, record->id);
	assert_true(loaded.has_waits);
	assert_true(loaded.are_resets_unseen);
	assert_int_equal(loaded.n_waits, 0);
	record_fini(&loaded);
	fixture_free(record);
	store_close(store);
}

/* --- found again ------------------------------------------------------------------------------ */

static void put_found(struct store *store, const char *id, const char *service, unsigned int rows)
{
	struct record *record = fixture_empty();

	strcpy(record->id, id);
	strcpy(record->service.name, service);
	for (unsigned int i = 0; i < FOUND_ROWS; i++) {
		if (rows & 1U << i)
			found_add(record, &found_rows[i], "s", "a");
	}
	assert_int_equal(store_put(store, record), 0);
	fixture_free(record);
}

static void put_four(struct store *store)
{
	put_found(store, "01KAPK00000000000000000000", "a", 1);
	put_found(store, "01KAPK00000000000000000001", "a", 3);
	put_found(store, "01KAPK00000000000000000002", "b", 7);
	put_found(store, "01KAPK00000000000000000003", "b", 0);
}

static int add_count(void *context, const char *id, uint64_t count)
{
	text_addf(context, "%s=%llu ", id, (unsigned long long)count);
	return 0;
}

static void test_filter_and_counts(void **state)
{
	static const struct {
		struct store_filter filter;
		const char *letters;
		const char *counts;
	} rows[] = {
		{ {}, "3210", "hint=3 lost=1 slow=2 " },
		{ { .finding = "slow" }, "21", "hint=2 lost=1 slow=2 " },
		{ { .finding = "hint", .service = "a" }, "10", "hint=2 slow=1 " },
		{ { .finding = "hint", .limit = 1 }, "2", "hint=1 lost=1 slow=1 " },
		{ { .finding = "hin" }, "", "" },
		{ { .service = "?", .limit = 1, .is_oldest_first = true }, "0", "hint=1 " },
		{ { .before_id = "01KAPK00000000000000000002" }, "10", "hint=2 slow=1 " },
	};
	struct store *store = shelf_open(*state);

	put_four(store);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *letters = shelf_letters(store, &rows[i].filter);
		_cleanup_free_ char *counts = NULL;
		struct text text;

		text_init(&text);
		text_add(&text, "");
		assert_int_equal(store_count_findings(store, &rows[i].filter, add_count, &text), 0);
		counts = text_take(&text);
		assert_string_equal(letters, rows[i].letters);
		assert_string_equal(counts, rows[i].counts);
	}
	store_close(store);
}

/* What hangs below a record goes with it. */
static void test_removed_with_the_record(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	uint64_t removed;
	int64_t rows;

	found_fill(record);
	assert_int_equal(store_put(store, record), 0);
	assert_int_equal(store_expire(store, &(struct store_retention){ .bytes = 1 }, 0, &removed),
			 0);
	assert_int_equal(removed, 1);
	assert_int_equal(database_number(store,
					 "SELECT (SELECT count(*) FROM findings) + (SELECT "
					 "count(*) FROM evidence) + (SELECT count(*) FROM waits)",
					 &rows),
			 0);
	assert_int_equal(rows, 0);
	fixture_free(record);
	store_close(store);
}

/* --- strangers' files ------------------------------------------------------------------------- */

static const struct {
	const char *sql;
	int err;
} impossible[] = {
	{ "UPDATE findings SET severity = 3", -EBADMSG },
	{ "UPDATE findings SET n = n + 1 WHERE n = 2", -EBADMSG },
	{ "UPDATE evidence SET kind = 3", -EBADMSG },
	{ "DELETE FROM evidence WHERE n = 1", -EBADMSG },
	{ "WITH RECURSIVE more(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM more WHERE i < 9) "
	  "INSERT INTO evidence SELECT number, 0, i, 'k', 0, 0, '' FROM more, shutdowns",
	  -EBADMSG },
	{ "UPDATE waits SET state = 3", -EBADMSG },
	{ "UPDATE waits SET object = 8", -EBADMSG },
	{ "UPDATE waits SET tid = 4294967296", -EBADMSG },
	{ "UPDATE processes SET program = 15", -EBADMSG },
	{ "UPDATE waits SET share = 1e999", 0 },
	{ "UPDATE waits SET share = -1e999", 0 },
	{ "UPDATE waits SET share = NULL", 0 },
	{ "UPDATE waits SET total_ns = 9223372036854775807", 0 },
	{ "UPDATE waits SET text = hex(zeroblob(500000)), comm = char(27, 0, 10)", 0 },
	{ "UPDATE findings SET summary = hex(zeroblob(800000))", 0 },
	{ "UPDATE findings SET id = char(27) || id, advice = char(0)", 0 },
	{ "UPDATE evidence SET key = 'same'", 0 },
	{ "UPDATE evidence SET key = '', number = -9223372036854775807 - 1", 0 },
	{ "UPDATE evidence SET key = CAST(x'ff1b' AS TEXT)", 0 },
	{ "UPDATE shutdowns SET has_waits = 7", 0 },
};

static void test_impossible_values(void **state)
{
	const struct report_style style = { .use_unicode = true, .use_colour = true };
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();

	found_fill(record);
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++) {
		_cleanup_free_ char *json = NULL;
		_cleanup_free_ char *report = NULL;
		struct record loaded = {};
		int err;

		assert_int_equal(store_put(store, record), 0);
		exec(store, impossible[i].sql);
		err = store_load(store, record->id, &loaded);
		if (err != impossible[i].err)
			fail_msg("%s: %d", impossible[i].sql, err);
		if (err)
			continue;
		json = json_from_record(&loaded, false);
		report = report_from_record(&loaded, &style);
		if (!json || !report)
			fail_msg("%s: cannot be shown", impossible[i].sql);
		record_fini(&loaded);
	}
	fixture_free(record);
	store_close(store);
}

/* --- from version 1 --------------------------------------------------------------------------- */

static void copy_table(struct store *to, const char *table)
{
	char sql[160];
	_cleanup_free_ char *insert = NULL;
	_cleanup_statement_ sqlite3_stmt *statement = NULL;

	snprintf(sql, sizeof(sql), "SELECT group_concat(name) FROM pragma_table_info('%s', 'main')",
		 table);
	assert_int_equal(database_prepare(to, &statement, sql), 0);
	assert_int_equal(database_step(to, statement), 1);
	assert_true(asprintf(&insert, "INSERT INTO main.%s SELECT %s FROM new.%s", table,
			     (const char *)sqlite3_column_text(statement, 0), table) > 0);
	exec(to, insert);
}

/* A file as version 1 left it, with the record in it that a store of this version has. */
static void make_version_1(const char *path, const char *new_path)
{
	static const char *const tables[] = { "shutdowns",   "processes", "signals", "listeners",
					      "connections", "outcomes",  "losses" };
	const char *const *migrations;
	struct store old = {};
	char sql[256];
	size_t n;

	migrations = schema_migrations(&n);
	assert_int_equal(n, 4);
	assert_int_equal(sqlite3_open(path, &old.db), SQLITE_OK);
	assert_int_equal(schema_migrate(&old, migrations, 1), 0);
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS new", new_path);
	exec(&old, sql);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		copy_table(&old, tables[i]);
	assert_int_equal(sqlite3_close(old.db), SQLITE_OK);
}

static void test_from_version_1(void **state)
{
	char path[160];
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	struct record loaded;
	int64_t version;

	assert_int_equal(store_put(store, record), 0);
	store_close(store);
	snprintf(path, sizeof(path), "%s/old.db", (char *)*state);
	make_version_1(path, shelf_path(*state));
	assert_int_equal(store_open(path, STORE_READ, &store), -EPROTO);
	assert_int_equal(store_open(path, STORE_WRITE, &store), 0);
	assert_int_equal(database_number(store, "PRAGMA user_version", &version), 0);
	assert_int_equal(version, 4);
	loaded = load(store, record->id); /* what version 1 did not know is unknown */
	assert_same(record, &loaded);
	assert_false(loaded.has_waits);
	assert_false(loaded.are_resets_unseen);
	assert_true(loaded.last_arrival_at_ns == TIME_UNKNOWN);
	record_fini(&loaded);
	found_fill(record);
	assert_int_equal(store_put(store, record), 0);
	loaded = load(store, record->id);
	assert_same(record, &loaded);
	record_fini(&loaded);
	store_close(store);
	fixture_free(record);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_setup, shelf_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),	      TEST(test_known_row),
		TEST(test_extremes),	      TEST(test_looked_and_saw_nothing),
		TEST(test_filter_and_counts), TEST(test_removed_with_the_record),
		TEST(test_impossible_values), TEST(test_from_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
