/* SPDX-License-Identifier: GPL-2.0-only */
/* The audit of one service, as text and as JSON. */
#ifndef SHUTWATCH_OUTPUT_AUDIT_H
#define SHUTWATCH_OUTPUT_AUDIT_H

#include "src/analysis/audit.h"
#include "src/output/style.h"

#define AUDIT_SCHEMA "shutwatch.audit/1"

/* A block: the prediction first, then what it rests on. Strangers' strings are made safe. */
void audit_print(const struct audit *audit, const struct report_style *style, struct text *text);

/* The first sentence of it alone. */
void audit_print_headline(const struct audit *audit, const struct report_style *style,
			  struct text *text);

/* One line of JSON, without its end. Owned by the caller; NULL if memory ran out. */
char *json_from_audit(const struct audit *audit);

#endif
