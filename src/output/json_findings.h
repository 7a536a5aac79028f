/* SPDX-License-Identifier: GPL-2.0-only */
/* The younger half of the record's JSON: what was wrong, and what its threads waited for. */
#ifndef SHUTWATCH_JSON_FINDINGS_H
#define SHUTWATCH_JSON_FINDINGS_H

#include <jansson.h>

#include "src/analysis/record.h"

/* New references; NULL when memory ran out. */
json_t *json_of_findings(const struct record *record);
/* null: nobody looked. */
json_t *json_of_waits(const struct record *record);

#endif
