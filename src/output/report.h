/* SPDX-License-Identifier: GPL-2.0-only */
/* The record as text, for the owner of the service. */
#ifndef SHUTWATCH_REPORT_H
#define SHUTWATCH_REPORT_H

#include "src/output/style.h"

struct record;

/*
 * Lines, each ended by a line feed, none wider than the style allows. Every string of a stranger
 * in it is safe for a terminal. Owned by the caller; NULL if memory ran out.
 */
char *report_from_record(const struct record *record, const struct report_style *style);

#endif
