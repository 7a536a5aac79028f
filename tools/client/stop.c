// SPDX-License-Identifier: GPL-2.0-only
/* Owns the process's descriptor: whoever gets its pid later is not stopped. */
#include "tools/client/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/client/plan.h"

int stop_init(struct stop *stop, uint64_t pid)
{
	*stop = (struct stop){ .pidfd = -1, .at_ns = TIME_NEVER };
	if (!pid)
		return 0;
	stop->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	return stop->pidfd < 0 ? -errno : 0;
}

void stop_send(struct stop *stop)
{
	stop->at_ns = TIME_NEVER;
	if (stop->pidfd < 0)
		return;
	/* Gone already: then nobody has to be told. */
	if (syscall(SYS_pidfd_send_signal, stop->pidfd, SIGTERM, NULL, 0) && errno != ESRCH)
		fprintf(stderr, "shutwatch-client: --stop: %s\n", strerror(errno));
	close(stop->pidfd);
	stop->pidfd = -1;
}
