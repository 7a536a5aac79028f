/* SPDX-License-Identifier: GPL-2.0-only */
/* Names that sort by time (github.com/ulid/spec), here without chance: same input, same name. */
#ifndef SHUTWATCH_ULID_H
#define SHUTWATCH_ULID_H

#include <stdint.h>

#define ULID_BYTES 27 /* 26 and a NUL */

/* 48 bits of milliseconds since 1970 and 80 bits of `high` (16) and `low` (64). */
void ulid_format(uint64_t unix_ms, uint16_t high, uint64_t low, char ret_text[ULID_BYTES]);

#endif
