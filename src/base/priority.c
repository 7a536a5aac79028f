// SPDX-License-Identifier: GPL-2.0-only
#include "src/base/priority.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>

#define NICE_RAISED (-10)

static int usual;
static bool is_raised;

/* For Linux, "process 0" is the calling thread. */
void priority_raise(void)
{
	int nice;

	errno = 0;
	nice = getpriority(PRIO_PROCESS, 0);
	if (errno || nice <= NICE_RAISED)
		return;
	usual = nice;
	is_raised = !setpriority(PRIO_PROCESS, 0, NICE_RAISED);
}

void priority_restore(void)
{
	if (is_raised)
		setpriority(PRIO_PROCESS, 0, usual);
}
