// SPDX-License-Identifier: GPL-2.0-only
/* From the scheduler's own figures: a thread that sleeps is told at once, as soon as it runs. */
#include "tools/client/lateness.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "src/base/clock.h"

/* Running, and waiting for a processor. Returns 0 if the kernel does not tell. */
static uint64_t busy(int fd)
{
	uint64_t running_ns, waiting_ns;
	char text[80];
	ssize_t size = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (size <= 0)
		return 0;
	text[size] = '\0';
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &running_ns, &waiting_ns) != 2)
		return 0;
	return running_ns + waiting_ns;
}

void lateness_init(struct lateness *lateness)
{
	*lateness = (struct lateness){ .fd = open("/proc/thread-self/schedstat",
						  O_RDONLY | O_CLOEXEC) };
	lateness_asked(lateness);
}

void lateness_fini(struct lateness *lateness)
{
	if (lateness->fd >= 0)
		close(lateness->fd);
	lateness->fd = -1;
}

void lateness_asked(struct lateness *lateness)
{
	uint64_t busy_ns = busy(lateness->fd);

	lateness->backlog_ns = busy_ns - lateness->busy_ns;
	lateness->busy_ns = busy_ns;
	lateness->asked_ns = clock_boot_ns();
}

uint64_t lateness_now(const struct lateness *lateness)
{
	if (!lateness->busy_ns)
		return 0;
	return lateness->backlog_ns + clock_boot_ns() - lateness->asked_ns;
}
