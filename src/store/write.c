/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changes the file: a record comes, old ones go, provisional ones become final. Each is one
 * transaction; rows below a shutdown go with it (ON DELETE CASCADE).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/store/database.h"

/* INSERT INTO t (keys, columns) VALUES (?, …). */
static int prepare_insert(struct store *store, enum relation_id id)
{
	const struct relation *relation = &relations[id];
	_cleanup_free_ char *names = relation_names(relation->columns, relation->n_columns);
	_cleanup_free_ char *sql = NULL;
	struct text text;

	if (!names)
		return -ENOMEM;
	text_init(&text);
	text_addf(&text, "INSERT INTO %s (%s, %s) VALUES (?", relation->table, relation->keys,
		  names);
	text_add_repeated(&text, ", ?", relation->n_keys + relation->n_columns - 1);
	text_add(&text, ")");
	sql = text_take(&text);
	return sql ? database_prepare(store, &store->inserts[id], sql) : -ENOMEM;
}

int database_insert_items(struct store *store, enum relation_id id, const int64_t *keys,
			  const void *items, size_t n_items)
{
	const struct relation *relation = &relations[id];
	int err = store->inserts[id] || !n_items ? 0 : prepare_insert(store, id);

	for (size_t i = 0; !err && i < n_items; i++) {
		sqlite3_stmt *insert = store->inserts[id];
		int result = SQLITE_OK;

		for (size_t k = 0; keys && k + 1 < relation->n_keys && result == SQLITE_OK; k++)
			result = sqlite3_bind_int64(insert, (int)k + 1, keys[k]);
		if (result == SQLITE_OK && relation->n_keys > 1)
			result = sqlite3_bind_int64(insert, (int)relation->n_keys, (int64_t)i);
		if (result == SQLITE_OK)
			result = relation_bind(insert, (int)relation->n_keys + 1, relation->columns,
					       relation->n_columns,
					       (const char *)items + i * relation->item_size);
		err = database_fail(store, result);
		if (!err)
			err = database_step(store, insert);
	}
	if (store->inserts[id])
		sqlite3_clear_bindings(store->inserts[id]); /* they point into the record */
	return err;
}

static int insert_processes(struct store *store, int64_t number, const struct record *record)
{
	int err = database_insert_items(store, RELATION_PROCESSES, &number, record->processes,
					record->n_processes);

	for (size_t i = 0; !err && i < record->n_processes; i++) {
		const int64_t keys[] = { number, (int64_t)i };

		err = database_insert_items(store, RELATION_SIGNALS, keys,
					    record->processes[i].signals,
					    record->processes[i].n_signals);
	}
	return err;
}

static int insert_outcomes(struct store *store, int64_t number, const struct record *record)
{
	struct outcome_count counts[DIRECTIONS * OUTCOMES];
	size_t n_counts = 0;

	for (int d = 0; d < DIRECTIONS; d++) {
		for (int o = 0; o < OUTCOMES; o++) {
			if (record->directions[d].outcomes[o])
				counts[n_counts++] =
					(struct outcome_count){ d, o,
								record->directions[d].outcomes[o] };
		}
	}
	return database_insert_items(store, RELATION_OUTCOMES, &number, counts, n_counts);
}

static int insert_losses(struct store *store, int64_t number, const struct record *record)
{
	struct loss_count counts[LOSS_CAUSES];
	size_t n_counts = 0;

	for (int cause = 0; cause < LOSS_CAUSES; cause++) {
		if (record->losses[cause])
			counts[n_counts++] = (struct loss_count){ cause, record->losses[cause] };
	}
	return database_insert_items(store, RELATION_LOSSES, &number, counts, n_counts);
}

static int remove_record(struct store *store, const char *id)
{
	int err = database_prepare(store, &store->remove, "DELETE FROM shutdowns WHERE id = ?");

	if (!err)
		err = database_fail(store,
				    sqlite3_bind_text(store->remove, 1, id, -1, SQLITE_TRANSIENT));
	return err ? err : database_step(store, store->remove);
}

static int insert_record(struct store *store, const struct record *record)
{
	int64_t number;
	int err = database_insert_items(store, RELATION_SHUTDOWNS, NULL, record, 1);

	if (err)
		return err;
	number = sqlite3_last_insert_rowid(store->db);
	err = insert_processes(store, number, record);
	if (!err)
		err = database_insert_items(store, RELATION_LISTENERS, &number, record->listeners,
					    record->n_listeners);
	if (!err)
		err = database_insert_items(store, RELATION_CONNECTIONS, &number, record->details,
					    record->n_details);
	if (!err)
		err = database_insert_items(store, RELATION_WAITS, &number, record->waits,
					    record->n_waits);
	if (!err)
		err = database_insert_findings(store, number, record);
	if (!err)
		err = insert_outcomes(store, number, record);
	return err ? err : insert_losses(store, number, record);
}

int store_put(struct store *store, const struct record *record)
{
	int err = database_exec(store, "BEGIN IMMEDIATE");

	if (err)
		return err;
	err = remove_record(store, record->id);
	if (!err)
		err = insert_record(store, record);
	return database_end(store, err);
}

/* --- what goes ------------------------------------------------------------------------------ */

/* Runs a statement with one number, and adds up how many rows it changed. */
static int change(struct store *store, const char *sql, int64_t parameter, uint64_t *changed)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	int err = database_prepare(store, &statement, sql);

	if (!err)
		err = database_fail(store, sqlite3_bind_int64(statement, 1, parameter));
	if (!err)
		err = database_step(store, statement);
	if (!err)
		*changed += (uint64_t)sqlite3_changes64(store->db);
	return err;
}

/* Bytes of the file that hold something. */
static int used_bytes(struct store *store, uint64_t *ret_bytes)
{
	int64_t used = 0, page = 0;
	int err = database_number(store,
				  "SELECT page_count - freelist_count FROM pragma_page_count, "
				  "pragma_freelist_count",
				  &used);

	if (!err)
		err = database_number(store, "PRAGMA page_size", &page);
	if (!err)
		*ret_bytes = (uint64_t)used * (uint64_t)page;
	return err;
}

/* The share of the records that is too much, then again, until it fits or nothing is left. */
static int expire_bytes(struct store *store, uint64_t bytes, uint64_t *removed)
{
	for (;;) {
		uint64_t used = 0, before = *removed;
		int64_t count = 0;
		int err = used_bytes(store, &used);

		if (err || used <= bytes)
			return err;
		err = database_number(store, "SELECT count(*) FROM shutdowns", &count);
		if (!err)
			err = change(store,
				     "DELETE FROM shutdowns WHERE number IN (SELECT number FROM "
				     "shutdowns ORDER BY id LIMIT ?)",
				     (int64_t)((double)count * (double)(used - bytes) /
					       (double)used / 2) +
					     1,
				     removed);
		if (err || *removed == before)
			return err;
	}
}

int store_expire(struct store *store, const struct store_retention *retention, int64_t now_wall_ns,
		 uint64_t *ret_removed)
{
	uint64_t removed = 0;
	int err = 0;

	if (retention->age_ns && (int64_t)retention->age_ns > 0)
		err = change(store, "DELETE FROM shutdowns WHERE trigger_wall_ns < ?",
			     now_wall_ns - (int64_t)retention->age_ns, &removed);
	if (!err && retention->count)
		err = change(store,
			     "DELETE FROM shutdowns WHERE id <= (SELECT id FROM shutdowns "
			     "ORDER BY id DESC LIMIT 1 OFFSET ?)",
			     (int64_t)retention->count, &removed);
	if (!err && retention->bytes)
		err = expire_bytes(store, retention->bytes, &removed);
	if (!err && removed)
		err = database_exec(store, "PRAGMA incremental_vacuum");
	/* The file gets shorter when the log is written into it; a reader may put that off. */
	if (!err && removed)
		sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	*ret_removed = removed;
	return err;
}

int store_settle(struct store *store, const char *boot_id, uint64_t *ret_settled)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	int err = database_prepare(store, &statement,
				   "UPDATE shutdowns SET is_provisional = 0 "
				   "WHERE is_provisional AND (boot_id <> ? OR outcome <> ?)");

	if (!err)
		err = database_fail(store,
				    sqlite3_bind_text(statement, 1, boot_id, -1, SQLITE_STATIC));
	if (!err)
		err = database_fail(store, sqlite3_bind_int(statement, 2, VERDICT_DRAINING));
	if (!err)
		err = database_step(store, statement);
	if (!err)
		*ret_settled = (uint64_t)sqlite3_changes64(store->db);
	return err;
}
