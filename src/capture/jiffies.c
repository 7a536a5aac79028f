// SPDX-License-Identifier: GPL-2.0-only
/*
 * CONFIG_HZ is no sysctl and sysconf(_SC_CLK_TCK) is another clock. The resolution of
 * CLOCK_MONOTONIC_COARSE is one jiffy: that clock ticks with it (kernel/time/posix-timers.c:
 * KTIME_LOW_RES).
 */
#include "src/capture/jiffies.h"

#include <time.h>

#include "src/base/clock.h"

#define USUAL_JIFFY_NS 4000000ULL

uint64_t jiffy_ns_detect(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || tick.tv_nsec <= 0)
		return USUAL_JIFFY_NS;
	return (uint64_t)tick.tv_nsec;
}
