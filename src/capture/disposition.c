// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads masks, threads and descriptors of one process; changes nothing. Everything may be gone
 * between two reads: what is missing then counts as "does not".
 */
#include "src/capture/disposition.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "src/base/cleanup.h"

#define STATUS_BYTES 16384 /* lists of groups and of processors are long */
#define THREADS_MAX 4096

static const char *line_of(const char *text, const char *name)
{
	size_t size = strlen(name);

	while (text && strncmp(text, name, size) != 0) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text ? text + size : NULL;
}

static bool read_mask(const char *text, const char *name, uint64_t *ret_mask)
{
	const char *line = line_of(text, name);

	return line && sscanf(line, " %16" SCNx64, ret_mask) == 1;
}

/* The innermost namespace stands last. */
static uint32_t last_number(const char *line)
{
	unsigned int number = 0;
	int used;

	while (line && sscanf(line, "%*[\t ]%u%n", &number, &used) == 1)
		line += used;
	return number;
}

int signal_masks_parse(const char *text, struct signal_masks *ret_masks)
{
	struct signal_masks masks = {};
	const char *group = line_of(text, "NSpgid:");
	const char *run_state = line_of(text, "State:");
	unsigned int outermost;

	if (!read_mask(text, "SigBlk:", &masks.blocked) ||
	    !read_mask(text, "SigIgn:", &masks.ignored) ||
	    !read_mask(text, "SigCgt:", &masks.caught))
		return -EBADMSG;
	masks.ns_pid = last_number(line_of(text, "NSpid:"));
	if (group && sscanf(group, " %u", &outermost) == 1)
		masks.group = outermost;
	/* Not "t": a debugger lets it go on. */
	if (run_state && run_state[strspn(run_state, " \t")] == 'T')
		masks.is_stopped = true;
	*ret_masks = masks;
	return 0;
}

static int read_masks(const char *path, struct signal_masks *ret_masks)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = malloc(STATUS_BYTES);
	ssize_t size;

	if (!text)
		return -ENOMEM;
	size = fd < 0 ? -1 : read(fd, text, STATUS_BYTES - 1);
	if (size < 0)
		return -errno;
	text[size] = '\0';
	return signal_masks_parse(text, ret_masks);
}

/* Is the thread in sigwait() for this signal? The set stands in its memory. */
static bool is_waiting(uint32_t pid, const char *tid, uint64_t bit)
{
	char path[96];
	_cleanup_fclose_ FILE *file = NULL;
	uint64_t set = 0, address = 0;
	struct iovec here = { &set, sizeof(set) };
	struct iovec there = { NULL, sizeof(set) };
	long number = -1;

	snprintf(path, sizeof(path), "/proc/%u/task/%.20s/syscall", pid, tid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%ld 0x%" SCNx64, &number, &address) != 2 ||
	    number != SYS_rt_sigtimedwait)
		return false;
	there.iov_base = (void *)(uintptr_t)address;
	return process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0) == sizeof(set) && set & bit;
}

static bool is_signalfd(uint32_t pid, const char *fd, uint64_t bit)
{
	char path[96], link[64], line[128];
	_cleanup_fclose_ FILE *file = NULL;
	ssize_t size;
	uint64_t mask;

	snprintf(path, sizeof(path), "/proc/%u/fd/%.20s", pid, fd);
	size = readlink(path, link, sizeof(link) - 1);
	if (size < 0)
		return false;
	link[size] = '\0';
	if (strcmp(link, "anon_inode:[signalfd]") != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%.20s", pid, fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "sigmask: %" SCNx64, &mask) == 1)
			return mask & bit;
	}
	return false;
}

static bool has_signalfd(uint32_t pid, uint64_t bit)
{
	struct dirent *entry;
	bool has = false;
	char path[64];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	fds = opendir(path);
	while (fds && !has && (entry = readdir(fds)))
		has = is_signalfd(pid, entry->d_name, bit);
	if (fds)
		closedir(fds);
	return has;
}

/* Leaves in stance->masks.blocked only what no thread takes. */
static int read_threads(uint32_t pid, uint64_t bit, struct stance *stance)
{
	struct dirent *entry;
	char path[96];
	size_t threads = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return -errno;
	while ((entry = readdir(tasks)) && threads < THREADS_MAX) {
		struct signal_masks masks = {};

		snprintf(path, sizeof(path), "/proc/%u/task/%.20s/status", pid, entry->d_name);
		if (entry->d_name[0] == '.' || read_masks(path, &masks))
			continue;
		threads++;
		if (!(masks.blocked & bit) && is_waiting(pid, entry->d_name, bit)) {
			stance->is_awaited = true;
			masks.blocked |= bit;
		}
		stance->masks.blocked &= masks.blocked;
	}
	closedir(tasks);
	return 0;
}

int stance_read(uint32_t pid, int signal, struct stance *ret_stance)
{
	uint64_t bit = 1ULL << (signal - 1);
	struct stance stance = {};
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	err = read_masks(path, &stance.masks);
	stance.masks.blocked = UINT64_MAX;
	if (!err)
		err = read_threads(pid, bit, &stance);
	if (err)
		return err;
	if (stance.masks.blocked & bit) {
		stance.disposition = DISPOSITION_BLOCKED;
		stance.is_awaited = stance.is_awaited || has_signalfd(pid, bit);
	} else if (stance.masks.ignored & bit) {
		stance.disposition = DISPOSITION_IGNORED;
	} else if (stance.masks.caught & bit) {
		stance.disposition = DISPOSITION_HANDLER;
	}
	*ret_stance = stance;
	return 0;
}
