/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of the connections, in a service owner's words. */
#ifndef SHUTWATCH_CONNECTIONS_H
#define SHUTWATCH_CONNECTIONS_H

#include "src/analysis/record.h"
#include "src/output/style.h"

/* Appends the sums by outcome; nothing when there was nothing to count. */
void connections_print(const struct record *record, const struct report_style *style,
		       struct text *text);

/* Appends the ten most telling connections; nothing when there are none. */
void connections_print_details(const struct record *record, const struct report_style *style,
			       struct text *text);

#endif
