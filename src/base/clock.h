/* SPDX-License-Identifier: GPL-2.0-only */
/* The two clocks: events carry CLOCK_BOOTTIME, people read CLOCK_REALTIME. */
#ifndef SHUTWATCH_CLOCK_H
#define SHUTWATCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ULL

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_boot_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

/* CLOCK_REALTIME minus CLOCK_BOOTTIME, now. */
static inline int64_t clock_wall_offset_ns(void)
{
	uint64_t boot = clock_boot_ns();

	return (int64_t)(clock_ns(CLOCK_REALTIME) - boot);
}

#endif
