/* SPDX-License-Identifier: GPL-2.0-only */
/* The facts of every running service, for the audit. Sends nothing, changes nothing. */
#ifndef SHUTWATCH_INSPECT_H
#define SHUTWATCH_INSPECT_H

#include "src/analysis/audit.h"
#include "src/capture/roster.h"

struct inspection {
	struct audit *audits;
	size_t n_audits;
	const struct selector *unmatched; /* the first target that is not there; NULL: all are */
};

/*
 * Looks at the targets, or at every service that listens; signal: what would be sent to them, 0:
 * what their units say, else TERM. Predicts nothing. Returns 0; -EACCES: the programs could not be
 * loaded, the log says why; or -errno. inspection_fini() in any case.
 */
int inspection_take(const struct selectors *selectors, int signal,
		    struct inspection *ret_inspection);
void inspection_fini(struct inspection *inspection);

#endif
