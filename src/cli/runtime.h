/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's runtime directory: the lock that makes it the only one, and the journal. */
#ifndef SHUTWATCH_RUNTIME_H
#define SHUTWATCH_RUNTIME_H

#include <stdint.h>

struct runtime {
	char *directory;
	char *journal;
	int lock_fd;
};

/*
 * Makes the directory (0750) and takes the lock, for as long as this process lives. Returns 0;
 * -EBUSY: another daemon has it; else -errno; after a log line. runtime_fini() in any case.
 */
int runtime_open(const char *directory, struct runtime *ret_runtime);
void runtime_fini(struct runtime *runtime);

#endif
