/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owns the store and the records that it has not taken yet, oldest first. Whatever the disk does,
 * a record ends in exactly one call of on_done(): stored, or given up and counted.
 *
 * The store is opened when there is something to do and closed when it fails: what comes back
 * after a full disk or a remount begins anew.
 */
#include "src/store/archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/array.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/store/aside.h"
#include "src/store/database.h"

#define HELD_DEFAULT 1000
#define RETRY_FIRST_NS NSEC_PER_SEC
#define RETRY_MAX_NS (60 * NSEC_PER_SEC)
#define EXPIRE_EVERY_NS (60 * NSEC_PER_SEC)
#define EXPIRE_OLD_EVERY_NS (3600 * NSEC_PER_SEC)

struct archive {
	struct archive_options options;
	char *path;
	char *boot_id;
	bool has_settled;     /* what was provisional when we came is final */
	struct store *store;  /* NULL: not open */
	struct record **held; /* oldest first */
	size_t n_held;
	size_t capacity;
	uint64_t retry_ns;   /* when to try again; 0: the store is well */
	uint64_t pause_ns;   /* how long the next pause is */
	uint64_t expired_ns; /* when the retention was applied last; 0: never */
	bool is_expire_due;
	struct archive_stats stats;
};

/* --- the store ------------------------------------------------------------------------------ */

/* Says it once, not at every attempt. */
static void archive_complain(struct archive *archive, int err, const char *fault)
{
	if (archive->stats.last_error != err)
		log_error("cannot write the store %s: %s; records wait in memory, trying again",
			  archive->path, fault);
	archive->stats.last_error = err;
	archive->stats.is_failing = true;
}

static void archive_back_off(struct archive *archive, uint64_t now_ns)
{
	store_close(archive->store);
	archive->store = NULL;
	archive->retry_ns = now_ns + archive->pause_ns;
	archive->pause_ns =
		archive->pause_ns * 2 < RETRY_MAX_NS ? archive->pause_ns * 2 : RETRY_MAX_NS;
}

static void archive_recover(struct archive *archive)
{
	if (archive->stats.is_failing)
		log_info("the store %s takes records again", archive->path);
	archive->stats.is_failing = false;
	archive->stats.last_error = 0;
	archive->retry_ns = 0;
	archive->pause_ns = RETRY_FIRST_NS;
}

static int archive_open_once(struct archive *archive, char fault[STORE_FAULT_BYTES])
{
	uint64_t settled;
	int err = database_open(archive->path, STORE_WRITE, &archive->store, fault);

	if (err || archive->has_settled || !archive->boot_id)
		return err;
	err = store_settle(archive->store, archive->boot_id, &settled);
	archive->has_settled = !err;
	if (!err)
		return 0;
	snprintf(fault, STORE_FAULT_BYTES, "%s", store_fault(archive->store));
	store_close(archive->store);
	archive->store = NULL;
	return err;
}

static int archive_open(struct archive *archive, char fault[STORE_FAULT_BYTES])
{
	int err;

	if (archive->store && database_is_in_place(archive->store))
		return 0;
	store_close(archive->store);
	archive->store = NULL;
	err = archive_open_once(archive, fault);
	if (err == -EBADMSG && !aside_move(archive->path, fault))
		err = archive_open_once(archive, fault);
	return err;
}

/* A store that turns out corrupt on the way is replaced, and the record put into the new one. */
static int archive_write(struct archive *archive, const struct record *record,
			 char fault[STORE_FAULT_BYTES])
{
	int err = archive_open(archive, fault);

	for (int attempt = 0; !err && attempt < 2; attempt++) {
		err = store_put(archive->store, record);
		if (!err)
			return 0;
		snprintf(fault, STORE_FAULT_BYTES, "%s", store_fault(archive->store));
		if (err != -EBADMSG)
			return err;
		store_close(archive->store);
		archive->store = NULL;
		if (aside_move(archive->path, fault))
			return err;
		err = archive_open(archive, fault);
	}
	return err;
}

/* --- records that wait ---------------------------------------------------------------------- */

static void archive_done(struct archive *archive, struct record *record, bool is_stored)
{
	if (archive->options.on_done)
		archive->options.on_done(archive->options.context, record, is_stored);
	record_fini(record);
	free(record);
}

static struct record *archive_take(struct archive *archive, size_t i)
{
	struct record *record = archive->held[i];

	archive->n_held--;
	memmove(&archive->held[i], &archive->held[i + 1],
		(archive->n_held - i) * sizeof(*archive->held));
	return record;
}

static void archive_drop(struct archive *archive, size_t i, const char *why)
{
	struct record *record = archive_take(archive, i);

	archive->stats.dropped++;
	log_error("dropped the record %s of %s: %s", record->id, record->service.name, why);
	archive_done(archive, record, false);
}

/* The oldest of the clean ones, else the oldest. */
static size_t archive_victim(const struct archive *archive)
{
	for (size_t i = 0; i < archive->n_held; i++) {
		if (archive->held[i]->verdict == VERDICT_CLEAN)
			return i;
	}
	return 0;
}

static bool has_retention(const struct store_retention *retention)
{
	return retention->age_ns || retention->count || retention->bytes;
}

/* Writes what is held, oldest first, until one fails. */
static void archive_write_held(struct archive *archive, uint64_t now_ns)
{
	char fault[STORE_FAULT_BYTES] = "";
	int err = 0;

	while (archive->n_held && !err) {
		err = archive_write(archive, archive->held[0], fault);
		if (err)
			break;
		archive_recover(archive);
		archive->stats.stored++;
		archive->is_expire_due = has_retention(&archive->options.retention);
		archive_done(archive, archive_take(archive, 0), true);
	}
	if (!err)
		return;
	archive->stats.errors++;
	archive_complain(archive, err, fault);
	archive_back_off(archive, now_ns);
}

static uint64_t expire_at(const struct archive *archive)
{
	return archive->expired_ns ? archive->expired_ns + EXPIRE_EVERY_NS : 0;
}

/* Records grow old without a new one. */
static uint64_t expire_old_at(const struct archive *archive)
{
	return archive->options.retention.age_ns ? archive->expired_ns + EXPIRE_OLD_EVERY_NS
						 : UINT64_MAX;
}

static void archive_expire(struct archive *archive, uint64_t now_ns)
{
	uint64_t removed = 0;
	int err;

	if (now_ns >= expire_old_at(archive))
		archive->is_expire_due = true;
	if (!archive->is_expire_due || !archive->store || now_ns < expire_at(archive))
		return;
	archive->is_expire_due = false;
	archive->expired_ns = now_ns;
	err = store_expire(archive->store, &archive->options.retention,
			   (int64_t)clock_ns(CLOCK_REALTIME), &removed);
	archive->stats.expired += removed;
	if (err)
		log_error("cannot remove old records from the store %s: %s; trying again after "
			  "the next record",
			  archive->path, store_fault(archive->store));
}

/* --- the interface -------------------------------------------------------------------------- */

struct archive *archive_new(const struct archive_options *options, uint64_t now_ns)
{
	struct archive *archive = calloc(1, sizeof(*archive));
	char fault[STORE_FAULT_BYTES] = "";
	int err;

	if (!archive)
		return NULL;
	archive->options = *options;
	archive->pause_ns = RETRY_FIRST_NS;
	archive->is_expire_due = has_retention(&options->retention);
	archive->path = options->path ? strdup(options->path) : NULL;
	if (!archive->options.held_max)
		archive->options.held_max = HELD_DEFAULT;
	archive->boot_id = options->boot_id ? strdup(options->boot_id) : NULL;
	if ((options->path && !archive->path) || (options->boot_id && !archive->boot_id)) {
		archive_free(archive);
		return NULL;
	}
	err = archive->path ? archive_open(archive, fault) : 0;
	if (err) {
		archive_complain(archive, err, fault);
		archive_back_off(archive, now_ns);
	}
	return archive;
}

void archive_free(struct archive *archive)
{
	if (!archive)
		return;
	store_close(archive->store);
	for (size_t i = 0; i < archive->n_held; i++) {
		record_fini(archive->held[i]);
		free(archive->held[i]);
	}
	free(archive->held);
	free(archive->path);
	free(archive->boot_id);
	free(archive);
}

/* In the place of an earlier one of the same id, else at the end. 0 or -ENOMEM. */
static int archive_hold(struct archive *archive, struct record *record)
{
	int err;

	for (size_t i = 0; i < archive->n_held; i++) {
		if (strcmp(archive->held[i]->id, record->id) != 0)
			continue;
		record_fini(archive->held[i]);
		*archive->held[i] = *record;
		return 0;
	}
	err = array_reserve((void **)&archive->held, &archive->capacity, archive->n_held,
			    sizeof(*archive->held));
	if (err)
		return err;
	archive->held[archive->n_held] = malloc(sizeof(*record));
	if (!archive->held[archive->n_held])
		return -ENOMEM;
	*archive->held[archive->n_held++] = *record;
	return 0;
}

/* Nowhere to put it. */
static void archive_pass_by(struct archive *archive, struct record *record)
{
	if (archive->options.on_done)
		archive->options.on_done(archive->options.context, record, false);
	record_fini(record);
}

void archive_put(struct archive *archive, struct record *record, uint64_t now_ns)
{
	if (!archive->path) {
		archive_pass_by(archive, record);
	} else if (archive_hold(archive, record)) {
		log_error("dropped the record %s of %s: out of memory", record->id,
			  record->service.name);
		archive->stats.dropped++;
		archive_pass_by(archive, record);
	}
	memset(record, 0, sizeof(*record));
	if (archive->n_held && !archive->retry_ns)
		archive_write_held(archive, now_ns);
	while (archive->n_held > archive->options.held_max)
		archive_drop(archive, archive_victim(archive),
			     "too many wait for a store that does not take them");
	archive_expire(archive, now_ns);
}

void archive_set_retention(struct archive *archive, const struct store_retention *retention)
{
	archive->options.retention = *retention;
	archive->is_expire_due = has_retention(retention);
	archive->expired_ns = 0;
}

void archive_step(struct archive *archive, uint64_t now_ns)
{
	if (archive->retry_ns && now_ns >= archive->retry_ns)
		archive_flush(archive, now_ns);
	archive_expire(archive, now_ns);
}

uint64_t archive_deadline_ns(const struct archive *archive)
{
	if (archive->retry_ns)
		return archive->retry_ns;
	if (!archive->store)
		return UINT64_MAX;
	return archive->is_expire_due ? expire_at(archive) : expire_old_at(archive);
}

void archive_flush(struct archive *archive, uint64_t now_ns)
{
	char fault[STORE_FAULT_BYTES] = "";
	int err;

	if (archive->n_held) {
		archive_write_held(archive, now_ns);
		return;
	}
	err = archive->path ? archive_open(archive, fault) : 0;
	if (!err) {
		archive_recover(archive);
		return;
	}
	archive_complain(archive, err, fault);
	archive_back_off(archive, now_ns);
}

struct archive_stats archive_stats(const struct archive *archive)
{
	struct archive_stats stats = archive->stats;
	struct stat status;

	stats.held = archive->n_held;
	if (archive->path && !stat(archive->path, &status))
		stats.bytes = (uint64_t)status.st_size;
	return stats;
}

int archive_visit_held(const struct archive *archive, store_visit visit, void *context)
{
	for (size_t i = archive->n_held; i-- > 0;) {
		struct store_summary summary;
		int err;

		summary_of_record(archive->held[i], &summary);
		err = visit(context, &summary);
		if (err)
			return err;
	}
	return 0;
}

const struct record *archive_held(const struct archive *archive, const char *id)
{
	for (size_t i = 0; i < archive->n_held; i++) {
		if (strcmp(archive->held[i]->id, id) == 0)
			return archive->held[i];
	}
	return NULL;
}
