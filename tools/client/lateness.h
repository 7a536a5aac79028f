/* SPDX-License-Identifier: GPL-2.0-only */
/* How much later than it happened this program, which has one thread, may see something. */
#ifndef SHUTWATCH_CLIENT_LATENESS_H
#define SHUTWATCH_CLIENT_LATENESS_H

#include <stdint.h>

struct lateness {
	int fd;		     /* of schedstat; -1: the kernel does not tell */
	uint64_t busy_ns;    /* of the thread, when it last asked what has happened */
	uint64_t backlog_ns; /* how long it had not asked before that */
	uint64_t asked_ns;
};

void lateness_init(struct lateness *lateness);
void lateness_fini(struct lateness *lateness);

/* The thread has just been told what has happened (epoll). */
void lateness_asked(struct lateness *lateness);

/*
 * What it was told then happened at most so many ns ago: the time for which it worked, or waited
 * for a processor, since it had asked before. 0: not known.
 */
uint64_t lateness_now(const struct lateness *lateness);

#endif
