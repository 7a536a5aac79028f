// SPDX-License-Identifier: GPL-2.0-only
/* What the events say of one process. Owns its signals and the path of its program. */
#include "src/model/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"

#define SIGNALS_MAX 1000 /* of one process in one shutdown: somebody is in a loop */

void process_fini(struct process *process)
{
	free(process->exe);
	free(process->args);
	free(process->signals);
	memset(process, 0, sizeof(*process));
}

int process_add_signal(struct process *process, const struct event_signal *event)
{
	int err;

	if (process->n_signals >= SIGNALS_MAX)
		return 0;
	err = array_reserve((void **)&process->signals, &process->signals_capacity,
			    process->n_signals, sizeof(*process->signals));
	if (err)
		return err;
	memset(&process->signals[process->n_signals], 0, sizeof(*process->signals));
	process->signals[process->n_signals++].event = *event;
	if (!process->comm[0])
		memcpy(process->comm, event->target_comm, COMM_BYTES);
	return 0;
}

/* The first signal of that number that waits for its delivery. */
void process_set_delivered(struct process *process, const struct event_delivered *event)
{
	size_t i;

	for (i = 0; i < process->n_signals; i++) {
		struct process_signal *signal = &process->signals[i];

		if (signal->event.signal != event->signal || signal->delivered_ns)
			continue;
		signal->delivered_ns = event->header.at_ns;
		return;
	}
}

void process_set_identity(struct process *process, const struct event_process *event)
{
	process->parent = event->parent;
	if (event->ns_pid)
		process->ns_pid = event->ns_pid;
	if (event->netns)
		process->netns = event->netns;
	memcpy(process->comm, event->comm, COMM_BYTES);
	if (event->flags & PROCESS_ENDED)
		process->has_ended = true;
}

void process_set_exit(struct process *process, const struct event_exit *event)
{
	if (!process->parent.tgid)
		process->parent = event->parent;
	if (!process->ns_pid)
		process->ns_pid = event->ns_pid;
	memcpy(process->comm, event->comm, COMM_BYTES);
	process->has_ended = true;
	process->has_status = true;
	process->is_oom_victim = event->flags & EXIT_OOM_VICTIM;
	process->ended_ns = event->header.at_ns;
	process->status = event->status;
}

static int set_text(char **text, const char *from, size_t size)
{
	char *copy = strndup(from, size);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int process_set_program(struct process *process, const struct event_program *event)
{
	return set_text(&process->exe, event->exe, sizeof(event->exe));
}

void process_set_known(struct process *process, const struct event_known *event)
{
	memcpy(process->known_as, event->program, KNOWN_BYTES);
}

int process_set_arguments(struct process *process, const struct event_arguments *event)
{
	return set_text(&process->args, event->text, sizeof(event->text));
}

bool process_is_told(const struct process *process)
{
	size_t i;

	for (i = 0; i < process->n_signals; i++) {
		const struct event_signal *signal = &process->signals[i].event;

		if (signal->result != SIGNAL_IGNORED && signal->disposition != DISPOSITION_IGNORED)
			return true;
	}
	return false;
}
