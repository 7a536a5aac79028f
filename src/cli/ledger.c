// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the archive and the metrics. The lock guards the metrics and a copy of the archive's
 * figures: the HTTP thread reads them, and never waits for the disk.
 */
#include "src/cli/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/capture/probe_stats.h"

#define SERVICES_MAX 200

/* One shutdown that is under way, or whose last record is not yet stored. */
struct entry {
	uint64_t generation;
	char service[NAME_BYTES + 1];
	char id[RECORD_ID_BYTES]; /* "": no record yet */
	bool is_under_way;
	bool was_told; /* a daemon before us has logged and counted it */
	enum verdict verdict;
	uint64_t refused;
};

struct ledger {
	struct watcher *watcher;
	struct archive *archive;
	struct entry *entries;
	size_t n_entries;
	size_t entries_capacity;

	pthread_mutex_t lock;
	struct metrics *metrics;
	struct archive_stats stats;
};

static struct entry *entry_of(struct ledger *ledger, uint64_t generation)
{
	struct entry *entry;
	size_t i;

	for (i = 0; i < ledger->n_entries; i++) {
		if (ledger->entries[i].generation == generation)
			return &ledger->entries[i];
	}
	if (array_reserve((void **)&ledger->entries, &ledger->entries_capacity, ledger->n_entries,
			  sizeof(*ledger->entries)))
		return NULL;
	entry = &ledger->entries[ledger->n_entries++];
	memset(entry, 0, sizeof(*entry));
	entry->generation = generation;
	return entry;
}

static void forget(struct ledger *ledger, struct entry *entry)
{
	*entry = ledger->entries[--ledger->n_entries];
}

/* The store has the record, or has given it up. */
static void on_done(void *context, const struct record *record, bool is_stored)
{
	struct ledger *ledger = context;
	size_t i;

	(void)is_stored;
	for (i = 0; i < ledger->n_entries; i++) {
		struct entry *entry = &ledger->entries[i];

		if (strcmp(entry->id, record->id) != 0)
			continue;
		watcher_acknowledge(ledger->watcher, entry->generation, !record->is_provisional);
		if (!record->is_provisional)
			forget(ledger, entry);
		return;
	}
}

static void count_under_way(struct ledger *ledger, const char *service)
{
	uint64_t count = 0;
	size_t i;

	if (!service[0])
		return; /* it is named by its record */
	for (i = 0; i < ledger->n_entries; i++)
		count += ledger->entries[i].is_under_way &&
			 !strcmp(ledger->entries[i].service, service);
	pthread_mutex_lock(&ledger->lock);
	metrics_set_in_progress(ledger->metrics, service, count);
	pthread_mutex_unlock(&ledger->lock);
}

static void on_begun(struct ledger *ledger, const struct message *message)
{
	struct entry *entry = entry_of(ledger, message->generation);

	if (!entry)
		return;
	memcpy(entry->service, message->service, sizeof(entry->service));
	entry->is_under_way = true;
	if (message->snapshot_seconds > 0) {
		pthread_mutex_lock(&ledger->lock);
		metrics_observe_snapshot(ledger->metrics, message->snapshot_seconds);
		pthread_mutex_unlock(&ledger->lock);
	}
	count_under_way(ledger, entry->service);
}

static void end(struct ledger *ledger, struct entry *entry)
{
	char service[NAME_BYTES + 1];

	memcpy(service, entry->service, sizeof(service));
	entry->is_under_way = false;
	count_under_way(ledger, service);
}

/* --- the log line of a shutdown ------------------------------------------------------------- */

static const char *seconds(int64_t ns, char text[32])
{
	if (ns == TIME_UNKNOWN)
		return NULL;
	snprintf(text, 32, "%.6f", (double)ns / 1e9);
	return text;
}

static const char *count(uint64_t value, char text[32])
{
	snprintf(text, 32, "%" PRIu64, value);
	return text;
}

static void log_record(const struct record *record)
{
	const struct record_direction *in = &record->directions[DIRECTION_INBOUND];
	char texts[8][32], signal[16];
	const struct log_field fields[] = {
		{ "id", record->id, false },
		{ "service", record->service.name, false },
		{ "outcome", verdict_name(record->verdict), false },
		{ "trigger", trigger_kind_name(record->trigger), false },
		{ "signal",
		  record->trigger_signal ? signal_name(record->trigger_signal, signal) : NULL,
		  false },
		{ "sender", record->has_trigger_sender ? record->trigger_sender.comm : NULL,
		  false },
		{ "total_s", seconds(record->timing.total_ns, texts[0]), true },
		{ "drain_s", seconds(record->timing.drain_ns, texts[1]), true },
		{ "connections", count(in->open_at_signal + in->late, texts[2]), true },
		{ "late", count(in->late, texts[3]), true },
		{ "aborted", count(in->aborted, texts[4]), true },
		{ "refused", record->are_resets_unseen ? NULL : count(record->refused, texts[5]),
		  true },
		{ "complete", record->is_complete ? "true" : "false", false },
		{ "provisional", record->is_provisional ? "true" : "false", false },
		{},
	};

	log_event("shutdown", fields);
}

static void count_record(struct ledger *ledger, const struct record *record)
{
	pthread_mutex_lock(&ledger->lock);
	if (metrics_observe(ledger->metrics, record))
		log_error("no memory to count shutdown %s in the metrics", record->id);
	pthread_mutex_unlock(&ledger->lock);
}

/* Once, and again when more is known: what was clean may have turned clients away since. */
static void tell(struct ledger *ledger, struct entry *entry, const struct message *message)
{
	const struct record *record = &message->record;
	bool is_first = !entry->id[0];

	if (is_first)
		entry->was_told = message->was_told;
	if (is_first ? !entry->was_told
		     : entry->verdict != record->verdict || entry->refused != record->refused)
		log_record(record);
	if (!entry->was_told)
		count_record(ledger, record);
	memcpy(entry->id, record->id, sizeof(entry->id));
	entry->verdict = record->verdict;
	entry->refused = record->refused;
}

static void on_record(struct ledger *ledger, struct message *message)
{
	struct record *record = &message->record;
	struct entry *entry = entry_of(ledger, message->generation);

	if (!entry)
		return;
	if (!entry->service[0])
		memcpy(entry->service, record->service.name, sizeof(entry->service));
	tell(ledger, entry, message);
	/* A drain that goes on is still under way; one that waits for its ports is not. */
	if (!record->is_provisional || record->verdict != VERDICT_DRAINING)
		end(ledger, entry);
	archive_put(ledger->archive, record, clock_boot_ns());
}

static void on_none(struct ledger *ledger, const struct message *message)
{
	struct entry *entry = entry_of(ledger, message->generation);

	watcher_acknowledge(ledger->watcher, message->generation, true);
	if (!entry)
		return;
	end(ledger, entry);
	forget(ledger, entry);
}

static void note_stats(struct ledger *ledger)
{
	struct archive_stats stats = archive_stats(ledger->archive);

	pthread_mutex_lock(&ledger->lock);
	ledger->stats = stats;
	pthread_mutex_unlock(&ledger->lock);
}

void ledger_take(struct ledger *ledger, struct message *message)
{
	switch (message->kind) {
	case MESSAGE_SERVICE:
		count_under_way(ledger, message->service);
		break;
	case MESSAGE_BEGUN:
		on_begun(ledger, message);
		break;
	case MESSAGE_RECORD:
		on_record(ledger, message);
		break;
	case MESSAGE_NONE:
		on_none(ledger, message);
		break;
	default:
		break;
	}
	message_free(message);
	note_stats(ledger);
}

void ledger_step(struct ledger *ledger)
{
	archive_step(ledger->archive, clock_boot_ns());
	note_stats(ledger);
}

uint64_t ledger_deadline_ns(const struct ledger *ledger)
{
	return archive_deadline_ns(ledger->archive);
}

void ledger_flush(struct ledger *ledger)
{
	archive_flush(ledger->archive, clock_boot_ns());
	note_stats(ledger);
}

void ledger_set_retention(struct ledger *ledger, const struct store_retention *retention)
{
	archive_set_retention(ledger->archive, retention);
}

struct ledger *ledger_new(const struct ledger_options *options)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	struct archive_options archive = {
		.path = options->store_path,
		.retention = options->retention,
		.boot_id = options->host->boot_id,
		.on_done = on_done,
		.context = ledger,
	};

	if (!ledger)
		return NULL;
	pthread_mutex_init(&ledger->lock, NULL);
	ledger->watcher = options->watcher;
	ledger->metrics = metrics_new(SERVICES_MAX);
	ledger->archive = archive_new(&archive, clock_boot_ns());
	if (!ledger->metrics || !ledger->archive) {
		ledger_free(ledger);
		return NULL;
	}
	note_stats(ledger);
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	archive_free(ledger->archive);
	metrics_free(ledger->metrics);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger->entries);
	free(ledger);
}

/* --- metrics -------------------------------------------------------------------------------- */

static void add_store(const struct archive_stats *stats, struct metrics_self *self)
{
	self->store_records = stats->stored;
	self->store_errors = stats->errors;
	self->store_dropped += stats->dropped;
	self->store_held = stats->held;
	self->store_bytes = stats->bytes;
}

static void add_watcher(struct watcher *watcher, struct metrics_self *self)
{
	struct watcher_stats stats = watcher_stats(watcher);

	self->events = stats.session.events;
	self->services_watched = stats.session.services;
	self->journal_bytes = stats.session.journal.bytes;
	self->journal_errors = stats.session.journal.errors;
	self->store_dropped += stats.dropped;
	probe_losses(watcher_probe(watcher), self->losses);
}

char *ledger_text(struct ledger *ledger, struct metrics_self *self, enum metrics_format format,
		  size_t *ret_size)
{
	struct map_stat map_stats[PROBE_MAPS_MAX];
	struct program_stat program_stats[PROBE_PROGRAMS_MAX];
	struct metrics_map maps[PROBE_MAPS_MAX];
	struct metrics_program programs[PROBE_PROGRAMS_MAX];
	struct probe *probe = watcher_probe(ledger->watcher);
	char *text;
	size_t i;

	self->n_maps = probe_map_stats(probe, map_stats);
	self->n_programs = probe_program_stats(probe, program_stats);
	for (i = 0; i < self->n_maps; i++)
		maps[i] = (struct metrics_map){ map_stats[i].name, map_stats[i].entries,
						map_stats[i].capacity };
	for (i = 0; i < self->n_programs; i++)
		programs[i] = (struct metrics_program){ program_stats[i].name,
							program_stats[i].is_available,
							program_stats[i].run_seconds,
							program_stats[i].runs };
	self->maps = maps;
	self->programs = programs;
	add_watcher(ledger->watcher, self);
	pthread_mutex_lock(&ledger->lock);
	add_store(&ledger->stats, self);
	text = metrics_text(ledger->metrics, self, format, ret_size);
	pthread_mutex_unlock(&ledger->lock);
	return text;
}
