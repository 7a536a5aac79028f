/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One line on stderr per message: what failed, on what, why, and what happens next. Plain lines
 * for the person at a terminal; logfmt or JSON for the daemon, each with ts, level and msg. All of
 * it may be called by any thread, keeps errno, and makes a stranger's bytes harmless.
 */
#ifndef SHUTWATCH_LOG_H
#define SHUTWATCH_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_format {
	LOG_PLAIN,  /* "shutwatch: message"; waits for a slow reader of stderr */
	LOG_LOGFMT, /* ts=2026-01-02T03:04:05.678Z level=info msg="message" key=value */
	LOG_JSON,   /* the same as one object */
};

/*
 * Once, before there are threads. From then on a line of LOG_LOGFMT or LOG_JSON that stderr does
 * not take at once is dropped and counted: a reader that hangs never stops the daemon.
 */
void log_set_format(enum log_format format);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct log_field {
	const char *key;   /* ours: a plain word */
	const char *value; /* NULL: null in JSON, left out elsewhere */
	bool is_number;	   /* in JSON without quotes, if it is one */
};

/*
 * A structured line of level info: `log_event("shutdown", (struct log_field[]){ { "id", id },
 * { "drain_s", "1.5", true }, {} })`. The fields end with an empty one. What makes the line
 * longer than 4096 bytes (PIPE_BUF: it is written whole or not at all) is cut or left out.
 */
void log_event(const char *message, const struct log_field *fields);

/* Lines that were dropped so far. */
uint64_t log_dropped(void);

#endif
