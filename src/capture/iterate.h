/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs a BPF iterator program and cuts what it writes into events. */
#ifndef SHUTWATCH_ITERATE_H
#define SHUTWATCH_ITERATE_H

#include <stdint.h>

#include "src/capture/probe.h"

struct bpf_program;

struct iterate_options {
	uint32_t pid; /* task iterators: only this process; 0: all */
	int netns_fd; /* socket iterators: in this network namespace; -1: ours */
};

/* Returns 0, or -errno of what failed; the sink's error goes through. */
int iterate(struct bpf_program *program, const struct iterate_options *options, probe_sink sink,
	    void *context);

#endif
