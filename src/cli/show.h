/* SPDX-License-Identifier: GPL-2.0-only */
/* A shutdown -> its record; a record -> a report or a line of JSON, on a stream. */
#ifndef SHUTWATCH_SHOW_H
#define SHUTWATCH_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#include "src/analysis/record.h"
#include "src/model/host.h"
#include "src/model/shutdown.h"
#include "src/output/style.h"

/*
 * The record of a shutdown, freed by the caller with record_fini(). Returns 1; 0: there is nothing
 * to report (a child that came and went), and nothing to free; -ENOMEM.
 */
int show_build(const struct shutdown *shutdown, const struct host *host, struct record *ret_record);

/*
 * The text to print, owned by the caller: a report in the style that `stream` can show, or one
 * line of JSON. NULL: no memory.
 */
char *show_record(const struct record *record, bool is_json, FILE *stream);

/* What `stream` can show. */
struct report_style show_style(FILE *stream);

/* Writes and flushes. Returns 0, or -errno after a line in the log (a closed pipe). */
int show_write(FILE *stream, const char *text);

#endif
