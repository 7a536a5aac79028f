/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the time went: what the threads of a service waited for. */
#ifndef SHUTWATCH_ANALYSIS_WAITS_H
#define SHUTWATCH_ANALYSIS_WAITS_H

#include "src/analysis/record.h"
#include "src/model/shutdown.h"

/* Fills record->waits; its connections are there already. Returns 0 or -ENOMEM. */
int waits_of(const struct shutdown *shutdown, struct record *record);

#endif
