/* SPDX-License-Identifier: GPL-2.0-only */
/* The store: what is put comes back, is found, gives way in time; and who may open what. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/output/json.h"
#include "src/store/database.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/shelf.h"

static void assert_same(const struct record *a, const struct record *b)
{
	_cleanup_free_ char *expected = json_from_record(a, false);
	_cleanup_free_ char *found = json_from_record(b, false);

	assert_string_equal(found, expected);
}

static void assert_comes_back(struct store *store, const struct record *record)
{
	struct record loaded;

	assert_int_equal(store_put(store, record), 0);
	assert_int_equal(store_load(store, record->id, &loaded), 0);
	assert_same(record, &loaded);
	record_fini(&loaded);
}

/* --- there and back ------------------------------------------------------------------------- */

static void test_round_trip(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *empty = fixture_empty();
	struct record *orders = fixture_orders();

	strcpy(orders->id, "01KAPK2Z7JQ0X4T8M5C9W3R6HE");
	assert_comes_back(store, empty);
	assert_comes_back(store, orders);
	assert_comes_back(store, empty);
	fixture_free(empty);
	fixture_free(orders);
	store_close(store);
}

/* What no JSON shows, and the ends of every range. */
static void test_every_member(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	struct record_connection *c = &record->details[0];
	struct record loaded;

	record->processes[1].args = strdup("");
	record->processes[2].args = strdup("\xff\x01'; DROP TABLE shutdowns; --");
	record->processes[3].exit_signal = SIGNAL_MAX;
	record->processes[0].signals[0].from_self = true;
	record->processes[0].signals[0].sender.is_kernel = true;
	record->refused = UINT64_MAX;
	c->unread_bytes = INT64_MAX;
	c->local_port = UINT16_MAX;
	c->pid = UINT32_MAX;
	c->arrived_at_ns = -5;
	for (int i = 0; i < LOSS_CAUSES; i++)
		record->losses[i] = (uint64_t)i * 3;
	record->trigger_sender.ancestors = ANCESTRY_MAX;
	for (int i = 0; i < ANCESTRY_MAX; i++)
		strcpy(record->trigger_sender.ancestry[i], i % 2 ? "" : "0123456789abcdef");
	assert_int_equal(store_put(store, record), 0);
	assert_int_equal(store_load(store, record->id, &loaded), 0);
	assert_same(record, &loaded);
	assert_string_equal(loaded.processes[1].args, "");
	assert_string_equal(loaded.processes[2].args, record->processes[2].args);
	assert_null(loaded.processes[0].args);
	assert_true(loaded.refused == UINT64_MAX);
	assert_int_equal(loaded.trigger_sender.ancestors, ANCESTRY_MAX);
	assert_memory_equal(&loaded.timing, &record->timing, sizeof(loaded.timing));
	assert_memory_equal(loaded.losses, record->losses, sizeof(loaded.losses));
	assert_memory_equal(loaded.directions, record->directions, sizeof(loaded.directions));
	for (size_t i = 0; i < record->n_processes; i++)
		assert_memory_equal(loaded.processes[i].signals, record->processes[i].signals,
				    record->processes[i].n_signals * sizeof(struct record_signal));
	assert_memory_equal(loaded.listeners, record->listeners,
			    record->n_listeners * sizeof(*record->listeners));
	assert_memory_equal(loaded.details, record->details,
			    record->n_details * sizeof(*record->details));
	record_fini(&loaded);
	fixture_free(record);
	store_close(store);
}

static void test_replaces(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	int64_t rows;

	record->is_provisional = true;
	assert_comes_back(store, record);
	record->is_provisional = false;
	record->refused = 41;
	assert_comes_back(store, record);
	assert_int_equal(database_number(store, "SELECT count(*) FROM connections", &rows), 0);
	assert_int_equal(rows, record->n_details);
	assert_int_equal(shelf_count(store), 1);
	fixture_free(record);
	store_close(store);
}

static void test_not_there(void **state)
{
	struct store *store = shelf_open(*state);
	struct record record;
	char id[RECORD_ID_BYTES] = "untouched";

	assert_int_equal(store_load(store, "01KAPK2Z7JQ0X4T8M5C9W3R6HD", &record), -ENOENT);
	assert_int_equal(store_last_id(store, id), -ENOENT);
	assert_int_equal(store_find_id(store, "01", id), -ENOENT);
	assert_string_equal(id, "untouched");
	assert_string_not_equal(store_fault(store), "");
	store_close(store);
}

/* A thousand details in a few milliseconds; here with sanitizers, and on whatever disk. */
static void test_thousand_details(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	uint64_t began;

	while (record->n_details < 1000)
		fixture_connection(record, "10.1.2.3", (uint16_t)record->n_details, OUTCOME_CUT);
	assert_comes_back(store, record);
	began = clock_boot_ns();
	assert_int_equal(store_put(store, record), 0);
	print_message("store_put of 1000 details: %.1f ms\n",
		      (double)(clock_boot_ns() - began) / 1e6);
	assert_true(clock_boot_ns() - began < NSEC_PER_SEC);
	fixture_free(record);
	store_close(store);
}

/* --- finding -------------------------------------------------------------------------------- */

static void test_find_id(void **state)
{
	static const struct {
		const char *prefix;
		int err;
		const char *id;
	} rows[] = {
		{ "01KAPK0000000000000000000A", 0, "01KAPK0000000000000000000A" },
		{ "01kapk0000000000000000000b", 0, "01KAPK0000000000000000000B" },
		{ "01kb", 0, "01KB000000000000000000000Z" },
		{ "01k", -ENOTUNIQ, NULL },
		{ "01KAPK0000000000000000000", -ENOTUNIQ, NULL },
		{ "01KC", -ENOENT, NULL },
		{ "", -ENOENT, NULL },
		{ "%", -ENOENT, NULL },
		{ "01KB000000000000000000000ZZ", -ENOENT, NULL },
		{ "01KB*", -ENOENT, NULL },
		{ "01KB'", -ENOENT, NULL },
	};
	struct store *store = shelf_open(*state);
	char id[RECORD_ID_BYTES];

	shelf_put(store, "01KAPK0000000000000000000A", "a", 1, VERDICT_CLEAN);
	shelf_put(store, "01KAPK0000000000000000000B", "a", 2, VERDICT_CLEAN);
	shelf_put(store, "01KB000000000000000000000Z", "a", 3, VERDICT_CLEAN);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(store_find_id(store, rows[i].prefix, id), rows[i].err);
		if (rows[i].id)
			assert_string_equal(id, rows[i].id);
	}
	assert_int_equal(store_last_id(store, id), 0);
	assert_string_equal(id, "01KB000000000000000000000Z");
	store_close(store);
}

/* Services of the four: orders (3: newest) orders-web (2) [x] (1) billing (0). */
static void test_filters(void **state)
{
	static const struct {
		struct store_filter filter;
		const char *found; /* by the last letter of the id, in order */
	} rows[] = {
		{ {}, "3210" },
		{ { .is_oldest_first = true }, "0123" },
		{ { .limit = 2 }, "32" },
		{ { .limit = 2, .is_oldest_first = true }, "01" },
		{ { .before_id = "01KAPK00000000000000000002" }, "10" },
		{ { .before_id = "01KAPK00000000000000000000" }, "" },
		{ { .service = "orders" }, "3" },
		{ { .service = "orders*" }, "32" },
		{ { .service = "*[x]*" }, "1" },
		{ { .service = "?x?" }, "1" },
		{ { .service = "[x]" }, "1" },
		{ { .service = "ORDERS" }, "" },
		{ { .service = "' OR 1 --" }, "" },
		{ { .verdicts = 1 << VERDICT_CLEAN }, "31" },
		{ { .verdicts = 1 << VERDICT_LOSSY | 1 << VERDICT_FORCED }, "20" },
		{ { .verdicts = 1 << VERDICT_DRAINING }, "" },
		{ { .since_wall_ns = 2000 }, "32" },
		{ { .until_wall_ns = 2000 }, "10" },
		{ { .since_wall_ns = 1000, .until_wall_ns = 3000, .service = "*" }, "21" },
		{ { .finding = "accept_queue_dropped" }, "2" },
		{ { .finding = "other" }, "" },
	};
	struct store *store = shelf_open(*state);

	shelf_put(store, "01KAPK00000000000000000000", "billing", 500, VERDICT_FORCED);
	shelf_put(store, "01KAPK00000000000000000001", "[x]", 1000, VERDICT_CLEAN);
	shelf_put(store, "01KAPK00000000000000000002", "orders-web", 2000, VERDICT_LOSSY);
	shelf_put(store, "01KAPK00000000000000000003", "orders", 3000, VERDICT_CLEAN);
	assert_int_equal(database_exec(store, "INSERT INTO findings SELECT number, 0, "
					      "'accept_queue_dropped', 0, '', '' "
					      "FROM shutdowns WHERE service = 'orders-web'"),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *found = shelf_letters(store, &rows[i].filter);

		if (strcmp(found, rows[i].found) != 0)
			print_error("row %zu\n", i);
		assert_string_equal(found, rows[i].found);
	}
	store_close(store);
}

static int stop_at_second(void *context, const struct store_summary *summary)
{
	int *seen = context;

	(void)summary;
	return ++*seen == 2 ? -ECANCELED : 0;
}

static void test_visitor_ends_it(void **state)
{
	struct store *store = shelf_open(*state);
	struct store_filter all = {};
	int seen = 0;

	shelf_fill(store, 5);
	assert_int_equal(store_list(store, &all, stop_at_second, &seen), -ECANCELED);
	assert_int_equal(seen, 2);
	assert_int_equal(shelf_count(store), 5);
	store_close(store);
}

static int keep_summary(void *context, const struct store_summary *summary)
{
	*(struct store_summary *)context = *summary;
	return 0;
}

/* The line of the list is the same from the table and from the record in memory. */
static void test_summary(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_orders();
	struct store_filter all = {};
	struct store_summary listed = {}, made = {};

	assert_int_equal(store_put(store, record), 0);
	assert_int_equal(store_list(store, &all, keep_summary, &listed), 0);
	summary_of_record(record, &made);
	assert_memory_equal(&listed.timing, &made.timing, sizeof(made.timing));
	assert_string_equal(listed.id, record->id);
	assert_string_equal(listed.service, made.service);
	assert_int_equal(listed.inbound, 15);
	assert_int_equal(made.inbound, 15);
	assert_int_equal(listed.in_flight, 5);
	assert_int_equal(listed.aborted, 4);
	assert_int_equal(listed.late, 3);
	assert_int_equal(listed.refused, 40);
	assert_int_equal(listed.verdict, VERDICT_LOSSY);
	assert_int_equal(listed.trigger_signal, SIGTERM);
	assert_int_equal(listed.trigger_wall_ns, record->trigger_wall_ns);
	fixture_free(record);
	store_close(store);
}

/* --- giving way ----------------------------------------------------------------------------- */

static void test_expire(void **state)
{
	struct store *store = shelf_open(*state);
	struct store_filter all = {};
	uint64_t removed = 99;
	int64_t rows;

	shelf_fill(store, 10); /* at 1000, 2000, … */
	assert_int_equal(store_expire(store, &(struct store_retention){}, 99000, &removed), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(store_expire(store, &(struct store_retention){ .age_ns = 7000 }, 10000,
				      &removed),
			 0);
	assert_int_equal(removed, 2); /* 1000 and 2000 are older than 3000 */
	assert_int_equal(
		store_expire(store, &(struct store_retention){ .count = 5 }, 10000, &removed), 0);
	assert_int_equal(removed, 3);
	assert_int_equal(
		store_expire(store, &(struct store_retention){ .count = 5 }, 10000, &removed), 0);
	assert_int_equal(removed, 0);
	_cleanup_free_ char *left = shelf_letters(store, &all);
	assert_string_equal(left, "98765");
	assert_int_equal(database_number(store, "SELECT count(*) FROM processes", &rows), 0);
	assert_int_equal(rows, 5);
	store_close(store);
}

static off_t size_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_size;
}

static void test_expire_bytes(void **state)
{
	struct store *store = shelf_open(*state);
	struct store_retention retention = { .bytes = 512 << 10 };
	char last[RECORD_ID_BYTES];
	uint64_t removed;
	int64_t pages;

	for (int i = 0; i < 20; i++) {
		struct record *record = fixture_orders();

		snprintf(record->id, sizeof(record->id), "01KAPK%020d", i);
		while (record->n_details < 1000)
			fixture_connection(record, "10.1.2.3", 5, OUTCOME_CUT);
		assert_int_equal(store_put(store, record), 0);
		fixture_free(record);
	}
	assert_int_equal(database_number(store, "PRAGMA page_count", &pages), 0);
	assert_true(pages * 4096 > 1 << 20);
	assert_int_equal(store_expire(store, &retention, 0, &removed), 0);
	assert_in_range(removed, 5, 19);
	assert_in_range(shelf_count(store), 20 - removed, 20 - removed);
	assert_true(size_of(shelf_path(*state)) <= 512 << 10);
	assert_int_equal(store_last_id(store, last), 0);
	assert_string_equal(last, "01KAPK00000000000000000019");
	retention.bytes = 1; /* not even the empty tables fit: nothing is left, and it ends */
	assert_int_equal(store_expire(store, &retention, 0, &removed), 0);
	assert_int_equal(shelf_count(store), 0);
	store_close(store);
}

static void test_settle(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_empty();
	struct record loaded;
	uint64_t settled;

	record->is_provisional = true;
	assert_int_equal(store_put(store, record), 0);
	assert_int_equal(store_settle(store, record->host.boot_id, &settled), 0);
	assert_int_equal(settled, 1);
	record->verdict = VERDICT_DRAINING;
	assert_int_equal(store_put(store, record), 0);
	assert_int_equal(store_settle(store, record->host.boot_id, &settled), 0);
	assert_int_equal(settled, 0);
	assert_int_equal(store_settle(store, "another boot", &settled), 0);
	assert_int_equal(settled, 1);
	assert_int_equal(store_load(store, record->id, &loaded), 0);
	assert_false(loaded.is_provisional);
	record_fini(&loaded);
	fixture_free(record);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_setup, shelf_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),	    TEST(test_every_member), TEST(test_replaces),
		TEST(test_not_there),	    TEST(test_find_id),	     TEST(test_filters),
		TEST(test_visitor_ends_it), TEST(test_summary),	     TEST(test_expire),
		TEST(test_expire_bytes),    TEST(test_settle),	     TEST(test_thousand_details),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
