/* SPDX-License-Identifier: GPL-2.0-only */
/* What this process costs, from /proc/self: the process_* metrics. */
#ifndef SHUTWATCH_SELF_H
#define SHUTWATCH_SELF_H

#include "src/output/metrics.h"

/* Fills the process_* fields; what cannot be read stays as it is. */
void self_read(struct metrics_self *self);

#endif
