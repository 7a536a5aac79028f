/* SPDX-License-Identifier: GPL-2.0-only */
/* What to change, in this program and where it runs, with a value computed from a measurement. */
#ifndef SHUTWATCH_ADVICE_H
#define SHUTWATCH_ADVICE_H

#include <stdint.h>

#include "src/analysis/findings.h"
#include "src/analysis/program.h"

/*
 * For one finding of that row: what is to be changed in the program (the row's own text if it is
 * not known), then in the unit, container or pod that the service runs in. `signal` is the one that
 * stops it, 0 if there is none: nobody is told to send what was sent. `ns` is the time that values
 * are computed from; TIME_UNKNOWN: texts that need one are left out. Owned by the caller; NULL if
 * memory ran out.
 */
char *advice_of(const struct finding_row *row, enum program program,
		const struct record_service *service, int signal, int64_t ns);

#endif
