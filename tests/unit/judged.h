/* SPDX-License-Identifier: GPL-2.0-only */
/* Records for the tests of the findings, and what was found in them. */
#ifndef SHUTWATCH_JUDGED_H
#define SHUTWATCH_JUDGED_H

#include "src/analysis/findings.h"
#include "tests/unit/fixtures.h"

#define JUDGED_PID 812

/*
 * A stop that went well: systemd's SIGTERM at T0, taken by the handler of one process of that
 * program (JUDGED_PID), which closed its listener on port 8000 and ended 100 ms later. Free with
 * fixture_free().
 */
struct record *judged_clean(enum program program);

/* The one process of judged_clean(), and its signal. */
struct record_process *judged_process(struct record *record);
struct record_signal *judged_signal(struct record *record);

/* A child of it that nobody told anything; it lives on. */
struct record_process *judged_child(struct record *record, uint32_t pid, const char *comm);

/* SIGKILL from outside, and the end by it a millisecond later. */
struct record_signal *judged_kill(struct record_process *process, int64_t at_ns);

/* Counts inbound connections that left so, and tells the details of the first. */
struct record_connection *judged_inbound(struct record *record, enum connection_outcome outcome,
					 uint64_t count);
struct record_connection *judged_outbound(struct record *record, enum connection_outcome outcome,
					  uint64_t count);

/* Looks for findings; the result is valid until the next call for that record. NULL: none. */
const struct finding *judged_find(struct record *record, const char *id);

/* It fires, with exactly this summary, and with this somewhere in the advice. */
const struct finding *assert_fires(struct record *record, const char *id, const char *summary,
				   const char *advice);
void assert_silent(struct record *record, const char *id);
/* No error, no warning; what is good to know may be there. */
void assert_nothing_wrong(struct record *record);

/* Of the finding; fail if it has no such key. */
int64_t judged_number(const struct finding *finding, const char *key);
const char *judged_text(const struct finding *finding, const char *key);

#endif
