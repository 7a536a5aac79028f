/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the time went: a section of the text report. */
#ifndef SHUTWATCH_OUTPUT_WAITS_H
#define SHUTWATCH_OUTPUT_WAITS_H

#include "src/analysis/record.h"
#include "src/output/style.h"

/* The waits that took longest. Nothing where nobody looked. */
void waits_print(const struct record *record, const struct report_style *style, struct text *text);

#endif
