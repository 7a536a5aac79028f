/* SPDX-License-Identifier: GPL-2.0-only */
/* Times and sizes -> text. Integers only, so that no locale changes the decimal point. */
#ifndef SHUTWATCH_UNITS_H
#define SHUTWATCH_UNITS_H

#include <stdint.h>

#define UNITS_BYTES 32

/*
 * A duration for people, about three digits: "0.8 ms", "24 ms", "1.53 s", "2 min 3 s", "3 h 5 min".
 * What is above 0 never shows as 0. Writes into buffer and returns it.
 */
const char *units_duration(int64_t ns, char buffer[UNITS_BYTES]);

/* A size for people, in powers of 1000: "312 B", "1.8 kB", "24 MB". */
const char *units_size(uint64_t bytes, char buffer[UNITS_BYTES]);

/* RFC 3339 in UTC, nanoseconds included: "2026-11-22T19:30:13.123456789Z". */
const char *units_timestamp(int64_t wall_ns, char buffer[UNITS_BYTES]);

/* The same for people: "2026-11-22 19:30:13.123 UTC". */
const char *units_date(int64_t wall_ns, char buffer[UNITS_BYTES]);

#endif
