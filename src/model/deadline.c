// SPDX-License-Identifier: GPL-2.0-only
/* When a shutdown is over, and what can still be learnt about it. */
#include "src/model/deadline.h"

#include <stdint.h>

/* Do those that were told to stop still live? And has any process ended at all? */
static bool is_anybody_stopping(const struct shutdown *shutdown)
{
	size_t i;

	for (i = 0; i < shutdown->n_processes; i++) {
		const struct process *process = &shutdown->processes[i];

		if (!process->has_ended && process_is_told(process))
			return true;
	}
	return false;
}

static bool is_every_listener_closed(const struct shutdown *shutdown)
{
	size_t i;

	for (i = 0; i < shutdown->n_listeners; i++) {
		if (!shutdown->listeners[i].closed_ns)
			return false;
	}
	return shutdown->n_listeners > 0;
}

static __u64 latest(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* Has every port that it closed been opened again, or had it none? */
static bool is_every_port_back(const struct shutdown *shutdown)
{
	size_t i;

	for (i = 0; i < shutdown->n_listeners; i++) {
		const struct listener *listener = &shutdown->listeners[i];

		if (listener->closed_ns && listener->port && !listener->reopened_ns)
			return false;
	}
	return true;
}

static __u64 last_activity_ns(const struct shutdown *shutdown)
{
	return latest(shutdown->last_step_ns, shutdown->last_connection_ns);
}

static bool is_waiting_for_ports(const struct shutdown *shutdown)
{
	return shutdown->is_provisional && shutdown->reason == ENDED_SETTLED;
}

bool shutdown_goes_on(const struct shutdown *shutdown, const struct model_options *options,
		      enum ended_reason reason)
{
	if (options->reopen_window_ns <= options->settle_ns || is_waiting_for_ports(shutdown))
		return false;
	if (reason == ENDED_PATIENCE)
		return shutdown_has_acted(shutdown);
	return reason == ENDED_SETTLED && !shutdown_living(shutdown) &&
	       !is_every_port_back(shutdown);
}

__u64 shutdown_deadline_ns(const struct shutdown *shutdown, const struct model_options *options,
			   enum ended_reason *ret_reason)
{
	size_t living = shutdown_living(shutdown);
	bool is_over;

	/* It closed one listener for another, or what was thought to be the last one. */
	if (shutdown_is_by_itself(shutdown) && living && shutdown_is_listening(shutdown)) {
		*ret_reason = ENDED_DROPPED;
		return shutdown->armed_ns;
	}
	if (living == 0)
		is_over = true;
	else
		is_over = living < shutdown->n_processes && !is_anybody_stopping(shutdown) &&
			  !is_every_listener_closed(shutdown);
	*ret_reason = is_over ? ENDED_SETTLED : ENDED_PATIENCE;
	if (is_waiting_for_ports(shutdown))
		return is_every_port_back(shutdown)
			       ? 0
			       : last_activity_ns(shutdown) + options->reopen_window_ns;
	if (!is_over) /* told once that it drains, there is no more to say until it is over */
		return shutdown->is_provisional ? UINT64_MAX
						: shutdown->armed_ns + options->patience_ns;
	if (living)
		return shutdown->last_step_ns + options->settle_ns;
	return last_activity_ns(shutdown) + options->settle_ns;
}
