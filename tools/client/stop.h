/* SPDX-License-Identifier: GPL-2.0-only */
/* The process that is told to stop, once its clients are in their states. */
#ifndef SHUTWATCH_CLIENT_STOP_H
#define SHUTWATCH_CLIENT_STOP_H

#include <stdint.h>

struct stop {
	int pidfd;	/* -1: nobody is to be told, or it was told */
	uint64_t at_ns; /* TIME_NEVER: not yet known */
};

/* pid 0: nobody. Returns 0 or -errno (-ESRCH: no such process). */
int stop_init(struct stop *stop, uint64_t pid);

/* Sends SIGTERM, once. Says so if it cannot. */
void stop_send(struct stop *stop);

#endif
