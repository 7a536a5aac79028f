/* SPDX-License-Identifier: GPL-2.0-only */
/* A command that is created first and started later, when it is watched. */
#ifndef SHUTWATCH_CHILD_H
#define SHUTWATCH_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;	/* 0: none */
	int start_fd;	/* closing or writing it lets the command start */
	int failure_fd; /* errno of a failed exec, or end of file */
	bool has_ended;
	int status; /* as wait(2) reports it */
};

/*
 * Forks. The child waits for child_start() and then becomes the command, with the given signal
 * mask and with SIGPIPE as it was for us. Returns 0 or -errno.
 */
int child_create(char **command, const sigset_t *mask, bool is_sigpipe_ignored,
		 struct child *ret_child);
/* Lets it start. Returns 0, or the negative errno of exec: then it has ended. */
int child_start(struct child *child);
/* Has it ended? Collects its status. */
bool child_reap(struct child *child);
/* It never started: ends it and waits. */
void child_discard(struct child *child);
/* As a shell gives it: its code, or 128 plus the signal. */
int child_shell_status(const struct child *child);

#endif
