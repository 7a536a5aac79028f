/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's way into the store: nothing is lost in silence, whatever the disk does. */
#include <dirent.h>
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
#include "src/base/clock.h"
#include "src/base/text.h"
#include "src/store/archive.h"
#include "src/store/database.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/shelf.h"

#define S NSEC_PER_SEC

/* What on_done() was told, one letter of the id each: stored, and given up. */
struct told {
	char stored[32];
	char given_up[32];
};

static void on_done(void *context, const struct record *record, bool is_stored)
{
	struct told *told = context;
	char *to = is_stored ? told->stored : told->given_up;

	strncat(to, record->id + strlen(record->id) - 1, 1);
}

static struct archive *archive_at(const char *path, struct told *told, size_t held_max)
{
	const struct archive_options options = {
		.path = path,
		.held_max = held_max,
		.boot_id = "6f9c2a54-1b7e-4c0d-9a3f-2e8d5b7c1a60",
		.on_done = on_done,
		.context = told,
	};
	struct archive *archive = archive_new(&options, 0);

	assert_non_null(archive);
	return archive;
}

static void put(struct archive *archive, int number, enum verdict verdict, uint64_t now_ns)
{
	struct record *record = fixture_orders();

	snprintf(record->id, sizeof(record->id), "01KAPK%020d", number);
	record->verdict = verdict;
	archive_put(archive, record, now_ns);
	assert_int_equal(record->n_processes, 0);
	assert_null(record->details);
	fixture_free(record);
}

static char *letters_at(const char *path)
{
	struct store_filter oldest_first = { .is_oldest_first = true };
	struct store *store = NULL;
	char *letters;

	assert_int_equal(store_open(path, STORE_READ, &store), 0);
	letters = shelf_letters(store, &oldest_first);
	store_close(store);
	return letters;
}

static void assert_stored(const char *path, const char *expected)
{
	_cleanup_free_ char *letters = letters_at(path);

	assert_string_equal(letters, expected);
}

static int add_letter(void *context, const struct store_summary *summary)
{
	text_add_bytes(context, summary->id + strlen(summary->id) - 1, 1);
	return 0;
}

static void assert_held(struct archive *archive, const char *expected)
{
	_cleanup_free_ char *letters = NULL;
	struct text text;

	text_init(&text);
	text_add(&text, "");
	assert_int_equal(archive_visit_held(archive, add_letter, &text), 0);
	letters = text_take(&text);
	assert_string_equal(letters, expected);
	assert_int_equal(archive_stats(archive).held, strlen(expected));
}

/* --- a store that is well --------------------------------------------------------------------- */

static void test_well(void **state)
{
	struct told told = {};
	struct archive *archive = archive_at(shelf_path(*state), &told, 0);
	struct archive_stats stats;

	put(archive, 1, VERDICT_CLEAN, S);
	put(archive, 2, VERDICT_LOSSY, S);
	put(archive, 1, VERDICT_LOSSY, S);
	stats = archive_stats(archive);
	assert_int_equal(stats.stored, 3);
	assert_int_equal(stats.held, 0);
	assert_false(stats.is_failing);
	assert_true(stats.bytes > 0);
	assert_string_equal(told.stored, "121");
	assert_null(archive_held(archive, "01KAPK00000000000000000001"));
	archive_free(archive);
	assert_stored(shelf_path(*state), "12");
}

static void test_no_store(void **state)
{
	struct told told = {};
	struct archive *archive = archive_at(NULL, &told, 0);

	(void)state;
	put(archive, 1, VERDICT_CLEAN, S);
	assert_string_equal(told.given_up, "1");
	assert_int_equal(archive_stats(archive).dropped, 0);
	assert_true(archive_deadline_ns(archive) == UINT64_MAX);
	archive_flush(archive, S);
	archive_step(archive, S);
	archive_free(archive);
}

static void test_settles_at_start(void **state)
{
	struct store *store = shelf_open(*state);
	struct record *record = fixture_empty();
	struct told told = {};

	record->is_provisional = true;
	strcpy(record->host.boot_id, "the boot before");
	assert_int_equal(store_put(store, record), 0);
	archive_free(archive_at(shelf_path(*state), &told, 0));
	record_fini(record);
	assert_int_equal(store_load(store, "01KAPK2Z7JQ0X4T8M5C9W3R6HD", record), 0);
	assert_false(record->is_provisional);
	fixture_free(record);
	store_close(store);
}

static void test_retention(void **state)
{
	struct told told = {};
	const struct archive_options options = {
		.path = shelf_path(*state),
		.retention = { .count = 2 },
		.on_done = on_done,
		.context = &told,
	};
	struct archive *archive = archive_new(&options, 0);

	for (int i = 0; i < 4; i++)
		put(archive, i, VERDICT_CLEAN, S);
	assert_stored(shelf_path(*state), "0123"); /* applied after the first, not again so soon */
	assert_int_equal(archive_deadline_ns(archive), 61 * S);
	archive_step(archive, 60 * S);
	assert_int_equal(archive_stats(archive).expired, 0);
	archive_step(archive, 61 * S);
	assert_int_equal(archive_stats(archive).expired, 2);
	assert_true(archive_deadline_ns(archive) == UINT64_MAX);
	assert_stored(shelf_path(*state), "23");
	archive_free(archive);
}

/* --- a store that is not ---------------------------------------------------------------------- */

/* The directory is a file: nothing can be opened, as root neither. */
static void test_backs_off(void **state)
{
	static const uint64_t pauses[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	_cleanup_free_ char *path = NULL;
	struct told told = {};
	struct archive *archive;
	uint64_t now = 0;

	assert_int_equal(close(creat(shelf_path(*state), 0600)), 0);
	assert_true(asprintf(&path, "%s/store.db", shelf_path(*state)) > 0);
	archive = archive_at(path, &told, 0);
	put(archive, 1, VERDICT_CLEAN, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pauses); i++) {
		assert_int_equal(archive_deadline_ns(archive), now + pauses[i] * S);
		now += pauses[i] * S;
		archive_step(archive, now - 1);
		assert_int_equal(archive_deadline_ns(archive), now);
		archive_step(archive, now);
	}
	assert_held(archive, "1");
	assert_true(archive_stats(archive).is_failing);
	assert_int_equal(archive_stats(archive).last_error, -ENOTDIR);
	assert_int_equal(unlink(shelf_path(*state)), 0);
	assert_int_equal(mkdir(shelf_path(*state), 0700), 0);
	archive_flush(archive, now + 1);
	assert_held(archive, "");
	assert_string_equal(told.stored, "1");
	assert_string_equal(told.given_up, "");
	assert_false(archive_stats(archive).is_failing);
	assert_int_equal(archive_stats(archive).last_error, 0);
	assert_true(archive_deadline_ns(archive) == UINT64_MAX);
	archive_free(archive);
	assert_stored(path, "1");
	assert_int_equal(chdir(shelf_path(*state)), 0);
	assert_int_equal(unlink("store.db") | unlink("store.db-wal") | unlink("store.db-shm"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(shelf_path(*state)), 0);
}

/* Clean ones go first, oldest first; the last word of the same record is the one that counts. */
static void test_holds_the_telling(void **state)
{
	struct told told = {};
	struct archive *archive = archive_at("/proc/self/nowhere/store.db", &told, 3);

	(void)state;
	put(archive, 1, VERDICT_LOSSY, S);
	put(archive, 2, VERDICT_CLEAN, S);
	put(archive, 3, VERDICT_CLEAN, S);
	assert_held(archive, "321");
	put(archive, 3, VERDICT_FORCED, S);
	assert_held(archive, "321");
	assert_int_equal(archive_held(archive, "01KAPK00000000000000000003")->verdict,
			 VERDICT_FORCED);
	put(archive, 4, VERDICT_LOSSY, S);
	assert_held(archive, "431");
	put(archive, 5, VERDICT_CLEAN, S); /* itself the only clean one */
	assert_held(archive, "431");
	put(archive, 6, VERDICT_LOSSY, S);
	assert_held(archive, "643");
	assert_string_equal(told.given_up, "251");
	assert_int_equal(archive_stats(archive).dropped, 3);
	archive_free(archive);
	assert_string_equal(told.given_up, "251");
}

/* Another process holds the lock: held, then written. */
static void test_locked(void **state)
{
	struct told told = {};
	struct archive *archive = archive_at(shelf_path(*state), &told, 0);
	struct store *other = shelf_open(*state);

	assert_int_equal(database_exec(other, "BEGIN IMMEDIATE"), 0);
	put(archive, 1, VERDICT_CLEAN, S);
	assert_held(archive, "1");
	assert_int_equal(archive_stats(archive).last_error, -EBUSY);
	put(archive, 2, VERDICT_CLEAN, S + 1); /* not tried: it is not due */
	assert_int_equal(archive_stats(archive).errors, 1);
	assert_int_equal(database_exec(other, "ROLLBACK"), 0);
	archive_step(archive, archive_deadline_ns(archive));
	assert_string_equal(told.stored, "12");
	assert_int_equal(database_exec(other, "BEGIN IMMEDIATE"), 0);
	put(archive, 3, VERDICT_CLEAN, 9 * S);
	assert_int_equal(archive_deadline_ns(archive), 10 * S); /* the pauses begin anew */
	assert_int_equal(database_exec(other, "ROLLBACK"), 0);
	store_close(other);
	archive_free(archive);
}

static size_t files_with(const char *directory, const char *part)
{
	DIR *listing = opendir(directory);
	struct dirent *entry;
	size_t found = 0;

	while ((entry = readdir(listing)))
		found += strstr(entry->d_name, part) != NULL;
	closedir(listing);
	return found;
}

static void overwrite(const char *path, off_t from, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; i < size; i++)
		assert_int_equal(pwrite(fd, "\x5a", 1, from + (off_t)i), 1);
}

static void test_corrupt_at_start(void **state)
{
	struct told told = {};
	struct archive *archive = archive_at(shelf_path(*state), &told, 0);

	put(archive, 1, VERDICT_CLEAN, S);
	archive_free(archive);
	overwrite(shelf_path(*state), 0, 4096);
	archive = archive_at(shelf_path(*state), &told, 0);
	put(archive, 2, VERDICT_CLEAN, S);
	archive_free(archive);
	assert_stored(shelf_path(*state), "2");
	assert_string_equal(told.stored, "12");
	assert_true(files_with(*state, ".corrupt-") >= 1);
}

/* What another process wrote makes it read the file again, and find it damaged. */
static void test_corrupt_on_the_way(void **state)
{
	struct told told = {};
	struct archive *archive = archive_at(shelf_path(*state), &told, 0);
	struct store *other = shelf_open(*state);

	put(archive, 1, VERDICT_CLEAN, S);
	shelf_fill(other, 1);
	assert_int_equal(database_exec(other, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
	store_close(other);
	overwrite(shelf_path(*state), 4096, 40 * 4096);
	put(archive, 2, VERDICT_CLEAN, S);
	assert_false(archive_stats(archive).is_failing);
	assert_int_equal(archive_stats(archive).errors, 0);
	archive_free(archive);
	assert_stored(shelf_path(*state), "2");
	assert_string_equal(told.stored, "12");
	assert_true(files_with(*state, ".corrupt-") >= 1);
}

/* Not ours: left alone, the records wait. */
static void test_foreign(void **state)
{
	static const char text[] = "root:x:0:0:root:/root:/bin/bash\n";
	_cleanup_close_ int fd = open(shelf_path(*state), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct told told = {};
	char found[sizeof(text)] = "";
	struct archive *archive;

	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	archive = archive_at(shelf_path(*state), &told, 0);
	put(archive, 1, VERDICT_CLEAN, S);
	assert_held(archive, "1");
	assert_int_equal(archive_stats(archive).last_error, -EBADMSG);
	assert_int_equal(files_with(*state, ".corrupt-"), 0);
	assert_int_equal(pread(fd, found, sizeof(found), 0), sizeof(found));
	assert_string_equal(found, text);
	archive_free(archive);
}

/* Somebody removed the file under us: a new one, not an inode without a name. */
static void test_removed(void **state)
{
	struct told told = {};
	struct archive *archive = archive_at(shelf_path(*state), &told, 0);

	put(archive, 1, VERDICT_CLEAN, S);
	assert_int_equal(unlink(shelf_path(*state)), 0);
	put(archive, 2, VERDICT_CLEAN, S);
	archive_free(archive);
	assert_stored(shelf_path(*state), "2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shelf_setup, shelf_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_well),      TEST(test_no_store),	   TEST(test_settles_at_start),
		TEST(test_retention), TEST(test_backs_off),	   TEST(test_holds_the_telling),
		TEST(test_locked),    TEST(test_corrupt_at_start), TEST(test_corrupt_on_the_way),
		TEST(test_foreign),   TEST(test_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
