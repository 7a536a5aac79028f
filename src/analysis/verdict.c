// SPDX-License-Identifier: GPL-2.0-only
/* Each predicate is one row of the table of outcomes; verdict_of() is their order. */
#include "src/analysis/verdict.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "src/analysis/timing.h"

#define FORCED_WITHIN_NS 1000000000LL

static bool is_stop_signal(const struct shutdown *s, int signal)
{
	if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || signal == SIGKILL)
		return true;
	return s->has_trigger && s->trigger.header.type == EVENT_SIGNAL &&
	       s->trigger.signal.signal == signal;
}

static bool is_oom_killed(const struct shutdown *s)
{
	size_t i;

	for (i = 0; i < s->n_processes; i++) {
		if (s->processes[i].is_oom_victim)
			return true;
	}
	return false;
}

/* SIGKILL from outside the service, or from the process's own master. */
static bool is_kill(const struct process *process, const struct event_signal *signal)
{
	if (signal->signal != SIGKILL || signal->result == SIGNAL_IGNORED ||
	    process_id_equal(&signal->sender, &signal->target))
		return false;
	return !(signal->flags & SIGNAL_FROM_MEMBER) ||
	       process_id_equal(&signal->sender, &process->parent);
}

static bool is_same_stop(const struct event_signal *a, const struct event_signal *b)
{
	return a->signal == b->signal && process_id_equal(&a->sender, &b->sender);
}

/*
 * A second stop: from outside, to a process that had been told before or in another voice, after
 * the service had acted on the first one, and the end came within a second of it.
 */
static bool is_second_stop(const struct shutdown *s, const struct record_timing *timing,
			   const struct process *process, size_t index)
{
	const struct event_signal *signal = &process->signals[index].event;
	int64_t at = timing_since_stop(s, signal->header.at_ns);

	if (signal->flags & SIGNAL_FROM_MEMBER || signal->result == SIGNAL_IGNORED)
		return false;
	if (timing->first_action_ns == TIME_UNKNOWN || at <= timing->first_action_ns)
		return false;
	if (timing->total_ns == TIME_UNKNOWN || timing->total_ns - at > FORCED_WITHIN_NS ||
	    timing->total_ns < at)
		return false;
	while (index-- > 0) {
		if (!(process->signals[index].event.flags & SIGNAL_FROM_MEMBER))
			return true;
	}
	return s->has_trigger && s->trigger.header.type == EVENT_SIGNAL &&
	       !is_same_stop(&s->trigger.signal, signal);
}

static bool is_forced(const struct shutdown *s, const struct record_timing *timing)
{
	size_t p, i;

	for (p = 0; p < s->n_processes; p++) {
		const struct process *process = &s->processes[p];

		for (i = 0; i < process->n_signals; i++) {
			if (is_kill(process, &process->signals[i].event) ||
			    is_second_stop(s, timing, process, i))
				return true;
		}
	}
	return false;
}

/* Did it end, or stop, without any signal? */
static bool is_untold(const struct shutdown *s)
{
	size_t i;

	if (!shutdown_is_by_itself(s))
		return s->has_trigger && s->trigger.header.type == EVENT_EXIT;
	for (i = 0; i < s->n_processes; i++) {
		if (process_is_told(&s->processes[i]))
			return false;
	}
	return true;
}

/* A master may end its helpers by any signal. */
static bool is_ended_by_parent(const struct process *process)
{
	size_t i;

	for (i = 0; i < process->n_signals; i++) {
		const struct event_signal *signal = &process->signals[i].event;

		if (signal->signal == WTERMSIG(process->status) &&
		    signal->flags & SIGNAL_FROM_MEMBER &&
		    process_id_equal(&signal->sender, &process->parent))
			return true;
	}
	return false;
}

static bool is_crash(const struct shutdown *s, const struct process *process)
{
	if (!process->has_status)
		return false;
	if (WIFSIGNALED(process->status))
		return !is_stop_signal(s, WTERMSIG(process->status)) &&
		       !is_ended_by_parent(process);
	return is_untold(s) && WEXITSTATUS(process->status) != 0;
}

static bool is_crashed(const struct shutdown *s)
{
	size_t i;

	/* A crash signal that nobody sent began it: it is no stop signal, whatever it did. */
	if (s->has_trigger && s->trigger.header.type == EVENT_SIGNAL &&
	    s->trigger.signal.flags & SIGNAL_FROM_KERNEL && s->trigger.signal.code != 0x80 &&
	    s->trigger.signal.disposition == DISPOSITION_DEFAULT)
		return true;
	for (i = 0; i < s->n_processes; i++) {
		if (is_crash(s, &s->processes[i]))
			return true;
	}
	return false;
}

static bool is_partial(const struct shutdown *s)
{
	size_t living = shutdown_living(s);

	return living > 0 && living < s->n_processes;
}

static bool is_lossy(const struct record *record)
{
	return record->directions[DIRECTION_INBOUND].aborted ||
	       record->directions[DIRECTION_OUTBOUND].aborted || record->refused ||
	       record->refused_handshakes;
}

static bool is_still_going_on(const struct shutdown *s)
{
	return s->reason != ENDED_SETTLED && shutdown_living(s) > 0;
}

enum verdict verdict_of(const struct shutdown *s, const struct record *record)
{
	if (is_still_going_on(s))
		return shutdown_has_acted(s) ? VERDICT_DRAINING : VERDICT_UNAFFECTED;
	if (is_oom_killed(s))
		return VERDICT_OOM_KILLED;
	if (is_forced(s, &record->timing))
		return VERDICT_FORCED;
	if (is_crashed(s))
		return VERDICT_CRASHED;
	if (is_partial(s))
		return VERDICT_PARTIAL;
	return is_lossy(record) ? VERDICT_LOSSY : VERDICT_CLEAN;
}

/* A helper that nobody waited for ended, and nothing that the service serves with it. */
static bool is_end_of_helper(const struct shutdown *s)
{
	return s->trigger.exit.flags & EXIT_OF_ORPHAN && !shutdown_has_closed(s);
}

bool verdict_is_no_shutdown(const struct shutdown *s, const struct record *record)
{
	if (s->reason == ENDED_DROPPED)
		return true;
	if (shutdown_is_by_itself(s))
		return !shutdown_has_acted(s);
	return s->has_trigger && s->trigger.header.type == EVENT_EXIT && shutdown_living(s) > 0 &&
	       !is_lossy(record) && (!is_crashed(s) || is_end_of_helper(s));
}
