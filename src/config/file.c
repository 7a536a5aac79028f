// SPDX-License-Identifier: GPL-2.0-only
/* Reads a small file in one go. Owns the descriptor for as long as that takes. */
#include "src/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

static int unreadable(const char *path, int err)
{
	log_error("cannot read %s: %s", path, strerror(err));
	return -err;
}

/* What is there, at most `size` bytes. */
static ssize_t read_whole(int fd, char *text, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, text + done, size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_size)
{
	/* O_NONBLOCK: opening a FIFO would wait for a writer. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *text = NULL;
	struct stat status;
	ssize_t size;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : unreadable(path, errno);
	if (fstat(fd, &status))
		return unreadable(path, errno);
	if (!S_ISREG(status.st_mode)) {
		log_error("cannot read %s: this is no regular file", path);
		return -EINVAL;
	}
	text = malloc(max + 1);
	if (!text)
		return -ENOMEM;
	size = read_whole(fd, text, max + 1);
	if (size < 0)
		return unreadable(path, (int)-size);
	if ((size_t)size > max) {
		log_error("cannot read %s: it is larger than %zu bytes", path, max);
		return -EFBIG;
	}
	*ret_text = TAKE_PTR(text);
	*ret_size = (size_t)size;
	return 0;
}
