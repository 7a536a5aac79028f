/* SPDX-License-Identifier: GPL-2.0-only */
/* Fails the test where anything fails. */
#include "tests/unit/shelf.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/text.h"
#include "tests/unit/fixtures.h"

int shelf_setup(void **state)
{
	char *directory = strdup("/tmp/shutwatch-store-XXXXXX");

	*state = directory;
	return !directory || !mkdtemp(directory);
}

int shelf_teardown(void **state)
{
	DIR *directory = opendir(*state);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(*state);
	free(*state);
	return 0;
}

const char *shelf_path(void *directory)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/store.db", (const char *)directory);
	return path;
}

struct store *shelf_open(void *directory)
{
	struct store *store = NULL;

	assert_int_equal(store_open(shelf_path(directory), STORE_WRITE, &store), 0);
	return store;
}

void shelf_put(struct store *store, const char *id, const char *service, int64_t wall_ns,
	       enum verdict verdict)
{
	struct record *record = fixture_empty();

	snprintf(record->id, sizeof(record->id), "%s", id);
	snprintf(record->service.name, sizeof(record->service.name), "%s", service);
	record->trigger_wall_ns = wall_ns;
	record->verdict = verdict;
	fixture_process(record, 10, "server");
	assert_int_equal(store_put(store, record), 0);
	fixture_free(record);
}

void shelf_fill(struct store *store, int n)
{
	char id[RECORD_ID_BYTES];

	for (int i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "01KAPK%020d", i);
		shelf_put(store, id, "orders.service", (i + 1) * 1000LL, VERDICT_CLEAN);
	}
}

static int count_one(void *context, const struct store_summary *summary)
{
	(void)summary;
	++*(size_t *)context;
	return 0;
}

size_t shelf_count(struct store *store)
{
	struct store_filter all = {};
	size_t count = 0;

	assert_int_equal(store_list(store, &all, count_one, &count), 0);
	return count;
}

static int add_letter(void *context, const struct store_summary *summary)
{
	text_add_bytes(context, summary->id + strlen(summary->id) - 1, 1);
	return 0;
}

char *shelf_letters(struct store *store, const struct store_filter *filter)
{
	struct text text;

	text_init(&text);
	text_add(&text, "");
	assert_int_equal(store_list(store, filter, add_letter, &text), 0);
	return text_take(&text);
}
