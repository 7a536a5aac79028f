/* SPDX-License-Identifier: GPL-2.0-only */
/* The record as JSON: the public contract, schema "shutwatch.shutdown/1". */
#ifndef SHUTWATCH_JSON_H
#define SHUTWATCH_JSON_H

#include <stdbool.h>

struct record;

/*
 * One object, without a line feed at its end; on one line unless `is_indented`. The same record
 * always gives the same bytes. Owned by the caller; NULL if memory ran out.
 */
char *json_from_record(const struct record *record, bool is_indented);

#endif
