/* SPDX-License-Identifier: GPL-2.0-only */
/* What happened, in a sentence. */
#ifndef SHUTWATCH_HEADLINE_H
#define SHUTWATCH_HEADLINE_H

#include <stdbool.h>

#include "src/analysis/record.h"
#include "src/output/style.h"

/* Did the process die by a signal that is none of the usual ways to ask it to stop? */
bool headline_is_violent(const struct record_process *process);

/* "orders.service: stopped cleanly in 2.12 s; nothing was lost", and what limits the record. */
void headline_print(const struct record *record, const struct report_style *style,
		    struct text *text);

#endif
