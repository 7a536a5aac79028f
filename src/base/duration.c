// SPDX-License-Identifier: GPL-2.0-only
/* Reads times as people type them, on the command line and in the configuration. Owns nothing. */
#include "src/base/duration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"

#define DURATION_MAX_S (10 * 365 * 86400.0)

int duration_parse(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 },   { "s", 1 },	  { "ms", 1e-3 }, { "us", 1e-6 },
		      { "m", 60 }, { "min", 60 }, { "h", 3600 },  { "d", 86400 } };
	char *end;
	double value;
	size_t i;

	if (text[0] < '0' || text[0] > '9') /* no sign, no "inf", no space */
		return -EINVAL;
	value = strtod(text, &end);
	if (memchr(text, 'x', (size_t)(end - text)) || memchr(text, 'X', (size_t)(end - text)))
		return -EINVAL; /* strtod takes hexadecimal */
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		value *= units[i].seconds;
		if (!(value <= DURATION_MAX_S))
			return -ERANGE;
		*ret_ns = (uint64_t)(value * (double)NSEC_PER_SEC);
		return 0;
	}
	return -EINVAL;
}
