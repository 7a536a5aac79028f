/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the time went: what the threads of a service waited for. */
#ifndef SHUTWATCH_ANALYSIS_WAITS_H
#define SHUTWATCH_ANALYSIS_WAITS_H

#include "src/analysis/record.h"
#include "src/model/shutdown.h"

/* Fills record->waits; its connections and times are there already. Returns 0 or -ENOMEM. */
int waits_of(const struct shutdown *shutdown, struct record *record);

/* It waited for somebody to give it work, all the time: an idle thread of a pool. */
bool wait_is_parked(const struct record_wait *wait);

/* Which part of the stop is asked about. */
enum wait_phase { WAIT_IN_ALL, WAIT_IN_CLEANUP };

/* How long it took in that part; 0: it did not, or nobody knows. */
int64_t wait_in(const struct record_wait *wait, enum wait_phase phase);

/*
 * The wait that tells most about why that part took so long: of those that took at least half as
 * long as the longest one, rather of a process with clients than of its master or wrapper, rather
 * for something named than an event loop's, and of a parked thread only if there is no other.
 * NULL: there is none.
 */
const struct record_wait *waits_blocker(const struct record *record, enum wait_phase phase);

#endif
