// SPDX-License-Identifier: GPL-2.0-only
/* Owns the lock file. It holds the pid of the daemon, for people; flock(2) is what counts. */
#include "src/cli/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

static int complain_locked(const struct runtime *runtime)
{
	char pid[16] = "";
	ssize_t size = pread(runtime->lock_fd, pid, sizeof(pid) - 1, 0);

	pid[size > 0 ? size : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	log_error("another daemon%s%s holds the pins and %s", pid[0] ? ", pid " : "", pid,
		  runtime->directory);
	return -EBUSY;
}

static int take_lock(struct runtime *runtime)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/lock", runtime->directory) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	runtime->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (runtime->lock_fd < 0)
		return -errno;
	if (flock(runtime->lock_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? complain_locked(runtime) : -errno;
	if (ftruncate(runtime->lock_fd, 0) || dprintf(runtime->lock_fd, "%d\n", (int)getpid()) < 0)
		return -errno;
	return 0;
}

int runtime_open(const char *directory, struct runtime *ret_runtime)
{
	int err;

	*ret_runtime = (struct runtime){ .directory = strdup(directory), .lock_fd = -1 };
	if (!ret_runtime->directory ||
	    asprintf(&ret_runtime->journal, "%s/journal", directory) < 0) {
		ret_runtime->journal = NULL;
		return -ENOMEM;
	}
	err = mkdir(directory, 0750) && errno != EEXIST ? -errno : take_lock(ret_runtime);
	if (err && err != -EBUSY)
		log_error("cannot use %s: %s", directory, strerror(-err));
	return err;
}

void runtime_fini(struct runtime *runtime)
{
	if (runtime->lock_fd >= 0)
		close(runtime->lock_fd);
	free(runtime->directory);
	free(runtime->journal);
	*runtime = (struct runtime){ .lock_fd = -1 };
}
