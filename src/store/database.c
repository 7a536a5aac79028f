/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SQLite's results -> 0 or -errno, with its words kept. Nothing here knows of tables.
 */
#include "src/store/database.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the system said tells more than "I/O error". */
static int errno_of_system(sqlite3 *db, int otherwise)
{
	int err = sqlite3_system_errno(db);

	if (err == EDQUOT || err == EFBIG)
		err = ENOSPC;
	return err ? -err : otherwise;
}

static int errno_of(sqlite3 *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return errno_of_system(db, -EIO);
	default: /* corrupt, no database, or not the tables that we made */
		return -EBADMSG;
	}
}

bool database_is_in_place(struct store *store)
{
	int has_moved = 0;

	sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
	return !has_moved;
}

int database_fail(struct store *store, int result)
{
	int err;

	if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE)
		return 0;
	err = errno_of(store->db, result);
	snprintf(store->fault, sizeof(store->fault), "%s",
		 store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(result));
	if (err != -EBADMSG && sqlite3_system_errno(store->db) == -err) {
		size_t size = strlen(store->fault);

		snprintf(store->fault + size, sizeof(store->fault) - size, " (%s)", strerror(-err));
	}
	return err;
}

int database_reject(struct store *store, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(store->fault, sizeof(store->fault), format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

int database_exec(struct store *store, const char *sql)
{
	return database_fail(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

int database_number(struct store *store, const char *sql, int64_t *ret_number)
{
	_cleanup_statement_ sqlite3_stmt *statement = NULL;
	int err = database_prepare(store, &statement, sql);

	if (err)
		return err;
	err = database_step(store, statement);
	if (err >= 0)
		*ret_number = err ? sqlite3_column_int64(statement, 0) : 0;
	return err < 0 ? err : 0;
}

int database_prepare(struct store *store, sqlite3_stmt **statement, const char *sql)
{
	if (*statement) {
		sqlite3_reset(*statement);
		return 0;
	}
	return database_fail(store, sqlite3_prepare_v3(store->db, sql, -1,
						       SQLITE_PREPARE_PERSISTENT, statement, NULL));
}

int database_step(struct store *store, sqlite3_stmt *statement)
{
	int result = sqlite3_step(statement);
	int err;

	if (result == SQLITE_ROW)
		return 1;
	err = database_fail(store, result);
	sqlite3_reset(statement);
	return err;
}

int database_end(struct store *store, int err)
{
	char fault[STORE_FAULT_BYTES];

	if (!err)
		err = database_exec(store, "COMMIT");
	if (!err)
		return 0;
	memcpy(fault, store->fault, sizeof(fault));
	if (!sqlite3_get_autocommit(store->db)) /* some errors have rolled back already */
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	memcpy(store->fault, fault, sizeof(fault));
	return err;
}
