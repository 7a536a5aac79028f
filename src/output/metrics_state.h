/* SPDX-License-Identifier: GPL-2.0-only */
/* What metrics.c accumulates and metrics_text.c shows. Of no concern to others. */
#ifndef SHUTWATCH_METRICS_STATE_H
#define SHUTWATCH_METRICS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/record.h"
#include "src/output/metrics_histogram.h"

#define VERDICTS (VERDICT_DRAINING + 1)

enum duration {
	DURATION_TOTAL,
	DURATION_DRAIN,
	DURATION_REACT,
	DURATION_ACCEPTING,
	DURATION_IN_FLIGHT,
	DURATION_CLEANUP,
	DURATION_DARK,
	DURATIONS,
};

/* As many as bits in struct seen; there are about half as many rows in the table. */
#define FINDINGS_COUNTED_MAX 64

struct finding_counter {
	const struct finding_row *row; /* of the table of findings, which stays */
	struct counter counter;
};

/* The last shutdown of a service, by its T0. */
struct last {
	bool is_known;
	int64_t began_wall_ns;
	int64_t ended_wall_ns; /* when it began, if it has not ended */
	int64_t total_ns;      /* these may be TIME_UNKNOWN */
	int64_t drain_ns;
	int64_t dark_ns;
	int64_t grace_ns;
	bool has_connections;
	uint64_t aborted;
	uint64_t refused;
	enum verdict verdict;
};

struct service {
	char *labels; /* service="...", escaped: by this it is found */
	struct counter shutdowns;
	struct counter ungraceful;
	struct counter incomplete;
	struct counter verdicts[VERDICTS];
	struct histogram durations[DURATIONS];
	struct counter outcomes[DIRECTIONS][OUTCOMES];
	struct counter aborted[DIRECTIONS];
	struct counter late[DIRECTIONS];
	struct counter refused;
	struct counter handshakes;
	struct finding_counter *findings; /* in the order of their first sight */
	size_t n_findings;
	size_t findings_capacity;
	uint64_t in_progress;
	struct last last;
};

/* What of a record has been counted. */
struct seen {
	char id[RECORD_ID_BYTES];
	bool has_verdict;
	enum verdict verdict; /* the one counted last */
	bool is_ungraceful;
	bool is_incomplete;
	uint32_t durations; /* bit 1 << enum duration */
	uint64_t outcomes[DIRECTIONS][OUTCOMES];
	uint64_t aborted[DIRECTIONS];
	uint64_t late[DIRECTIONS];
	uint64_t refused;
	uint64_t handshakes;
	uint64_t findings; /* bit 1 << index in the service's findings */
};

/* Shutdowns under way of a service that has no room of its own. */
struct progress {
	char *labels;
	uint64_t count;
};

struct metrics {
	size_t services_max;
	struct service **services;
	size_t n_services;
	size_t services_capacity;
	struct service *other; /* one of them; NULL: not needed yet */
	struct seen *seen;     /* a ring once it is full */
	size_t n_seen;
	size_t seen_capacity;
	size_t seen_next;
	struct progress *progress;
	size_t n_progress;
	size_t progress_capacity;
	uint64_t collapsed;
	struct histogram snapshots;
};

struct exposition;
struct metrics_self;

/* metrics_self.c: the families of shutwatch itself. */
void metrics_self_add(struct exposition *e, const struct metrics_self *self);

#endif
