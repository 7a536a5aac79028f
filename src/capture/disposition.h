/* SPDX-License-Identifier: GPL-2.0-only */
/* What a process does about a signal, as /proc tells it. */
#ifndef SHUTWATCH_DISPOSITION_H
#define SHUTWATCH_DISPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/events.h"

/* Lines of /proc/PID/status; signals as bit 1 << (signal - 1). */
struct signal_masks {
	uint64_t caught;
	uint64_t ignored;
	uint64_t blocked; /* by this thread */
	uint32_t ns_pid;  /* in its innermost pid namespace; 0: not told */
	uint32_t group;	  /* its process group; 0: not told */
	bool is_stopped;  /* by SIGSTOP or the like: it hears nothing until SIGCONT */
};

/* Returns 0, or -EBADMSG: a line with signals is missing or malformed. Pure. */
int signal_masks_parse(const char *text, struct signal_masks *ret_masks);

struct stance {
	struct signal_masks masks; /* of the first thread; blocked: of all threads alike */
	enum disposition disposition;
	bool is_awaited; /* blocked, and taken by sigwait() or a signalfd */
};

/*
 * A signal counts as blocked where every thread blocks it or waits for it: the kernel takes it out
 * of the mask of a thread in sigwait(). Returns 0 or -errno (-ENOENT, -ESRCH: gone).
 */
int stance_read(uint32_t pid, int signal, struct stance *ret_stance);

#endif
