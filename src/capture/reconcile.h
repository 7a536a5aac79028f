/* SPDX-License-Identifier: GPL-2.0-only */
/* Before a record is made: which connections have not left, and what became of them. */
#ifndef SHUTWATCH_RECONCILE_H
#define SHUTWATCH_RECONCILE_H

#include "src/capture/probe.h"
#include "src/model/shutdown.h"

/*
 * Has the kernel tell each of them once, with target->leftover as its outcome unless it is closed;
 * nothing is seen for the first time any more. Returns 0, also when that had been done before, or
 * -errno.
 */
int reconcile(struct probe *probe, const struct shutdown *shutdown, const struct target *target);

#endif
