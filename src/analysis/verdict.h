/* SPDX-License-Identifier: GPL-2.0-only */
/* The outcome of the whole shutdown. */
#ifndef SHUTWATCH_VERDICT_H
#define SHUTWATCH_VERDICT_H

#include "src/analysis/record.h"
#include "src/model/shutdown.h"

/* The first row of the table that holds. Needs the record's timing and directions. */
enum verdict verdict_of(const struct shutdown *shutdown, const struct record *record);

/*
 * Is there nothing to report? A process that ended by itself while the rest of its service goes
 * on and nothing was lost (a daemon's launcher, a child that came and went).
 */
bool verdict_is_no_shutdown(const struct shutdown *shutdown, const struct record *record);

#endif
