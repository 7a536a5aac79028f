/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with a shutdown, why we say so, and what to change. findings.h makes them; the
 * record carries them; every view shows them.
 */
#ifndef SHUTWATCH_FINDING_H
#define SHUTWATCH_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In JSON "info", "warning", "error"; the values are stored: never renumber. */
enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };
#define SEVERITIES (SEVERITY_ERROR + 1)

enum evidence_kind {
	EVIDENCE_COUNT,	  /* connections, processes, bytes: JSON integer */
	EVIDENCE_SECONDS, /* ns in memory, seconds in JSON; the key ends in _s */
	EVIDENCE_TEXT,
};

#define EVIDENCE_MAX 8
#define EVIDENCE_TEXT_BYTES 128

struct evidence {
	const char *key; /* lower_case, static */
	enum evidence_kind kind;
	int64_t number;
	char text[EVIDENCE_TEXT_BYTES];
};

struct finding_row;

struct finding {
	const struct finding_row *row; /* its id, severity and general text */
	char *summary;		       /* one sentence with the measured numbers; UTF-8, hostile
					* names in it are as they came: views escape */
	char *advice;		       /* what to change, for this very program */
	bool has_failed;	       /* for lack of memory: it is not whole */
	struct evidence evidence[EVIDENCE_MAX];
	size_t n_evidence;
};

/* Its own advice, which it takes over, in place of that of its row. NULL: no memory. */
void finding_set_advice(struct finding *finding, char *advice);

/* Frees what it holds. */
void finding_fini(struct finding *finding);

const char *severity_name(enum severity severity);
/* "error" -> SEVERITY_ERROR. Returns 0 or -EINVAL. */
int severity_from_name(const char *name, enum severity *ret_severity);

#endif
