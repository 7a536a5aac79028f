/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two sets of shutdowns side by side, say before and after a release. Percentiles are by nearest
 * rank: a time that was measured. Behind each figure stands how many records know it.
 */
#ifndef SHUTWATCH_DIFF_H
#define SHUTWATCH_DIFF_H

#include "src/analysis/summary.h"
#include "src/output/style.h"

struct diff_times {
	int64_t *ns;
	size_t n;
	size_t capacity;
};

#define DIFF_FINDINGS_MAX 64

/* How many shutdowns of the set have this finding. */
struct diff_finding {
	char id[64];
	uint64_t count;
};

struct diff_set {
	const char *name; /* as the user said it; the caller's */
	size_t shutdowns;
	size_t verdicts[VERDICTS];
	struct diff_times drain;
	struct diff_times total;
	size_t with_connections; /* records that tell of connections */
	uint64_t connections;	 /* inbound: open at the signal + late */
	uint64_t aborted;
	uint64_t refused;
	uint64_t late;
	struct diff_finding findings[DIFF_FINDINGS_MAX];
	size_t n_findings;
};

/* Takes one more shutdown into a set that began zeroed. Returns 0 or -ENOMEM. */
int diff_add(struct diff_set *set, const struct store_summary *summary);
/* `count` more shutdowns of the set have this finding; those beyond the table are left out. */
void diff_add_finding(struct diff_set *set, const char *id, uint64_t count);
void diff_fini(struct diff_set *set);

/* Both sort the times of the sets, and change nothing else. */
void diff_print(struct diff_set *a, struct diff_set *b, const struct report_style *style,
		struct text *text);
/* One line, without its end. Owned by the caller; NULL if memory ran out. */
char *json_from_diff(struct diff_set *a, struct diff_set *b);

#endif
