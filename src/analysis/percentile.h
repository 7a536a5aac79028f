/* SPDX-License-Identifier: GPL-2.0-only */
/* Percentiles by nearest rank: always a value that was measured, never one in between. */
#ifndef SHUTWATCH_PERCENTILE_H
#define SHUTWATCH_PERCENTILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The smallest value that at least `percent` (1 to 100) of the values do not exceed: of n values
 * in ascending order the one at rank ceil(percent / 100 * n), counted from 1. Sorts `values`.
 * TIME_UNKNOWN when there are none.
 */
int64_t percentile_of(int64_t *values, size_t n, unsigned int percent);

#endif
