// SPDX-License-Identifier: GPL-2.0-only
/* Findings on wrappers: who was told stands before the one that serves, and does not pass it on. */
#include "src/analysis/findings_rows.h"

#define DEPTH_MAX 64 /* of a process tree; pids of a hostile recording may make a loop */

/* It lives on, or had to be killed, and nobody told it to stop. */
static bool is_left(const struct record *record, const struct record_process *process)
{
	return (!process->has_exited || process->exit_signal == SIGKILL) &&
	       !process_first_stop(record, process);
}

/* All between it and the wrapper are left as well. Upwards there is one way, downwards many. */
static bool is_below(const struct record *record, const struct record_process *process,
		     const struct record_process *wrapper)
{
	for (int depth = 0; depth < DEPTH_MAX && process && is_left(record, process); depth++) {
		if (process->ppid == wrapper->pid)
			return true;
		process = record_process_find(record, process->ppid);
	}
	return false;
}

/* The one that works for the wrapper: who serves, or else, of a shell, any child. */
static const struct record_process *wrapped_by(const struct record *record,
					       const struct record_process *wrapper)
{
	bool is_shell = wrapper->program == PROGRAM_SHELL;

	/* Who serves has a say of its own; a smart shutdown is not for PostgreSQL's backends. */
	if (!is_shell &&
	    (process_serves(record, wrapper) || wrapper->program == PROGRAM_POSTGRESQL))
		return NULL;
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];

		if (is_below(record, process, wrapper) && process_serves(record, process))
			return process;
	}
	for (size_t i = 0; is_shell && i < record->n_processes; i++) {
		if (record->processes[i].ppid == wrapper->pid &&
		    is_left(record, &record->processes[i]))
			return &record->processes[i];
	}
	return NULL;
}

/* A wrapper that was told, and its child, which was not, and went on or had to be killed. */
static bool find_wrapped(const struct record *record, const struct record_process **ret_wrapper,
			 const struct record_process **ret_child)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		*ret_wrapper = &record->processes[i];
		if (!process_first_stop(record, *ret_wrapper))
			continue;
		*ret_child = wrapped_by(record, *ret_wrapper);
		if (*ret_child)
			return record_has_all_signals(record);
	}
	return false;
}

bool record_has_wrapper(const struct record *record)
{
	const struct record_process *wrapper, *child;

	return find_wrapped(record, &wrapper, &child);
}

static bool died_first(const struct record_process *wrapper, const struct record_process *child)
{
	return wrapper->has_exited && wrapper->exit_signal != SIGKILL &&
	       (!child->has_exited || wrapper->exited_at_ns < child->exited_at_ns);
}

static void tell_wrapped(const struct record *record, struct finding *finding,
			 const struct record_process *wrapper, const struct record_process *child)
{
	finding_process(finding, child);
	finding_text(finding, "wrapper", wrapper->comm);
	finding_count(finding, "wrapper_pid", wrapper->pid);
	finding_signal(finding, process_first_stop(record, wrapper));
	finding_advise(record, finding, wrapper->program, TIME_UNKNOWN);
}

FINDING_ROW(signal_not_forwarded)
{
	const struct record_process *wrapper, *child;
	int64_t forced = record_forced_at(record);

	if (!find_wrapped(record, &wrapper, &child) || died_first(wrapper, child))
		return false;
	/* Killed, or still there after all the patience; and nothing was done about the signal. */
	if (!record_is_deaf(record) &&
	    record_has_acted_before(record, forced == TIME_UNKNOWN ? INT64_MAX : forced))
		return false;
	tell_wrapped(record, finding, wrapper, child);
	SAY(finding, "%s (pid %u) got %s and did not pass it on: %s (pid %u) never heard of it",
	    wrapper->comm, wrapper->pid, SIGNAL_NAME(process_first_stop(record, wrapper)->signal),
	    child->comm, child->pid);
	return true;
}

FINDING_ROW(wrapper_died_first)
{
	const struct record_process *wrapper, *child;

	if (!find_wrapped(record, &wrapper, &child) || !died_first(wrapper, child))
		return false;
	/* A successor that took over what the old one gave it is no orphan of a wrapper. */
	if (record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_HANDED_OVER])
		return false;
	tell_wrapped(record, finding, wrapper, child);
	SAY(finding, "%s (pid %u) ended %s after %s; %s (pid %u), which works for it, %s",
	    wrapper->comm, wrapper->pid, SPAN(wrapper->exited_at_ns),
	    SIGNAL_NAME(process_first_stop(record, wrapper)->signal), child->comm, child->pid,
	    child->has_exited ? "heard of nothing until it was killed" : "serves on");
	return true;
}
