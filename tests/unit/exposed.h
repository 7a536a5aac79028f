/* SPDX-License-Identifier: GPL-2.0-only */
/* Metrics as they are served, for the tests. */
#ifndef SHUTWATCH_EXPOSED_H
#define SHUTWATCH_EXPOSED_H

#include "src/output/metrics.h"

/* A daemon of which every figure differs. */
const struct metrics_self *exposed_self(void);

/* The exposition; free() it. */
char *exposed_text(const struct metrics *metrics, enum metrics_format format);

/*
 * Exactly one line of the text format is this sample ("name{labels}" or "name"), and has this
 * value; OpenMetrics says the same.
 */
void assert_sample(const struct metrics *metrics, const char *sample, const char *value);

/* No line of either format begins so. */
void assert_no_sample(const struct metrics *metrics, const char *start);

#endif
