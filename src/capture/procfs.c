// SPDX-License-Identifier: GPL-2.0-only
/* Small readers of /proc. They own nothing and trust nothing that they read. */
#include "src/capture/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/base/cleanup.h"

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

/* The path in a line "ID:CONTROLLERS:PATH" of the wanted hierarchy; NULL: another one. */
static char *path_in(char *line, const char *hierarchy)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return NULL;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	return strcmp(controllers + 1, hierarchy) == 0 ? path : NULL;
}

int procfs_cgroup(uint32_t pid, char *ret_path, size_t size)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;
	char name[64];

	snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return -errno;
	snprintf(ret_path, size, "/");
	while (getline(&line, &capacity, file) > 0) {
		_cleanup_free_ char *copy = strdup(line);
		const char *path = copy ? path_in(copy, "") : NULL;

		if (!path)
			path = path_in(line, "name=systemd");
		/* On a hybrid host the v2 line is "/" and systemd's own tells more. */
		if (path && strcmp(path, "/") != 0)
			snprintf(ret_path, size, "%s", path);
	}
	return 0;
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
