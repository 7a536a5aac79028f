/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel offers, hook by hook, found out by loading each program alone. */
#ifndef SHUTWATCH_FEATURES_H
#define SHUTWATCH_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct feature {
	const char *program; /* in bpf/ */
	const char *hook;
	bool is_required;
	const char *lost; /* what shutwatch cannot tell without it */
	int error;	  /* 0: available; else what loading or attaching returned, negative */
};

/*
 * Tries every program. ret_features: a static table, filled anew by each call. Returns how many
 * required ones are missing.
 */
size_t features_probe(const struct feature **ret_features, size_t *ret_count);

/* Says this error of loading something about us at that moment, and nothing about the kernel? */
bool feature_error_is_ours(int err);

/* Is this an optional program that this kernel does not take? */
bool feature_is_missing(const char *program);

#endif
