/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a shutdown must not come to: "aborted>0, drain>10s, outcome!=clean, finding:requests_cut".
 *
 * A condition is one comparison over a record, and holds or does not. What is unknown (null in
 * JSON) never holds, whatever the operator; but of a service that has not stopped, a time that has
 * begun and not ended is more than any: total; first_action; accepting, while it listens;
 * in_flight_time, while a request of T0 has no answer; drain, while connections are open; cleanup,
 * when it neither listens nor has any; react, while a handler is to take the signal. Where the
 * signal is blocked, ignored or has no handler, react is unknown.
 */
#ifndef SHUTWATCH_CONDITION_H
#define SHUTWATCH_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/analysis/record.h"
#include "src/base/text.h"

enum condition_kind {
	CONDITION_OUTCOME,  /* value: enum verdict */
	CONDITION_COMPLETE, /* value: 0, 1 */
	CONDITION_SEVERITY, /* of the most severe finding; unknown without one */
	CONDITION_COUNT,    /* of connections; unknown where they cannot be told */
	CONDITION_TIME,	    /* nanoseconds */
	CONDITION_FINDING,  /* holds when it is there; no operator */
};

enum condition_operator {
	OPERATOR_MORE,
	OPERATOR_AT_LEAST,
	OPERATOR_LESS,
	OPERATOR_AT_MOST,
	OPERATOR_EQUAL,
	OPERATOR_UNEQUAL,
};

struct finding_row;

struct condition {
	char *text;	    /* as it was written, without spaces: plain ASCII */
	size_t name_length; /* of its first part, the name of the field */
	enum condition_kind kind;
	enum condition_operator comparison;
	size_t offset;		       /* of a count or time in struct record */
	uint64_t value;		       /* to compare with */
	const struct finding_row *row; /* of CONDITION_FINDING */
};

struct conditions {
	struct condition *items;
	size_t count;
	size_t capacity;
};

/*
 * Appends what `expression` says: comparisons joined by commas, spaces allowed. Returns 0;
 * -EINVAL: *ret_wrong says which part is wrong and what is known, safe for a terminal, owned by
 * the caller, NULL if memory ran out; -ENOMEM. On failure nothing was appended.
 */
int conditions_parse(const char *expression, struct conditions *conditions, char **ret_wrong);

/* Frees what it holds; zeroed is fine. */
void conditions_fini(struct conditions *conditions);

/* Does it rest on resets without a socket, which refuse a connection? Not all kernels tell them. */
bool condition_is_of_resets(const struct condition *condition);

bool condition_holds(const struct condition *condition, const struct record *record);

/* Adds "aborted>0 (aborted is 2)", or the finding's sentence in brackets; safe for a terminal. */
void condition_tell(const struct condition *condition, const struct record *record,
		    struct text *text);

#endif
