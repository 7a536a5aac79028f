/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of advice, for advice.c only. */
#ifndef SHUTWATCH_ADVICE_TEXTS_H
#define SHUTWATCH_ADVICE_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include "src/analysis/program.h"

/*
 * Stand in a text for whole seconds: above the measured time; well within what there is until
 * somebody kills it, or at least what it took ("N", where nothing is known of either, or it is too
 * short); above the measured time and a grace period that was too short. A text that cannot be
 * filled is not given.
 */
#define ADVICE_AT_LEAST "{at least}"
#define ADVICE_WITHIN "{within}"
#define ADVICE_MORE_GRACE "{more grace}"
/* And for the name of the stop signal. */
#define ADVICE_SIGNAL "{signal}"

/* The innermost of what starts and stops the service. */
enum advice_place { ADVICE_ANYWHERE, ADVICE_IN_UNIT, ADVICE_IN_CONTAINER, ADVICE_IN_POD };

struct advice_text {
	const char *ids;      /* of findings, with blanks between them */
	enum program program; /* PROGRAM_UNKNOWN: any that has no row of its own */
	enum advice_place place;
	const char *text; /* whole sentences */
	uint64_t unless;  /* bits of signals: not for a service that is stopped by one of them */
};

const struct advice_text *advice_texts(size_t *ret_count);

#endif
