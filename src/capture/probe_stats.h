/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says of our maps and programs. Safe to call from any thread: it only asks. */
#ifndef SHUTWATCH_PROBE_STATS_H
#define SHUTWATCH_PROBE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe;

#define PROBE_MAPS_MAX 16
#define PROBE_PROGRAMS_MAX 32

struct map_stat {
	const char *name; /* the probe's */
	uint64_t entries;
	uint64_t capacity;
};

struct program_stat {
	const char *name; /* the probe's */
	bool is_available;
	double run_seconds; /* 0 unless kernel.bpf_stats_enabled */
	uint64_t runs;
};

/* Hash maps only. Return how many were filled in. */
size_t probe_map_stats(const struct probe *probe, struct map_stat ret_stats[PROBE_MAPS_MAX]);
size_t probe_program_stats(const struct probe *probe,
			   struct program_stat ret_stats[PROBE_PROGRAMS_MAX]);

#endif
