/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long systemd lets a unit stop before it kills it: TimeoutStopSec=, asked of systemd itself
 * while the unit stops. Nobody waits for the answer.
 */
#ifndef SHUTWATCH_GRACE_H
#define SHUTWATCH_GRACE_H

#include <stdint.h>

struct graces;

/* The answer to graces_ask(): never 0, and not called where there is no limit. 0 or -errno. */
typedef int (*grace_sink)(void *context, uint64_t generation, uint64_t grace_ns);

struct grace_options {
	const char *address; /* D-Bus address of systemd's private socket; the caller's */
	int epoll_fd;	     /* readable when graces_hear() has work; the caller's */
	grace_sink sink;
	void *context;
};

/* NULL: out of memory. */
struct graces *graces_new(const struct grace_options *options);
void graces_free(struct graces *graces);

/*
 * Asks about a unit of this host's systemd. Sends at most, never waits. Returns 0 or -errno:
 * -EAGAIN: systemd failed to answer less than a minute before now_ns (CLOCK_BOOTTIME); -EBUSY: too
 * many questions are open.
 */
int graces_ask(struct graces *graces, const char *unit, uint64_t generation, uint64_t now_ns);
/*
 * Takes the answers that are there; gives up on those overdue. Returns 0, or the first error of the
 * sink.
 */
int graces_hear(struct graces *graces, uint64_t now_ns);

#endif
