/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The archive on a disk that is really full, or read-only: a small tmpfs in a mount namespace of
 * this program alone, for which a user namespace is enough where there is no root.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/store/archive.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/shelf.h"

#define S NSEC_PER_SEC
#define RECORDS 30

static bool has_namespace;

static void write_line(const char *path, const char *line)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, line, strlen(line)) < 0)
		print_message("%s: %s\n", path, strerror(errno));
}

static int enter_namespace(void **state)
{
	char uids[32], gids[32];

	(void)state;
	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	if (geteuid() == 0) {
		has_namespace = unshare(CLONE_NEWNS) == 0;
	} else if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
		write_line("/proc/self/setgroups", "deny");
		write_line("/proc/self/uid_map", uids);
		write_line("/proc/self/gid_map", gids);
		has_namespace = true;
	}
	has_namespace = has_namespace && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
	return 0;
}

static int disk_setup(void **state)
{
	return shelf_setup(state) ||
	       (has_namespace && mount("tmpfs", *state, "tmpfs", 0, "size=1m") != 0);
}

static int disk_teardown(void **state)
{
	if (has_namespace)
		umount2(*state, MNT_DETACH);
	return shelf_teardown(state);
}

struct told {
	size_t stored;
	size_t given_up;
};

static void on_done(void *context, const struct record *record, bool is_stored)
{
	struct told *told = context;

	(void)record;
	told->stored += is_stored;
	told->given_up += !is_stored;
}

static struct archive *archive_at(const char *path, struct told *told)
{
	const struct archive_options options = { .path = path,
						 .on_done = on_done,
						 .context = told };
	struct archive *archive = archive_new(&options, 0);

	assert_non_null(archive);
	return archive;
}

/* About 30 kB each. */
static void put(struct archive *archive, int number)
{
	struct record *record = fixture_orders();

	snprintf(record->id, sizeof(record->id), "01KAPK%020d", number);
	while (record->n_details < 300)
		fixture_connection(record, "10.1.2.3", 5, OUTCOME_CUT);
	archive_put(archive, record, S);
	fixture_free(record);
}

static size_t count_at(const char *path)
{
	struct store *store = NULL;
	size_t count;

	assert_int_equal(store_open(path, STORE_READ, &store), 0);
	count = shelf_count(store);
	store_close(store);
	return count;
}

/* What fits is whole; what does not waits, and is written when there is room. */
static void test_fills_up(void **state)
{
	struct told told = {};
	struct archive *archive;
	struct archive_stats stats;

	if (!has_namespace)
		skip();
	archive = archive_at(shelf_path(*state), &told);
	for (int i = 0; i < RECORDS; i++)
		put(archive, i);
	stats = archive_stats(archive);
	assert_true(stats.is_failing);
	assert_int_equal(stats.last_error, -ENOSPC);
	assert_true(stats.stored > 0 && stats.held > 0);
	assert_int_equal(stats.stored + stats.held, RECORDS);
	assert_int_equal(told.stored, stats.stored);
	assert_int_equal(told.given_up, 0);
	assert_int_equal(count_at(shelf_path(*state)), stats.stored);
	archive_step(archive, archive_deadline_ns(archive)); /* still full */
	assert_int_equal(archive_stats(archive).held, stats.held);
	assert_int_equal(mount("none", *state, "none", MS_REMOUNT, "size=16m"), 0);
	archive_step(archive, archive_deadline_ns(archive));
	assert_int_equal(archive_stats(archive).held, 0);
	assert_false(archive_stats(archive).is_failing);
	assert_int_equal(told.stored, RECORDS);
	archive_free(archive);
	assert_int_equal(count_at(shelf_path(*state)), RECORDS);
}

static void fill_disk(const char *directory)
{
	static const char zeros[4096];
	char path[128];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/filler", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, sizeof(zeros)) == (ssize_t)sizeof(zeros))
		;
	assert_int_equal(errno, ENOSPC);
}

/* Not even an empty database fits. */
static void test_full_from_the_start(void **state)
{
	struct told told = {};
	struct archive *archive;
	char path[128];

	if (!has_namespace)
		skip();
	fill_disk(*state);
	archive = archive_at(shelf_path(*state), &told);
	put(archive, 1);
	assert_int_equal(archive_stats(archive).last_error, -ENOSPC);
	assert_int_equal(archive_stats(archive).held, 1);
	snprintf(path, sizeof(path), "%s/filler", (char *)*state);
	assert_int_equal(unlink(path), 0);
	archive_flush(archive, S);
	assert_int_equal(told.stored, 1);
	archive_free(archive);
	assert_int_equal(count_at(shelf_path(*state)), 1);
}

static void test_read_only(void **state)
{
	struct told told = {};
	struct archive *archive;

	if (!has_namespace)
		skip();
	archive = archive_at(shelf_path(*state), &told);
	put(archive, 1);
	archive_free(archive);
	assert_int_equal(mount("none", *state, "none", MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
	assert_int_equal(count_at(shelf_path(*state)), 1); /* readers are fine */
	archive = archive_at(shelf_path(*state), &told);
	put(archive, 2);
	assert_int_equal(archive_stats(archive).last_error, -EROFS);
	assert_int_equal(archive_stats(archive).held, 1);
	assert_int_equal(mount("none", *state, "none", MS_REMOUNT, "size=1m"), 0);
	archive_flush(archive, S);
	assert_int_equal(told.stored, 2);
	archive_free(archive);
	assert_int_equal(count_at(shelf_path(*state)), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fills_up),
		TEST(test_full_from_the_start),
		TEST(test_read_only),
	};

	return cmocka_run_group_tests(tests, enter_namespace, NULL);
}
