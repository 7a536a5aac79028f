/* SPDX-License-Identifier: GPL-2.0-only */
/* What a client accepts (RFC 9110, 12.5): which exposition format, and whether gzip. */
#ifndef SHUTWATCH_NEGOTIATE_H
#define SHUTWATCH_NEGOTIATE_H

#include <stdbool.h>

#define NEGOTIATE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define NEGOTIATE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/*
 * Does the client like OpenMetrics 1.0.0 better than the text format 0.0.4? A tie, nothing
 * acceptable and no header (NULL) are all answered with text, as Prometheus' own libraries do.
 */
bool negotiate_openmetrics(const char *accept);

/* Is gzip acceptable? NULL: it is not. */
bool negotiate_gzip(const char *accept_encoding);

#endif
