// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of /proc/PID, whatever they hold: each one of PID 4294967295 has the input for its content.
 * Linked with --wrap for what opens them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/events.h"
#include "src/capture/disposition.h"
#include "src/capture/elf.h"
#include "src/capture/procfs.h"
#include "tests/fuzz/fuzz.h"

#define PID UINT32_MAX
#define FOLDER "/proc/4294967295/"

int __real_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
ssize_t __real_readlink(const char *path, char *buffer, size_t size);
ssize_t __wrap_readlink(const char *path, char *buffer, size_t size);

static const uint8_t *input;
static size_t input_size;

static const char *redirect(const char *path)
{
	return strncmp(path, FOLDER, strlen(FOLDER)) ? path : fuzz_file(input, input_size);
}

int __wrap_open(const char *path, int flags, int mode)
{
	return __real_open(redirect(path), flags, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return __real_fopen(redirect(path), mode);
}

ssize_t __wrap_readlink(const char *path, char *buffer, size_t size)
{
	size_t length = input_size < size ? input_size : size;

	if (strncmp(path, FOLDER, strlen(FOLDER)))
		return __real_readlink(path, buffer, size);
	memcpy(buffer, input, length);
	return (ssize_t)length;
}

/* Each size in turn, the smallest too, in a buffer of just that size. */
static void read_texts(size_t size)
{
	char *buffer = malloc(size);

	fuzz_require(buffer);
	if (procfs_exe(PID, buffer, size) == 0)
		fuzz_require(memchr(buffer, 0, size));
	if (procfs_comm(PID, buffer, size) == 0)
		fuzz_require(memchr(buffer, 0, size));
	if (procfs_arguments(PID, buffer, size) == 0)
		fuzz_require(memchr(buffer, 0, size));
	if (procfs_command_line(PID, buffer, size) > 0)
		fuzz_require(memchr(buffer, 0, size));
	if (procfs_cgroup(PID, buffer, size) == 0)
		fuzz_require(memchr(buffer, 0, size));
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct signal_masks masks;

	input = data;
	input_size = size;
	read_texts(2);
	read_texts(COMM_BYTES + 1);
	read_texts(PATH_BYTES);
	procfs_parent(PID);
	elf_is_go(PID);
	signal_masks_parse(text, &masks);
	free(text);
	return 0;
}
