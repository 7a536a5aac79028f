// SPDX-License-Identifier: GPL-2.0-only
/* Owns a child process and the two pipes by which it is let go. */
#include "src/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/cli/status.h"

static _Noreturn void become(char **command, const sigset_t *mask, bool is_sigpipe_ignored,
			     int start_fd, int failure_fd)
{
	char go;
	int err;
	ssize_t got;

	do
		got = read(start_fd, &go, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(STATUS_FAILED); /* shutwatch is gone, or thought better of it */
	if (!is_sigpipe_ignored)
		signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	err = errno;
	if (write(failure_fd, &err, sizeof(err)) < 0)
		_exit(STATUS_FAILED);
	_exit(err == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

int child_create(char **command, const sigset_t *mask, bool is_sigpipe_ignored,
		 struct child *ret_child)
{
	int start[2], failure[2];
	pid_t pid;

	if (pipe2(start, O_CLOEXEC))
		return -errno;
	if (pipe2(failure, O_CLOEXEC)) {
		close(start[0]);
		close(start[1]);
		return -errno;
	}
	pid = fork();
	if (pid == 0) {
		close(start[1]);
		close(failure[0]);
		become(command, mask, is_sigpipe_ignored, start[0], failure[1]);
	}
	close(start[0]);
	close(failure[1]);
	if (pid < 0) {
		close(start[1]);
		close(failure[0]);
		return -errno;
	}
	*ret_child = (struct child){ .pid = pid, .start_fd = start[1], .failure_fd = failure[0] };
	return 0;
}

int child_start(struct child *child)
{
	int err = 0;
	ssize_t got;

	if (write(child->start_fd, "g", 1) != 1)
		err = -errno;
	close(child->start_fd);
	child->start_fd = -1;
	do
		got = read(child->failure_fd, &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	close(child->failure_fd);
	child->failure_fd = -1;
	if (got != sizeof(err))
		return err; /* end of file: exec closed the pipe */
	waitpid(child->pid, &child->status, 0);
	child->has_ended = true;
	return -err;
}

bool child_reap(struct child *child)
{
	if (!child->has_ended && waitpid(child->pid, &child->status, WNOHANG) == child->pid)
		child->has_ended = true;
	return child->has_ended;
}

void child_discard(struct child *child)
{
	if (!child->pid || child->has_ended)
		return;
	if (child->start_fd >= 0)
		close(child->start_fd); /* end of file: it exits by itself */
	if (child->failure_fd >= 0)
		close(child->failure_fd);
	waitpid(child->pid, &child->status, 0);
	child->has_ended = true;
}

int child_shell_status(const struct child *child)
{
	if (WIFSIGNALED(child->status))
		return STATUS_SIGNALLED + WTERMSIG(child->status);
	return WEXITSTATUS(child->status);
}
