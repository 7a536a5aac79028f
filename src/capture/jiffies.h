/* SPDX-License-Identifier: GPL-2.0-only */
/* How long a jiffy is on this kernel. */
#ifndef SHUTWATCH_JIFFIES_H
#define SHUTWATCH_JIFFIES_H

#include <stdint.h>

/* Nanoseconds a jiffy; 4 ms (the most usual) if the kernel does not say. */
uint64_t jiffy_ns_detect(void);

#endif
