/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which signals to shutwatch are passed on to the command, and when.
 *
 * A signal of the terminal reached the command as well; so did one sent to the process group
 * (as timeout(1) and job control do). Neither may reach it twice: a second SIGINT makes many
 * servers drop everything. So a signal waits for a moment, and is passed on only if the kernel
 * has not reported the same signal from the same sender at the command.
 */
#ifndef SHUTWATCH_FORWARD_H
#define SHUTWATCH_FORWARD_H

#include <sys/signalfd.h>
#include <sys/types.h>

#include "src/capture/session.h"

#define FORWARD_MAX 16

struct forward_waiting {
	int signal;
	uint32_t sender_pid;
	uint64_t since_ns; /* a copy at the command counts from here on */
	uint64_t due_ns;
};

struct forward {
	int timer_fd;
	struct forward_waiting waiting[FORWARD_MAX];
	size_t count;
};

/* Returns 0 or -errno. */
int forward_init(struct forward *forward);
void forward_fini(struct forward *forward);

/* A signal was read from the signalfd. */
void forward_note(struct forward *forward, const struct signalfd_siginfo *info);
/* The timer is readable: passes on what is due. The session has seen all events so far. */
void forward_due(struct forward *forward, const struct session *session, pid_t command);

#endif
