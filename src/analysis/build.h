/* SPDX-License-Identifier: GPL-2.0-only */
/* A shutdown that has ended -> its record. */
#ifndef SHUTWATCH_BUILD_H
#define SHUTWATCH_BUILD_H

#include "src/analysis/record.h"
#include "src/model/host.h"
#include "src/model/shutdown.h"

/*
 * Fills the record; the caller frees it with record_fini(). Returns 0; -ENOMEM: the record is
 * empty, but may be passed to record_fini().
 */
int record_build(const struct shutdown *shutdown, const struct host *host,
		 struct record *ret_record);

#endif
