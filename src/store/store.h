/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records on disk: SQLite in WAL mode, normalised tables, one transaction per record. Readers
 * (list, show, export, diff, HTTP) and the one writer (the daemon) share the file.
 *
 * Errors: -ENOENT no such record, or no such file for a reader; -ENOSPC disk full; -EROFS
 * read-only; -EBADMSG corrupt, or no database at all; -EMEDIUMTYPE a database of another program;
 * -EPROTO written by a newer shutwatch (or not yet brought up to this one, for a reader); -EBUSY
 * locked for longer than the store waits; -EACCES, -EIO and -ENOMEM as usual. store_fault() has
 * the words.
 */
#ifndef SHUTWATCH_STORE_H
#define SHUTWATCH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/record.h"
#include "src/analysis/summary.h"

#define STORE_PATH_DEFAULT "/var/lib/shutwatch/shutwatch.db"

struct store;

enum store_mode { STORE_READ, STORE_WRITE };

/* Opens the file; STORE_WRITE creates and migrates it. Returns 0 or -errno after a log line. */
int store_open(const char *path, enum store_mode mode, struct store **ret_store);
void store_close(struct store *store);

/* What SQLite said of the last error, "" if nothing. Owned by the store. */
const char *store_fault(const struct store *store);

/* Writes the record, or replaces the one of the same id, in one transaction. 0 or -errno. */
int store_put(struct store *store, const struct record *record);

/* Reads a record back, equal in every field. The caller frees with record_fini(). */
int store_load(struct store *store, const char *id, struct record *ret_record);

/* The id of the latest record, or -ENOENT. */
int store_last_id(struct store *store, char ret_id[RECORD_ID_BYTES]);

/* The id that begins so, in whatever case. Returns 0, -ENOENT, -ENOTUNIQ (several), or -errno. */
int store_find_id(struct store *store, const char *prefix, char ret_id[RECORD_ID_BYTES]);

/* Which records; zeroed: all of them. Strings are the caller's. */
struct store_filter {
	const char *service;   /* exact name, or a glob with * and ?; NULL: any */
	const char *finding;   /* id of a finding; NULL: any */
	uint32_t verdicts;     /* bit 1 << enum verdict; 0: any */
	int64_t since_wall_ns; /* 0: no beginning */
	int64_t until_wall_ns; /* not itself; 0: no end */
	const char *before_id; /* only older ones: the last id of the page before; NULL: newest */
	size_t limit;	       /* 0: no limit */
	bool is_oldest_first;
};

/* Takes one; what it returns, unless 0, ends the list and is returned. */
typedef int (*store_visit)(void *context, const struct store_summary *summary);

/* Newest first unless asked otherwise. Returns 0 or -errno. */
int store_list(struct store *store, const struct store_filter *filter, store_visit visit,
	       void *context);

/* How many of the records that the filter finds have which finding; by id. 0 or -errno. */
typedef int (*store_visit_finding)(void *context, const char *id, uint64_t count);
int store_count_findings(struct store *store, const struct store_filter *filter,
			 store_visit_finding visit, void *context);

/* What to keep; 0: no limit. */
struct store_retention {
	uint64_t age_ns;
	uint64_t count;
	uint64_t bytes; /* of the database file */
};

/* Removes the oldest until the retention holds, and gives the space back. 0 or -errno. */
int store_expire(struct store *store, const struct store_retention *retention, int64_t now_wall_ns,
		 uint64_t *ret_removed);

/*
 * Records that are provisional are final from now on: for a writer that begins, and that will put
 * those with which it goes on again. A drain of this boot may still go on.
 */
int store_settle(struct store *store, const char *boot_id, uint64_t *ret_settled);

#endif
