/* SPDX-License-Identifier: GPL-2.0-only */
/* May this process trace at all? Asked before anything is loaded, so that the answer is clear. */
#ifndef SHUTWATCH_PRIVILEGES_H
#define SHUTWATCH_PRIVILEGES_H

/*
 * Returns 0, or after a line in the log that says what is missing: -EPERM: a capability;
 * -ENOTSUP: the kernel has no BTF.
 */
int privileges_check(void);

#endif
