// SPDX-License-Identifier: GPL-2.0-only
/* Owns nothing: files are in memory and gone when a call returns; stderr is put back. */
#include "tests/unit/loading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"

char said[SAID_BYTES];

int load(const char *path, struct config *ret_config)
{
	_cleanup_close_ int kept = dup(STDERR_FILENO);
	_cleanup_close_ int log = memfd_create("log", MFD_CLOEXEC);
	ssize_t size;
	int err;

	assert_true(kept >= 0 && log >= 0);
	assert_true(dup2(log, STDERR_FILENO) >= 0);
	err = config_load(path, ret_config);
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	size = pread(log, said, sizeof(said) - 1, 0);
	assert_true(size >= 0);
	said[size] = '\0';
	return err;
}

int load_bytes(const char *text, size_t size, struct config *ret_config,
	       char ret_name[LOADED_NAME_BYTES])
{
	_cleanup_close_ int fd = memfd_create("config", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(write(fd, text, size) == (ssize_t)size);
	snprintf(ret_name, LOADED_NAME_BYTES, "/proc/self/fd/%d", fd);
	return load(ret_name, ret_config);
}

int load_text(const char *text, struct config *ret_config)
{
	char name[LOADED_NAME_BYTES];

	return load_bytes(text, strlen(text), ret_config, name);
}
