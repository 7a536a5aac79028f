// SPDX-License-Identifier: GPL-2.0-only
/* Owns a list of numbers, and the descriptors behind them until they are released. */
#include "src/cli/inherited.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/array.h"

void inherited_list(struct inherited_fds *inherited)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	memset(inherited, 0, sizeof(*inherited));
	while (directory && (entry = readdir(directory))) {
		int fd = atoi(entry->d_name); /* "." and ".." are 0 */

		if (fd <= STDERR_FILENO || fd == dirfd(directory))
			continue;
		if (array_reserve((void **)&inherited->fds, &inherited->capacity, inherited->count,
				  sizeof(*inherited->fds)))
			break;
		inherited->fds[inherited->count++] = fd;
	}
	if (directory)
		closedir(directory);
}

void inherited_release(struct inherited_fds *inherited)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t i;

	for (i = 0; i < inherited->count; i++)
		close(inherited->fds[i]);
	if (nothing >= 0) {
		dup2(nothing, STDIN_FILENO);
		dup2(nothing, STDOUT_FILENO);
		close(nothing);
	}
	free(inherited->fds);
	memset(inherited, 0, sizeof(*inherited));
}
