/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record as it was put. The rows of one transaction, each where it belongs: their numbers run
 * from 0 without a gap, which also ends the reading of a damaged file that goes in a circle.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/text.h"
#include "src/store/database.h"

static const char *where_of(enum relation_id id)
{
	switch (id) {
	case RELATION_SHUTDOWNS:
		return "id = ?";
	case RELATION_SIGNALS:
		return "shutdown = ? AND process = ? ORDER BY n";
	case RELATION_EVIDENCE:
		return "shutdown = ? AND finding = ? ORDER BY n";
	default:
		return "shutdown = ? ORDER BY n";
	}
}

/* SELECT the last key, columns FROM t WHERE the other keys = ? ORDER BY the last. */
static int prepare_select(struct store *store, enum relation_id id)
{
	const struct relation *relation = &relations[id];
	_cleanup_free_ char *names = relation_names(relation->columns, relation->n_columns);
	_cleanup_free_ char *sql = NULL;

	if (!names)
		return -ENOMEM;
	if (asprintf(&sql, "SELECT %s, %s FROM %s WHERE %s", id ? "n" : "number", names,
		     relation->table, where_of(id)) < 0) {
		sql = NULL;
		return -ENOMEM;
	}
	return database_prepare(store, &store->selects[id], sql);
}

static int read_item(struct store *store, enum relation_id id, void *ret_item)
{
	const struct relation *relation = &relations[id];
	const char *wrong = "";
	int err = relation_read(store->selects[id], 1, relation->columns, relation->n_columns,
				ret_item, &wrong);

	if (err == -EBADMSG)
		return database_reject(store, "%s.%s: impossible value", relation->table, wrong);
	return err;
}

static int read_items(struct store *store, enum relation_id id, void **items, size_t *n_items)
{
	const size_t size = relations[id].item_size;
	sqlite3_stmt *select = store->selects[id];
	size_t capacity = 0;
	int err;

	while ((err = database_step(store, select)) > 0) {
		void *item;

		if (sqlite3_column_int64(select, 0) != (int64_t)*n_items)
			return database_reject(store, "%s: rows are missing or doubled",
					       relations[id].table);
		err = array_reserve(items, &capacity, *n_items, size);
		if (err)
			return err;
		item = (char *)*items + (*n_items)++ * size;
		memset(item, 0, size);
		err = read_item(store, id, item);
		if (err)
			return err;
	}
	return err;
}

int database_load_items(struct store *store, enum relation_id id, const int64_t *keys, void **items,
			size_t *n_items)
{
	int err = store->selects[id] ? 0 : prepare_select(store, id);

	for (size_t k = 0; !err && k + 1 < relations[id].n_keys; k++)
		err = database_fail(
			store,
			/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): n_keys are there */
			sqlite3_bind_int64(store->selects[id], (int)k + 1, keys[k]));
	if (err)
		return err;
	err = read_items(store, id, items, n_items);
	sqlite3_reset(store->selects[id]);
	return err;
}

static int load_processes(struct store *store, int64_t number, struct record *record)
{
	int err = database_load_items(store, RELATION_PROCESSES, &number,
				      (void **)&record->processes, &record->n_processes);

	for (size_t i = 0; !err && i < record->n_processes; i++) {
		struct record_process *process = &record->processes[i];
		const int64_t keys[] = { number, (int64_t)i };

		err = database_load_items(store, RELATION_SIGNALS, keys, (void **)&process->signals,
					  &process->n_signals);
	}
	return err;
}

static int load_outcomes(struct store *store, int64_t number, struct record *record)
{
	_cleanup_free_ struct outcome_count *counts = NULL;
	size_t n_counts = 0;
	int err =
		database_load_items(store, RELATION_OUTCOMES, &number, (void **)&counts, &n_counts);

	for (size_t i = 0; !err && i < n_counts; i++)
		record->directions[counts[i].direction].outcomes[counts[i].outcome] =
			counts[i].count;
	return err;
}

static int load_losses(struct store *store, int64_t number, struct record *record)
{
	_cleanup_free_ struct loss_count *counts = NULL;
	size_t n_counts = 0;
	int err = database_load_items(store, RELATION_LOSSES, &number, (void **)&counts, &n_counts);

	for (size_t i = 0; !err && i < n_counts; i++)
		record->losses[counts[i].cause] = counts[i].count;
	return err;
}

/* The row of `shutdowns`, and its number. */
static int load_shutdown(struct store *store, const char *id, struct record *record,
			 int64_t *ret_number)
{
	sqlite3_stmt *select;
	int err =
		store->selects[RELATION_SHUTDOWNS] ? 0 : prepare_select(store, RELATION_SHUTDOWNS);

	if (err)
		return err;
	select = store->selects[RELATION_SHUTDOWNS];
	err = database_fail(store, sqlite3_bind_text(select, 1, id, -1, SQLITE_TRANSIENT));
	if (!err)
		err = database_step(store, select);
	if (err == 0) {
		snprintf(store->fault, sizeof(store->fault), "no such record");
		return -ENOENT;
	}
	if (err > 0) {
		*ret_number = sqlite3_column_int64(select, 0);
		err = read_item(store, RELATION_SHUTDOWNS, record);
	}
	sqlite3_reset(select);
	return err;
}

static int load_record(struct store *store, const char *id, struct record *record)
{
	int64_t number = 0;
	int err = load_shutdown(store, id, record, &number);

	if (!err)
		err = load_processes(store, number, record);
	if (!err)
		err = database_load_items(store, RELATION_LISTENERS, &number,
					  (void **)&record->listeners, &record->n_listeners);
	if (!err)
		err = database_load_items(store, RELATION_CONNECTIONS, &number,
					  (void **)&record->details, &record->n_details);
	if (!err)
		err = database_load_items(store, RELATION_WAITS, &number, (void **)&record->waits,
					  &record->n_waits);
	if (!err)
		err = database_load_findings(store, number, record);
	if (!err)
		err = load_outcomes(store, number, record);
	return err ? err : load_losses(store, number, record);
}

int store_load(struct store *store, const char *id, struct record *ret_record)
{
	struct record record = {};
	int err = database_exec(store, "BEGIN"); /* all rows as they were at one instant */

	if (err)
		return err;
	err = database_end(store, load_record(store, id, &record));
	if (err)
		record_fini(&record);
	else
		*ret_record = record;
	return err;
}
