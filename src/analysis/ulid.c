// SPDX-License-Identifier: GPL-2.0-only
/* Crockford's base 32, most significant digit first. */
#include "src/analysis/ulid.h"

void ulid_format(uint64_t unix_ms, uint16_t high, uint64_t low, char ret_text[ULID_BYTES])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t top = (unix_ms & 0xffffffffffffULL) << 16 | high; /* the upper 64 of 128 bits */
	int i;

	for (i = 25; i >= 0; i--) {
		ret_text[i] = digits[low & 31];
		low = low >> 5 | (top & 31) << 59;
		top >>= 5;
	}
	ret_text[26] = '\0';
}
