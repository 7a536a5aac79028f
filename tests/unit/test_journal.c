/* SPDX-License-Identifier: GPL-2.0-only */
/* The journal: what was written is there again, whatever end the writer came to. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/capture/journal.h"
#include "tests/unit/story.h"

static const struct host here = { .name = "web-1", .boot_id = "6f9c2a54", .kernel = "6.18.44" };
static const struct host rebooted = { .name = "web-1", .boot_id = "77777777" };

static char directory[] = "/tmp/shutwatch-journal-XXXXXX";
static char path[64];

static int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/journal", directory);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static int setup(void **state)
{
	(void)state;
	return unlink(path) && errno != ENOENT ? -1 : 0;
}

static int64_t seen[64];
static size_t n_seen;

static int see(void *context, const union event *event)
{
	(void)context;
	assert_true(n_seen < 64);
	seen[n_seen++] = (int64_t)(event->header.at_ns - STORY_T0) / STORY_MS;
	return 0;
}

static bool are_all_over;

static bool is_odd_needed(void *context, const union event *event)
{
	(void)context;
	return !are_all_over && event->header.generation % 2;
}

static struct journal *open_journal(const struct host *host, uint64_t bytes_max)
{
	struct journal_options options = {
		.path = path, .host = host, .bytes_max = bytes_max, .is_needed = is_odd_needed
	};
	struct journal *journal = NULL;

	n_seen = 0;
	assert_int_equal(journal_open(&options, see, NULL, &journal), 0);
	assert_non_null(journal);
	return journal;
}

static void add(struct journal *journal, int64_t at_ms, uint64_t generation)
{
	union event event = story_exit(at_ms, 10, 0);

	event.header.generation = generation;
	journal_add(journal, &event);
}

static void test_goes_on(void **state)
{
	struct journal *journal = open_journal(&here, 0);

	(void)state;
	assert_int_equal(n_seen, 0);
	add(journal, 1, 1);
	add(journal, 2, 1);
	journal_close(journal);
	journal = open_journal(&here, 0);
	assert_int_equal(n_seen, 2);
	add(journal, 3, 1);
	journal_close(journal);
	journal = open_journal(&here, 0);
	assert_int_equal(n_seen, 3);
	assert_int_equal(seen[2], 3);
	journal_close(journal);
}

/* Cut anywhere: the whole events before the cut are there, and writing goes on behind them. */
static void test_cut_anywhere(void **state)
{
	off_t header = (off_t)recording_header_bytes();
	off_t event = sizeof(struct event_exit);
	off_t cut;

	(void)state;
	for (cut = 0; cut <= header + 2 * event; cut += 7) {
		struct journal *journal = open_journal(&here, 0);
		size_t whole = cut < header ? 0 : (size_t)((cut - header) / event);

		add(journal, 1, 1);
		add(journal, 2, 1);
		journal_close(journal);
		assert_int_equal(truncate(path, cut), 0);
		journal = open_journal(&here, 0);
		assert_int_equal(n_seen, whole);
		add(journal, 9, 1);
		journal_close(journal);
		journal = open_journal(&here, 0);
		assert_int_equal(n_seen, whole + 1);
		assert_int_equal(seen[whole], 9);
		journal_close(journal);
		unlink(path);
	}
}

static void test_other_boot(void **state)
{
	struct journal *journal = open_journal(&here, 0);

	(void)state;
	add(journal, 1, 1);
	journal_close(journal);
	journal = open_journal(&rebooted, 0);
	assert_int_equal(n_seen, 0);
	journal_close(journal);
	journal = open_journal(&here, 0);
	assert_int_equal(n_seen, 0);
	journal_close(journal);
}

static void test_trim(void **state)
{
	struct journal *journal = open_journal(&here, 0);
	uint64_t full;
	size_t i;

	(void)state;
	add(journal, 1, 1);
	for (i = 0; i < 20000; i++)
		add(journal, 2, 2);
	full = journal_stats(journal).bytes;
	journal_trim(journal, false);
	assert_true(journal_stats(journal).bytes < full / 1000);
	add(journal, 3, 1);
	assert_int_equal(journal_stats(journal).errors, 0);
	journal_close(journal);
	journal = open_journal(&here, 0);
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 3);
	journal_close(journal);
}

/* After a peak that was needed at the time. */
static void test_peak_is_given_back(void **state)
{
	struct journal *journal = open_journal(&here, 0);
	size_t i;

	(void)state;
	for (i = 0; i < 20000; i++)
		add(journal, 1, 1);
	journal_trim(journal, false);
	assert_true(journal_stats(journal).bytes > 1 << 20);
	are_all_over = true;
	journal_trim(journal, false);
	assert_true(journal_stats(journal).bytes > 1 << 20);
	journal_trim(journal, true);
	assert_true(journal_stats(journal).bytes < 1 << 12);
	are_all_over = false;
	journal_close(journal);
}

static void test_small_is_not_trimmed(void **state)
{
	struct journal *journal = open_journal(&here, 0);
	uint64_t bytes;

	(void)state;
	add(journal, 1, 2);
	bytes = journal_stats(journal).bytes;
	journal_trim(journal, false);
	assert_int_equal(journal_stats(journal).bytes, bytes);
	journal_close(journal);
}

/* Beyond the limit only connections are left out, and counted. */
static void test_limit(void **state)
{
	struct journal *journal = open_journal(&here, 1);
	union event event = story_connection(5, 1, OUTCOME_IDLE);

	(void)state;
	journal_add(journal, &event);
	assert_int_equal(journal_stats(journal).errors, 1);
	add(journal, 6, 1);
	assert_int_equal(journal_stats(journal).errors, 1);
	journal_close(journal);
	journal = open_journal(&here, 0);
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0], 6);
	journal_close(journal);
}

static void test_foreign_file(void **state)
{
	FILE *file = fopen(path, "w");
	struct journal *journal;
	size_t i;

	(void)state;
	assert_non_null(file);
	for (i = 0; i < 1000; i++)
		fputs("not a journal\n", file);
	fclose(file);
	journal = open_journal(&here, 0);
	assert_int_equal(n_seen, 0);
	add(journal, 1, 1);
	journal_close(journal);
	journal = open_journal(&here, 0);
	assert_int_equal(n_seen, 1);
	journal_close(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_goes_on, setup),
		cmocka_unit_test_setup(test_cut_anywhere, setup),
		cmocka_unit_test_setup(test_other_boot, setup),
		cmocka_unit_test_setup(test_trim, setup),
		cmocka_unit_test_setup(test_peak_is_given_back, setup),
		cmocka_unit_test_setup(test_small_is_not_trimmed, setup),
		cmocka_unit_test_setup(test_limit, setup),
		cmocka_unit_test_setup(test_foreign_file, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
