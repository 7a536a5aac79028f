/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A corrupt database and its log go together: the log of one must never be played into another.
 */
#include "src/store/aside.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

static int move_file(const char *path, const char *suffix, const char *at)
{
	_cleanup_free_ char *from = NULL;
	_cleanup_free_ char *to = NULL;

	if (asprintf(&from, "%s%s", path, suffix) < 0) {
		from = NULL;
		return -ENOMEM;
	}
	if (asprintf(&to, "%s.corrupt-%s%s", path, at, suffix) < 0) {
		to = NULL;
		return -ENOMEM;
	}
	return rename(from, to) && errno != ENOENT ? -errno : 0;
}

/* Beside a database of ours lies its log, always: a file without one is somebody else's. */
static bool has_log(const char *path)
{
	_cleanup_free_ char *log = NULL;

	if (asprintf(&log, "%s-wal", path) < 0) {
		log = NULL;
		return false;
	}
	return access(log, F_OK) == 0;
}

int aside_move(const char *path, const char *fault)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	const time_t now = time(NULL);
	char at[32];
	struct tm tm;

	if (!has_log(path))
		return -EBADMSG;
	strftime(at, sizeof(at), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		int err = move_file(path, suffixes[i], at);

		if (err)
			return err;
	}
	log_error("the store %s is corrupt (%s): moved to %s.corrupt-%s, beginning a new one", path,
		  fault, path, at);
	return 0;
}
