/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opens and closes the file: who may read it, how it is locked, when a write is on the disk.
 *
 * The writer keeps PATH-wal and PATH-shm when it closes: a reader that may not write them (nor
 * the directory) could not open a WAL database without them.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/store/database.h"

#define READER_WAITS_MS 5000
#define WRITER_WAITS_MS 1000 /* there is but one writer; it has events to take in */
#define ROW_BYTES_MAX (8 << 20)
#define PATTERN_BYTES_MAX 1024

/* auto_vacuum: only before the first table; lets store_expire() give space back. */
static const char before_all[] = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA cell_size_check = ON";

/*
 * synchronous = FULL: in WAL mode NORMAL may lose the last records in a power cut, and whoever
 * is told that a record is stored forgets its events. A stop is rare; one fsync is cheap.
 */
static const char for_writer[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				 "PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 4194304";

static int say(char fault[STORE_FAULT_BYTES], int err, const char *what)
{
	snprintf(fault, STORE_FAULT_BYTES, "%s", what);
	return err;
}

static int say_errno(char fault[STORE_FAULT_BYTES], const char *what)
{
	int err = errno;

	snprintf(fault, STORE_FAULT_BYTES, "%s%s", what, strerror(err));
	return -err;
}

/* 0640, whatever the umask: the group of the directory may read. */
static int create_file(const char *path, char fault[STORE_FAULT_BYTES])
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return say(fault, -ENOMEM, "out of memory");
	if (mkdir(dirname(copy), 0750) && errno != EEXIST)
		return say_errno(fault, "cannot make its directory: ");
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return errno == EEXIST ? 0 : say_errno(fault, "");
	return fchmod(fd, 0640) ? say_errno(fault, "") : 0;
}

static int check_file(const char *path, char fault[STORE_FAULT_BYTES])
{
	struct stat status;

	if (stat(path, &status)) {
		if (errno == ENOENT)
			return say(fault, -ENOENT,
				   "there is no such file; the daemon makes it, or --store is "
				   "another");
		return say_errno(fault, "");
	}
	if (!S_ISREG(status.st_mode))
		return say(fault, S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL,
			   "not a regular file");
	return 0;
}

static void configure(sqlite3 *db, enum store_mode mode)
{
	int yes = 1;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX);
	sqlite3_busy_timeout(db, mode == STORE_WRITE ? WRITER_WAITS_MS : READER_WAITS_MS);
	if (mode == STORE_WRITE)
		sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &yes);
}

static int begin_writing(struct store *store)
{
	const char *const *migrations;
	size_t n_migrations;
	int err;

	if (sqlite3_db_readonly(store->db, "main") == 1)
		return say(store->fault, -EROFS, "the file is read-only");
	err = database_exec(store, before_all);
	if (!err)
		err = schema_check_owner(store);
	if (!err)
		err = database_exec(store, for_writer);
	if (err)
		return err;
	migrations = schema_migrations(&n_migrations);
	err = schema_migrate(store, migrations, n_migrations);
	return err ? err : schema_check(store);
}

/* What a reader lacks is a permission, whatever SQLite calls it. */
static int begin_reading(struct store *store, const char *path, int err)
{
	if (!err)
		err = database_exec(store, "PRAGMA query_only = ON; PRAGMA cell_size_check = ON");
	if (!err)
		err = schema_check(store);
	if (err != -EACCES && err != -EROFS)
		return err;
	if (access(path, R_OK))
		return say(store->fault, -EACCES,
			   "permission denied: run as root, or as a member of the file's group");
	return say(store->fault, -EACCES,
		   "its files -wal and -shm can neither be read nor made: run as root, as a "
		   "member of their group, or on a copy");
}

/* Never a name of SQLite's own (":memory:", "file:…", ""). */
static char *plain_path(const char *path)
{
	char *plain = NULL;

	return asprintf(&plain, "%s%s", path[0] == '/' ? "" : "./", path) < 0 ? NULL : plain;
}

static int open_file(const char *path, enum store_mode mode, struct store *store)
{
	int flags = mode == STORE_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	int err = mode == STORE_WRITE ? create_file(path, store->fault) : 0;
	int result;

	if (!err)
		err = check_file(path, store->fault);
	if (err)
		return err;
	result = sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	err = database_fail(store, result);
	if (!err)
		configure(store->db, mode);
	if (!err && mode == STORE_WRITE)
		return begin_writing(store);
	return mode == STORE_READ ? begin_reading(store, path, err) : err;
}

int database_open(const char *path, enum store_mode mode, struct store **ret_store,
		  char ret_fault[STORE_FAULT_BYTES])
{
	_cleanup_free_ char *plain = plain_path(path);
	struct store *store = calloc(1, sizeof(*store));
	int err;

	if (!plain || !store) {
		free(store);
		return say(ret_fault, -ENOMEM, "out of memory");
	}
	err = open_file(plain, mode, store);
	if (err) {
		say(ret_fault, err, store->fault);
		store_close(store);
		return err;
	}
	*ret_store = store;
	return 0;
}

int store_open(const char *path, enum store_mode mode, struct store **ret_store)
{
	char fault[STORE_FAULT_BYTES] = "";
	int err = database_open(path, mode, ret_store, fault);

	if (err)
		log_error("cannot open the store %s: %s", path, fault);
	return err;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < RELATIONS; i++) {
		sqlite3_finalize(store->inserts[i]);
		sqlite3_finalize(store->selects[i]);
	}
	sqlite3_finalize(store->find);
	sqlite3_finalize(store->remove);
	sqlite3_close_v2(store->db);
	free(store);
}

const char *store_fault(const struct store *store)
{
	return store->fault;
}
