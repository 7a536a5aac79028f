/* SPDX-License-Identifier: GPL-2.0-only */
/* The phases of a shutdown, drawn to scale. */
#ifndef SHUTWATCH_TIMELINE_H
#define SHUTWATCH_TIMELINE_H

#include "src/analysis/record.h"
#include "src/output/style.h"

/* Appends the time line with its title; nothing when no time is known. */
void timeline_print(const struct record *record, const struct report_style *style,
		    struct text *text);

#endif
