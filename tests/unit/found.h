/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings and waits for the tests of the views, made by hand: no row of the real table. */
#ifndef SHUTWATCH_FOUND_H
#define SHUTWATCH_FOUND_H

#include "src/analysis/findings.h"

/* An info, a warning and an error, in this order: their ids are "hint", "slow" and "lost". */
#define FOUND_ROWS 3
extern const struct finding_row found_rows[FOUND_ROWS];

/* Append to the record; the result is valid until the next of its kind. */
struct finding *found_add(struct record *record, const struct finding_row *row, const char *summary,
			  const char *advice);
struct evidence *found_evidence(struct finding *finding, const char *key, enum evidence_kind kind,
				int64_t number);
struct record_wait *found_wait(struct record *record, const char *comm, const char *call,
			       enum wait_object object, const char *text, int64_t total_ns);

/* An error with evidence of every kind, a warning, a hint; two waits; and what goes with them. */
void found_fill(struct record *record);

/* The id of a row of the real table; NULL while it has none. */
const char *found_real_id(void);

#endif
