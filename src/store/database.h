/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside the store only: the handle, and how SQLite's results become ours. */
#ifndef SHUTWATCH_DATABASE_H
#define SHUTWATCH_DATABASE_H

#include <sqlite3.h>

#include "src/base/cleanup.h"
#include "src/store/relation.h"
#include "src/store/store.h"

#define STORE_FAULT_BYTES 256

struct store {
	sqlite3 *db;
	char fault[STORE_FAULT_BYTES];
	sqlite3_stmt *inserts[RELATIONS]; /* prepared at first use */
	sqlite3_stmt *selects[RELATIONS];
	sqlite3_stmt *find;
	sqlite3_stmt *remove;
};

/* As store_open(), without a line in the log; what is wrong is written to `ret_fault`. */
int database_open(const char *path, enum store_mode mode, struct store **ret_store,
		  char ret_fault[STORE_FAULT_BYTES]);

/* Is the file still where it was opened? Else writes go to a file without a name. */
bool database_is_in_place(struct store *store);

/* Keeps SQLite's words for store_fault(). Returns the -errno that stands for `result`. */
int database_fail(struct store *store, int result);
/* The same for what SQLite takes for sound and we do not. Returns -EBADMSG. */
int database_reject(struct store *store, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Each returns 0 or -errno. */
int database_exec(struct store *store, const char *sql);
/* The first column of the first row; 0 when there is none. */
int database_number(struct store *store, const char *sql, int64_t *ret_number);
/* Prepares `*statement` unless it is there already, and makes it ready to be bound. */
int database_prepare(struct store *store, sqlite3_stmt **statement, const char *sql);
/* Returns 1: there is a row; 0: there is none, and the statement is reset; or -errno. */
int database_step(struct store *store, sqlite3_stmt *statement);

/* Inserts the items; `keys` are all but the last, which numbers them. 0 or -errno. */
int database_insert_items(struct store *store, enum relation_id id, const int64_t *keys,
			  const void *items, size_t n_items);
/* Appends what the rows hold; what was read before an error stays the caller's to free. */
int database_load_items(struct store *store, enum relation_id id, const int64_t *keys, void **items,
			size_t *n_items);

/* The findings of the record of that number, with their evidence. 0 or -errno. */
int database_insert_findings(struct store *store, int64_t number, const struct record *record);
int database_load_findings(struct store *store, int64_t number, struct record *record);

/* Commits, or rolls back when `err` is set. Returns the first error. */
int database_end(struct store *store, int err);

/*
 * Brings the schema from the version that the file has to that of the last of `migrations`, one
 * transaction each: migrations[0] makes version 1. Returns 0 or -errno; -EPROTO: it is newer.
 */
int schema_migrate(struct store *store, const char *const *migrations, size_t n_migrations);

/* Those of this version. */
const char *const *schema_migrations(size_t *ret_count);

/* 0: nothing at all stands in the file yet, or what stands there is ours; -EMEDIUMTYPE; -errno. */
int schema_check_owner(struct store *store);

/* Is this a database of ours, in the version that we read? Returns 0 or -errno. */
int schema_check(struct store *store);

/* "SHUT", in the header of the file: what file(1) and we tell our databases by. */
#define SCHEMA_APPLICATION_ID 0x53485554

#define _cleanup_statement_ __attribute__((cleanup(cleanup_statementp)))
static inline void cleanup_statementp(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

#endif
