/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of findings: one row each, with a pure predicate over the record. */
#ifndef SHUTWATCH_FINDINGS_H
#define SHUTWATCH_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "src/analysis/finding.h"
#include "src/analysis/record.h"

struct finding_row {
	const char *id; /* stable, lower_case: part of the public contract */
	enum severity severity;
	const char *meaning;   /* one sentence: what it says, for `explain` and README */
	const char *signature; /* what the kernel showed, for `explain` */
	const char *advice;    /* in general, for `explain`; a finding's own is more specific */
	/*
	 * Does it hold? If so, fills evidence and summary of the finding, and advice where the
	 * program is known. Allocation that fails leaves summary NULL: found out by the caller.
	 * NULL: of an audit only; a record shows what became of it.
	 */
	bool (*holds)(const struct record *record, struct finding *finding);
};

/* All rows, in the order of README's table. */
const struct finding_row *finding_rows(size_t *ret_count);

/* NULL: no such id. */
const struct finding_row *finding_row_find(const char *id);

/*
 * Fills record->findings, most severe first, then in the order of the table; what was there is
 * freed. Called when the record is built, and again when a provisional record is made final.
 * Returns 0 or -ENOMEM (no findings then).
 */
int findings_of(struct record *record);

#endif
