/* SPDX-License-Identifier: GPL-2.0-only */
/* One line on stderr for a person: what failed, on what, why, and what happens next. */
#ifndef SHUTWATCH_LOG_H
#define SHUTWATCH_LOG_H

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
