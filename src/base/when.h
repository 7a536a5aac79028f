/* SPDX-License-Identifier: GPL-2.0-only */
/* A point in time as people type it. */
#ifndef SHUTWATCH_WHEN_H
#define SHUTWATCH_WHEN_H

#include <stdint.h>

/*
 * "2026-11-22", "2026-11-22T19:30", "2026-11-22T19:30:13Z", "…:13.123456789Z" (RFC 3339; always
 * UTC, the Z may be missing, a space may stand for the T); or an age: "90s", "15m", "2h", "7d",
 * "4w" before `now_wall_ns`. CLOCK_REALTIME nanoseconds, from 1970 to 2200. Returns 0 or -EINVAL.
 */
int when_parse(const char *text, int64_t now_wall_ns, int64_t *ret_wall_ns);

#endif
