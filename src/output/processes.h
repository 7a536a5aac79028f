/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes of a service: the signals they got, and how they ended. */
#ifndef SHUTWATCH_PROCESSES_H
#define SHUTWATCH_PROCESSES_H

#include "src/analysis/record.h"
#include "src/output/style.h"

/* Appends the signals by time; nothing when there were none. */
void processes_print_signals(const struct record *record, const struct report_style *style,
			     struct text *text);

/* Appends the processes by start; nothing when none is known. */
void processes_print(const struct record *record, const struct report_style *style,
		     struct text *text);

#endif
