// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits for a service that is about to start. Nothing tells that a stranger's port is open but a
 * try; these tries are closed at once and are no part of what is written down.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "tools/client/plan.h"

#define PAUSE_NS 50000000

/* Returns 0 or -errno. */
static int try_once(const struct plan *plan, uint64_t patience_ns)
{
	struct timeval limit = { .tv_sec = (time_t)(patience_ns / NSEC_PER_SEC),
				 .tv_usec = (suseconds_t)(patience_ns % NSEC_PER_SEC / 1000) + 1 };
	_cleanup_close_ int fd =
		socket(plan->target.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)); /* of connect() too */
	if (connect(fd, (const struct sockaddr *)&plan->target.storage, plan->target.size))
		return -errno;
	return 0;
}

int plan_await_target(const struct plan *plan)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t now = clock_boot_ns(), end = now + plan->wait_ns;
	int err = 0;

	for (; now < end; now = clock_boot_ns()) {
		err = try_once(plan, end - now);
		if (!err)
			return 0;
		nanosleep(&pause, NULL);
	}
	return err;
}
