/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel offers, hook by hook, found out by loading each program alone. */
#ifndef SHUTWATCH_FEATURES_H
#define SHUTWATCH_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

enum feature_state {
	FEATURE_AVAILABLE,
	FEATURE_PARTIAL, /* it loads, and does not tell all: see `lost` */
	FEATURE_MISSING,
	FEATURE_NOT_NEEDED /* a substitute, and what it stands in for is whole */
};

struct feature {
	const char *program; /* in bpf/ */
	const char *hook;
	bool is_required;
	const char *lost; /* what shutwatch cannot tell without it */
	int error;	  /* MISSING: what loading or attaching returned, negative */
	enum feature_state state;
};

/*
 * Tries every program. ret_features: a static table, filled anew by each call. Returns how many
 * required ones are missing.
 */
size_t features_probe(const struct feature **ret_features, size_t *ret_count);

/* "available", …: the word of a state. */
const char *feature_state_name(enum feature_state state);

/* Says this error of loading something about us at that moment, and nothing about the kernel? */
bool feature_error_is_ours(int err);

/* Is this an optional program that this kernel does not take? */
bool feature_is_missing(const char *program);

/* How the resets that a service's host sends are seen here. */
enum reset_view {
	RESETS_BY_TRACEPOINT, /* all */
	RESETS_BY_FUNCTIONS,  /* all: the tracepoint is partial, its substitutes are available */
	RESETS_OF_SOCKETS     /* no refused connections, no late data after TIME_WAIT */
};

enum reset_view features_reset_view(void);

#endif
