/* SPDX-License-Identifier: GPL-2.0-only */
/* What every text report must keep to, whatever stands in it. */
#ifndef SHUTWATCH_PRESENTABLE_H
#define SHUTWATCH_PRESENTABLE_H

#include <stdbool.h>

#include "src/analysis/record.h"
#include "src/output/report.h"

/*
 * The report, once it was found valid UTF-8, within its width, without control characters and
 * without spaces at the ends of its lines; else the test fails. Owned by the caller.
 */
char *presentable_report(const struct record *record, const struct report_style *style);

/* The same in all looks and a choice of widths; `is_ascii`: ASCII names must give ASCII. */
void assert_presentable_anywhere(const struct record *record, bool is_ascii);

#endif
