// SPDX-License-Identifier: GPL-2.0-only
/* Small readers of /proc. They own nothing and trust nothing that they read. */
#include "src/capture/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/capture/cgroup.h"

#define DELETED " (deleted)"

int procfs_exe(uint32_t pid, char *ret_path, size_t size)
{
	char link[64];
	ssize_t length;
	size_t suffix = strlen(DELETED);

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	length = readlink(link, ret_path, size - 1);
	if (length < 0)
		return -errno;
	ret_path[length] = '\0';
	if ((size_t)length > suffix && !strcmp(ret_path + length - suffix, DELETED))
		ret_path[(size_t)length - suffix] = '\0';
	return 0;
}

/* Returns the size read, NUL-terminated, or -errno. */
static ssize_t read_file(const char *path, char *ret_text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, ret_text, size - 1);
	if (length < 0)
		return -errno;
	ret_text[length] = '\0';
	return length;
}

uint32_t procfs_parent(uint32_t pid)
{
	char path[64], text[512], *fields;
	unsigned int parent;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (read_file(path, text, sizeof(text)) < 0)
		return 0;
	fields = strrchr(text, ')'); /* the name before it may hold anything */
	return fields && sscanf(fields + 1, " %*c %u", &parent) == 1 ? parent : 0;
}

int procfs_comm(uint32_t pid, char *ret_comm, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	length = read_file(path, ret_comm, size);
	if (length > 0 && ret_comm[length - 1] == '\n')
		ret_comm[length - 1] = '\0';
	return length < 0 ? (int)length : 0;
}

/* Each thread has its own (CONFIG_PROC_CHILDREN). */
bool procfs_has_children(uint32_t pid)
{
	char path[300], text[16];
	struct dirent *thread;
	bool has = false;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	threads = opendir(path);
	while (threads && !has && (thread = readdir(threads))) {
		if (thread->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%u/task/%.20s/children", pid, thread->d_name);
		has = read_file(path, text, sizeof(text)) != 0;
	}
	if (threads)
		closedir(threads);
	return has;
}

ssize_t procfs_command_line(uint32_t pid, char *ret_bytes, size_t size)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	length = read_file(path, ret_bytes, size);
	return length ? length : -ENOENT;
}

int procfs_arguments(uint32_t pid, char *ret_text, size_t size)
{
	ssize_t i, length = procfs_command_line(pid, ret_text, size);

	if (length < 0)
		return (int)length;
	while (length > 1 && !ret_text[length - 1])
		length--;
	for (i = 0; i < length; i++) {
		if (!ret_text[i])
			ret_text[i] = ' ';
	}
	ret_text[length] = '\0';
	return 0;
}

int procfs_cgroup(uint32_t pid, char *ret_path, size_t size)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *text = NULL;
	size_t capacity = 0;
	ssize_t size_read;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return -errno;
	/* There is no NUL in it. It is empty where no hierarchy is mounted. */
	size_read = getdelim(&text, &capacity, '\0', file);
	if (ferror(file))
		return -errno;
	cgroup_pick(size_read > 0 ? text : "", ret_path, size);
	return 0;
}

static uint32_t netns_of(const char *pid)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	return stat(path, &status) ? 0 : (uint32_t)status.st_ino;
}

uint32_t procfs_own_netns(void)
{
	return netns_of("self");
}

int procfs_find_netns(uint32_t inum)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	int fd = -ENOENT;

	if (!folder)
		return -errno;
	while (fd < 0 && (entry = readdir(folder))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    netns_of(entry->d_name) != inum)
			continue;
		fd = procfs_open_netns((uint32_t)strtoul(entry->d_name, NULL, 10));
	}
	closedir(folder);
	return fd < 0 ? -ENOENT : fd;
}

int procfs_open_netns(uint32_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void procfs_host(struct host *ret_host)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	struct utsname names;

	memset(ret_host, 0, sizeof(*ret_host));
	if (file && fgets(ret_host->boot_id, sizeof(ret_host->boot_id), file))
		ret_host->boot_id[strcspn(ret_host->boot_id, "\n")] = '\0';
	if (uname(&names))
		return;
	snprintf(ret_host->name, sizeof(ret_host->name), "%s", names.nodename);
	snprintf(ret_host->kernel, sizeof(ret_host->kernel), "%s", names.release);
}
