/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the links of /proc/PID/fd again and again, as lsof does: each look holds the file for an
 * instant, and sometimes it is the last to let go. `looker PID`; ends with its victim.
 */
#include "victim.h"

#include <dirent.h>

int main(int argc, char **argv)
{
	char directory[64], path[512], target[256];

	if (argc != 2)
		return 2;
	snprintf(directory, sizeof(directory), "/proc/%d/fd", atoi(argv[1]));
	printf("ready 0\n");
	fflush(stdout);
	for (;;) {
		DIR *links = opendir(directory);
		struct dirent *entry;

		if (!links)
			return 0;
		while ((entry = readdir(links))) {
			snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
			if (readlink(path, target, sizeof(target)) < 0)
				continue;
		}
		closedir(links);
	}
}
