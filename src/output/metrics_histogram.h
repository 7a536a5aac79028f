/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters and classic histograms, each with the record that moved it last. */
#ifndef SHUTWATCH_METRICS_HISTOGRAM_H
#define SHUTWATCH_METRICS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "src/analysis/record.h"

#define BUCKETS_MAX 16 /* +Inf included */

struct exemplar {
	char record_id[RECORD_ID_BYTES]; /* "": none */
	uint64_t value;			 /* what was added: a count, or nanoseconds */
	int64_t wall_ns;
};

struct counter {
	uint64_t value;
	struct exemplar exemplar;
};

struct bucket {
	uint64_t up_to_ns;
	const char *le; /* the same in seconds, as it is served */
};

/* The buckets are shared and end with +Inf. */
struct histogram {
	const struct bucket *buckets;
	size_t n_buckets;
	uint64_t counts[BUCKETS_MAX]; /* of each bucket alone */
	uint64_t sum_ns;
	struct exemplar exemplars[BUCKETS_MAX];
};

/* From 1 ms to 10 minutes, with the usual grace periods of 10, 30 and 90 s among them. */
void histogram_init_shutdown(struct histogram *histogram);
/* From 0.1 ms to 1 s. */
void histogram_init_snapshot(struct histogram *histogram);

/* `exemplar` may be NULL; its value is set. */
void histogram_observe(struct histogram *histogram, uint64_t ns, const struct exemplar *exemplar);
/* Adds; nothing happens for 0. The exemplar's value is set. */
void counter_add(struct counter *counter, uint64_t n, const struct exemplar *exemplar);

#endif
