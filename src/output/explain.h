/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of findings for people: what `explain` and README say of its rows. */
#ifndef SHUTWATCH_EXPLAIN_H
#define SHUTWATCH_EXPLAIN_H

#include "src/analysis/findings.h"
#include "src/output/style.h"

/* One a line: id, severity, meaning. Of any length: a line that is cut explains nothing. */
void explain_list(const struct finding_row *rows, size_t n_rows, struct text *text);

/* Meaning, kernel signature, advice. */
void explain_row(const struct finding_row *row, const struct report_style *style,
		 struct text *text);

/*
 * "a, b or c": the ids that `word` was perhaps meant to be, the nearest first; nothing when none
 * is near. `word` may be anything.
 */
void explain_near(const struct finding_row *rows, size_t n_rows, const char *word,
		  struct text *text);

/* The table for README, in Markdown. */
void explain_markdown(const struct finding_row *rows, size_t n_rows, struct text *text);

#endif
