/* SPDX-License-Identifier: GPL-2.0-only */
/* The CI gate: --fail-on judges each record, --junit keeps what came of it. */
#ifndef SHUTWATCH_GATE_H
#define SHUTWATCH_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "src/analysis/record.h"
#include "src/base/text.h"
#include "src/cli/options.h"
#include "src/cli/output.h"
#include "src/output/junit.h"

struct gate {
	const struct conditions *conditions; /* the caller's */
	struct output output;		     /* open if --junit was given */
	struct junit junit;
	struct text told; /* "failed: …" lines that were not printed yet */
	uint64_t records;
	bool has_failed;
};

/*
 * Opens the file of --junit, before anything is started. Returns 0, or -errno after a line in the
 * log. `ret_gate` may go to gate_fini() either way.
 */
int gate_open(const struct options *options, struct gate *ret_gate);

/* Says which conditions can never hold if the kernel does not tell all resets. */
void gate_warn(const struct gate *gate, bool sees_all_resets);

void gate_judge(struct gate *gate, const struct record *record);

/* Prints what was judged since, to stderr. */
void gate_tell(struct gate *gate);

/*
 * All records are there: tells, writes the file, and returns the exit status: `status`,
 * STATUS_GATE if a condition held, STATUS_FAILED if the file cannot be written or, where `status`
 * is STATUS_OK, if there was no record to judge.
 */
int gate_close(struct gate *gate, int status);

void gate_fini(struct gate *gate);

#endif
