/* SPDX-License-Identifier: GPL-2.0-only */
/* Shutdowns, one a line. */
#ifndef SHUTWATCH_LISTING_H
#define SHUTWATCH_LISTING_H

#include "src/analysis/summary.h"
#include "src/output/style.h"

/* How much of an id a table shows: enough to tell it from any other, short enough to type. */
#define LISTING_ID_COLUMNS 14

void listing_print(const struct store_summary *summaries, size_t n_summaries,
		   const struct report_style *style, struct text *text);

/*
 * One line of JSON, without its end: the record's own names, without its lists. `connections`
 * holds only those inbound. Owned by the caller; NULL if memory ran out.
 */
char *json_from_summary(const struct store_summary *summary);

#endif
