/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's way into the store. A record is held in memory until the store has it: a full
 * disk, a read-only or corrupt database never stops the daemon and never loses a record in
 * silence. Single-threaded; the caller provides the time (CLOCK_BOOTTIME nanoseconds).
 *
 * Policy: at most `held_max` records wait; the oldest of the clean ones gives way first, then the
 * oldest, and each one dropped is counted and logged. Retries back off from 1 s to 60 s. A corrupt
 * database is moved aside (PATH.corrupt-TIME), said in the log, and a new one begun.
 */
#ifndef SHUTWATCH_ARCHIVE_H
#define SHUTWATCH_ARCHIVE_H

#include "src/store/store.h"

struct archive;

struct archive_options {
	const char *path;		  /* NULL: no store, records only pass by */
	struct store_retention retention; /* applied at the start, hourly, and after writing */
	const char *boot_id; /* of this boot, copied; NULL: whatever is provisional stays so */
	size_t held_max;     /* 0: 1000 */
	/* The store has this record, durably (or gave it up: is_stored false). May be NULL. */
	void (*on_done)(void *context, const struct record *record, bool is_stored);
	void *context;
};

struct archive_stats {
	uint64_t stored;  /* records written, updates included */
	uint64_t errors;  /* writes that failed */
	uint64_t dropped; /* records given up */
	uint64_t expired; /* records removed by the retention */
	size_t held;	  /* records that wait */
	bool is_failing;  /* the last write failed */
	int last_error;	  /* 0 or -errno */
	uint64_t bytes;	  /* size of the database, 0: unknown */
};

/* Never fails for the disk's sake; NULL: out of memory. */
struct archive *archive_new(const struct archive_options *options, uint64_t now_ns);
/* Writes nothing more; what is held is dropped, without a word. */
void archive_free(struct archive *archive);

/* Takes over the record's contents (the caller's struct is emptied). A held record of the same
 * id is replaced. Writes at once if the store is well. */
void archive_put(struct archive *archive, struct record *record, uint64_t now_ns);

/* What to keep from now on. */
void archive_set_retention(struct archive *archive, const struct store_retention *retention);

/* Retries and expires what is due. */
void archive_step(struct archive *archive, uint64_t now_ns);
/* When to call archive_step() again; UINT64_MAX: only after the next put. */
uint64_t archive_deadline_ns(const struct archive *archive);
/* Tries to write all that is held, once, whatever the back-off says. For the end. */
void archive_flush(struct archive *archive, uint64_t now_ns);

struct archive_stats archive_stats(const struct archive *archive);

/* The records in memory that the store has not taken, newest first; for list and API. */
int archive_visit_held(const struct archive *archive, store_visit visit, void *context);
/* Not owned by the caller; NULL: not held. */
const struct record *archive_held(const struct archive *archive, const char *id);

#endif
