/* SPDX-License-Identifier: GPL-2.0-only */
/* Times as people type them. */
#ifndef SHUTWATCH_DURATION_H
#define SHUTWATCH_DURATION_H

#include <stdint.h>

/* How a message tells what duration_parse() takes. */
#define DURATION_EXAMPLES "a time such as 500ms, 30s, 10m, 2h or 90d"

/*
 * "30s", "500ms", "10m", "2h", "90d", "1.5s"; a bare number is seconds; at most ten years.
 * Returns 0, -EINVAL or -ERANGE; ret_ns is untouched on failure.
 */
int duration_parse(const char *text, uint64_t *ret_ns);

#endif
