/* SPDX-License-Identifier: GPL-2.0-only */
/* The lists of the file. Both return 0, -EINVAL after a log line, or -ENOMEM. */
#ifndef SHUTWATCH_SERVICES_H
#define SHUTWATCH_SERVICES_H

#include "src/capture/roster.h"
#include "src/capture/rules.h"
#include "src/config/outline.h"
#include "src/config/schema.h"

/* Appends a selector for each; they point into `said`. `key` is that of the list. */
int read_selectors(const struct outline *outline, const char *key, const struct said_selector *said,
		   size_t count, struct selectors *selectors);

/* Appends a rule for each of the services; rules_fini() frees, after a failure too. */
int read_rules(const struct outline *outline, const struct said *said, struct service_rules *rules);

#endif
