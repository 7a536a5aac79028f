/* SPDX-License-Identifier: GPL-2.0-only */
/* Which well-known program a running process is, by what /proc shows of it. */
#ifndef SHUTWATCH_RECOGNISE_H
#define SHUTWATCH_RECOGNISE_H

#include <stdint.h>

#include "src/analysis/program.h"

/* Returns 0, or -ESRCH: it has ended. ret_program may be PROGRAM_UNKNOWN. */
int recognise(uint32_t pid, enum program *ret_program);

/* By the path of its executable in our mount namespace alone: of a process that is gone. */
enum program recognise_file(const char *exe);

#endif
