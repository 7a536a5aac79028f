// SPDX-License-Identifier: GPL-2.0-only
/* Owns nothing. Fields of /proc/self/stat: proc(5). */
#include "src/cli/self.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"

static void read_stat(struct metrics_self *self)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/stat", "re");
	unsigned long long user, system, started, bytes;
	long pages;
	char text[1024], *fields;
	double tick = (double)sysconf(_SC_CLK_TCK);

	if (!file || !fgets(text, sizeof(text), file))
		return;
	fields = strrchr(text, ')'); /* the name before it may hold anything */
	if (!fields ||
	    sscanf(fields + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d "
		   "%*d %llu %llu %ld",
		   &user, &system, &started, &bytes, &pages) != 5)
		return;
	self->cpu_seconds = (double)(user + system) / tick;
	self->start_time_seconds = (double)started / tick + (double)clock_wall_offset_ns() / 1e9;
	self->virtual_bytes = bytes;
	self->resident_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void read_fds(struct metrics_self *self)
{
	DIR *fds = opendir("/proc/self/fd");
	struct rlimit limit;
	struct dirent *entry;

	self->open_fds = 0;
	while (fds && (entry = readdir(fds)))
		self->open_fds += entry->d_name[0] != '.';
	if (fds) {
		closedir(fds);
		self->open_fds--; /* the one that listed them */
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		self->max_fds = limit.rlim_cur;
}

void self_read(struct metrics_self *self)
{
	read_stat(self);
	read_fds(self);
}
