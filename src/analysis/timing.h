/* SPDX-License-Identifier: GPL-2.0-only */
/* The phases of a shutdown: what was seen -> durations from T0. */
#ifndef SHUTWATCH_TIMING_H
#define SHUTWATCH_TIMING_H

#include "src/analysis/record.h"
#include "src/model/shutdown.h"

/* An instant as a distance from T0; TIME_UNKNOWN for 0, which means "not known". */
int64_t timing_since_stop(const struct shutdown *shutdown, __u64 at_ns);

/* All times of the record's table; TIME_UNKNOWN under the conditions given there. */
struct record_timing timing_of(const struct shutdown *shutdown);

#endif
