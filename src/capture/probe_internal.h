/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that implement probe.h share: probe.c, watched.c and ending.c. Nobody else. */
#ifndef SHUTWATCH_PROBE_INTERNAL_H
#define SHUTWATCH_PROBE_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "src/capture/probe.h"

#include "shutwatch.skel.h"

struct probe {
	struct shutwatch_bpf *skeleton;
	struct ring_buffer *events;
	struct ring_buffer *details; /* NULL: not mapped */
	bool was_stopping;	     /* at the last dispatch */
	probe_sink sink;
	void *context;
	char *pins;  /* NULL: nothing is pinned */
	int pins_fd; /* the lock on them */
	bool is_resumed;
};

/* Runs a syscall program on the target. 0; -ENOENT: no such service or shutdown; -errno. */
int probe_run_syscall(struct probe *probe, struct bpf_program *program,
		      const struct target *target);

#endif
