/* SPDX-License-Identifier: GPL-2.0-only */
/* What was wrong and what to change: the first section of the text report. */
#ifndef SHUTWATCH_OUTPUT_FINDINGS_H
#define SHUTWATCH_OUTPUT_FINDINGS_H

#include "src/analysis/record.h"
#include "src/output/style.h"

/* Below the headline, the most severe first. Nothing where nothing was found. */
void findings_print(const struct record *record, const struct report_style *style,
		    struct text *text);

#endif
