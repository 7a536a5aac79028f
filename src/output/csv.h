/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records as comma-separated values (RFC 4180, but lines end with a line feed), one a line. What
 * is unknown is an empty cell. A stranger's string that a spreadsheet would take for a formula
 * (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front; invalid UTF-8
 * and other control characters become U+FFFD.
 */
#ifndef SHUTWATCH_CSV_H
#define SHUTWATCH_CSV_H

#include "src/base/text.h"

struct record;

/* The names of the columns: those of the JSON, flattened. */
void csv_print_head(struct text *text);
void csv_print_record(const struct record *record, struct text *text);

#endif
