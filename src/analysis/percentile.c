// SPDX-License-Identifier: GPL-2.0-only
/* Nearest rank. */
#include "src/analysis/percentile.h"

#include <stdlib.h>

#include "src/analysis/record.h"

static int compare(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

int64_t percentile_of(int64_t *values, size_t n, unsigned int percent)
{
	size_t rank = n / 100 * percent + (n % 100 * percent + 99) / 100;

	if (n == 0)
		return TIME_UNKNOWN;
	qsort(values, n, sizeof(*values), compare);
	return values[rank ? rank - 1 : 0];
}
