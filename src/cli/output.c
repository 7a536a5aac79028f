// SPDX-License-Identifier: GPL-2.0-only
/* Owns one open file and the name of its temporary stand-in. */
#include "src/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"

static int open_directly(const char *path, struct output *ret_output)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return -errno;
	ret_output->file = fdopen(fd, "w");
	if (!ret_output->file)
		return -errno;
	TAKE_FD(fd);
	return 0;
}

static int open_beside(const char *path, struct output *ret_output)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;
	mode_t mask = umask(0);

	umask(mask);
	if (asprintf(&name, "%s.XXXXXX", path) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fchmod(fd, 0666 & ~mask))
		ret_output->file = fdopen(fd, "w");
	if (!ret_output->file) {
		int err = -errno;

		unlink(name);
		return err;
	}
	TAKE_FD(fd);
	ret_output->temporary = TAKE_PTR(name);
	return 0;
}

int output_open(const char *path, struct output *ret_output)
{
	struct output output = { .path = path };
	struct stat status;
	int err;

	if (!stat(path, &status) && S_ISDIR(status.st_mode))
		return -EISDIR;
	/* A symbolic link stays one: what it points to is written. */
	if (!lstat(path, &status) && !S_ISREG(status.st_mode))
		err = open_directly(path, &output);
	else
		err = open_beside(path, &output);
	if (!err)
		*ret_output = output;
	return err;
}

int output_commit(struct output *output, const char *text)
{
	int err = fputs(text, output->file) < 0 ? -errno : 0;

	if (fclose(TAKE_PTR(output->file)) && !err)
		err = -errno;
	if (!err && output->temporary && rename(output->temporary, output->path))
		err = -errno;
	if (!err) {
		free(output->temporary);
		output->temporary = NULL;
	}
	output_abandon(output);
	return err;
}

void output_abandon(struct output *output)
{
	if (output->file)
		fclose(output->file);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
	memset(output, 0, sizeof(*output));
}
