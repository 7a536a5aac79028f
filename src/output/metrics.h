/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records -> metrics, in OpenMetrics 1.0 and in the text format 0.0.4. No I/O, no clock, no
 * threads: the caller locks. Names, types and labels: the table `families` in
 * metrics_families.c, from which README's table is made.
 */
#ifndef SHUTWATCH_METRICS_H
#define SHUTWATCH_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/record.h"

struct metrics;

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/* `services_max` bounds the label `service`; who comes later is counted under "other".
 * NULL: out of memory. */
struct metrics *metrics_new(size_t services_max);
void metrics_free(struct metrics *metrics);

/*
 * Counts a record once by its id, however often it comes: a provisional record counts when it is
 * first seen; its update adds only what has changed (refused, dark time, what a verdict became).
 * The last 4096 records are known again. Returns 0, or -ENOMEM with nothing counted.
 */
int metrics_observe(struct metrics *metrics, const struct record *record);

/*
 * The shutdowns under way of one service. The service is known from then on: its counters are
 * served, with 0 if nothing was counted yet, so that Prometheus sees the first step of each. Call
 * it when a shutdown begins and when it is over. Returns 0 or -ENOMEM.
 */
int metrics_set_in_progress(struct metrics *metrics, const char *service, uint64_t count);

/* Time from a stop signal to the end of the snapshot that it caused. */
void metrics_observe_snapshot(struct metrics *metrics, double seconds);

struct metrics_map {
	const char *name;
	uint64_t entries;
	uint64_t capacity;
};

struct metrics_program {
	const char *name;
	bool is_available;  /* this kernel takes it */
	double run_seconds; /* 0 unless the kernel's statistics are on */
	uint64_t runs;
};

/* What the daemon knows of itself; read anew for every scrape. Pointers are the caller's. */
struct metrics_self {
	const char *version;
	const char *kernel;
	uint64_t events; /* taken from the kernel */
	uint64_t losses[LOSS_CAUSES];
	const struct metrics_map *maps;
	size_t n_maps;
	const struct metrics_program *programs;
	size_t n_programs;
	uint64_t services_watched;
	uint64_t journal_bytes;
	uint64_t journal_errors;
	uint64_t store_errors;
	uint64_t store_records; /* written */
	uint64_t store_dropped;
	uint64_t store_held;
	uint64_t store_bytes;
	uint64_t http_requests;
	uint64_t http_refused; /* over a limit, or not authorised */
	uint64_t config_reloads_failed;
	uint64_t log_lines_dropped;
	bool is_config_reload_good;
	/* process_* */
	double cpu_seconds;
	double start_time_seconds; /* since the epoch */
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t open_fds;
	uint64_t max_fds;
};

/* The whole exposition. Owned by the caller; NULL if memory ran out. */
char *metrics_text(const struct metrics *metrics, const struct metrics_self *self,
		   enum metrics_format format, size_t *ret_size);

/* The table of all metrics for README, in Markdown. Owned by the caller; NULL: out of memory. */
char *metrics_markdown(void);

#endif
