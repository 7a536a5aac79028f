/* SPDX-License-Identifier: GPL-2.0-only */
/* What to change, in this program and where it runs, with a value computed from a measurement. */
#ifndef SHUTWATCH_ADVICE_H
#define SHUTWATCH_ADVICE_H

#include <stdint.h>

#include "src/analysis/findings.h"
#include "src/analysis/program.h"

/* How the service is stopped, and how long what is to be changed took. */
struct advice_stop {
	int signal;	   /* 0: none. Nobody is told to send what was sent */
	int64_t ns;	   /* that values are computed from; TIME_UNKNOWN: no text that needs one */
	int64_t grace_ns;  /* that it is configured to have; TIME_UNKNOWN */
	int64_t killed_ns; /* when somebody lost patience: killed it, or told it once more;
			    * TIME_UNKNOWN: nobody did */
};

/*
 * For one finding of that row: what is to be changed in the program (the row's own text if it is
 * not known), then in the unit, container or pod that the service runs in. Owned by the caller;
 * NULL if memory ran out.
 */
char *advice_of(const struct finding_row *row, enum program program,
		const struct record_service *service, const struct advice_stop *stop);

#endif
