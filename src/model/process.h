/* SPDX-License-Identifier: GPL-2.0-only */
/* A process of a stopping service: who it is, which signals it got, how it ended. */
#ifndef SHUTWATCH_PROCESS_H
#define SHUTWATCH_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/events.h"

struct process_signal {
	struct event_signal event;
	__u64 delivered_ns; /* 0: it reached no handler */
};

struct process {
	struct process_id id;
	struct process_id parent;
	__u32 ns_pid;
	__u32 netns; /* 0: unknown */
	char comm[COMM_BYTES];
	char *exe;			/* NULL: unknown */
	char *args;			/* NULL: not asked for, or unknown */
	char known_as[KNOWN_BYTES + 1]; /* "": nothing told */
	struct process_signal *signals;
	size_t n_signals;
	size_t signals_capacity;
	bool has_listener; /* it held one at T0 */
	bool has_ended;
	bool is_oom_victim;
	__u64 ended_ns; /* 0: not known when */
	__u32 status;	/* as wait(2) reports it, once it has ended */
	bool has_status;
};

static inline bool process_id_equal(const struct process_id *a, const struct process_id *b)
{
	return a->tgid == b->tgid && a->started_ns == b->started_ns;
}

void process_fini(struct process *process);

/* Each takes in one event of this process. Returns 0 or -ENOMEM. */
int process_add_signal(struct process *process, const struct event_signal *event);
void process_set_delivered(struct process *process, const struct event_delivered *event);
void process_set_identity(struct process *process, const struct event_process *event);
void process_set_exit(struct process *process, const struct event_exit *event);
int process_set_program(struct process *process, const struct event_program *event);
void process_set_known(struct process *process, const struct event_known *event);
int process_set_arguments(struct process *process, const struct event_arguments *event);

/* Was it told to stop in a way that it can hear (not ignored)? */
bool process_is_told(const struct process *process);

#endif
