// SPDX-License-Identifier: GPL-2.0-only
/* Findings on the stop signal: whether it was heard, by whom, and whether it was the right one. */
#include "src/analysis/findings_rows.h"

#include <string.h>

/* Signals of which the default does nothing: that nobody heard them is no fault. */
static bool ends_by_default(int signal)
{
	return signal != SIGCHLD && signal != SIGCONT && signal != SIGURG && signal != SIGWINCH;
}

/* It did not end the process: that goes on, was killed, or had to be told in another way. */
static bool is_unheeded(const struct record *record, const struct record_process *process)
{
	if (!process->has_exited || process->exit_signal == SIGKILL)
		return true;
	for (size_t i = 0; i < process->n_signals; i++) {
		const struct record_signal *signal = &process->signals[i];

		if (record_is_stop(record, signal->signal) && signal->result != SIGNAL_IGNORED &&
		    signal->disposition != DISPOSITION_IGNORED)
			return true;
	}
	return false;
}

/* A stop signal that the kernel dropped for the sake of this disposition. */
static const struct record_signal *dropped(const struct record *record,
					   const struct record_process *process,
					   enum disposition disposition)
{
	const struct record_signal *signal = process_first_stop(record, process);

	if (!signal || signal->result != SIGNAL_IGNORED || signal->disposition != disposition)
		return NULL;
	return ends_by_default(signal->signal) && is_unheeded(record, process) ? signal : NULL;
}

static const char *what_became(const struct record_process *process)
{
	if (!process->has_exited)
		return "it lives on";
	return process->exit_signal == SIGKILL ? "it had to be killed" : "it was told once more";
}

static void tell_unheard(const struct record *record, struct finding *finding,
			 const struct record_process *process, const struct record_signal *signal)
{
	finding_process(finding, process);
	finding_signal(finding, signal);
	if (process->has_exited)
		finding_seconds(finding, "lived_on_s", process->exited_at_ns - signal->at_ns);
	finding_advise(record, finding, process->program, TIME_UNKNOWN);
}

FINDING_ROW(sigterm_discarded_pid1)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *signal = dropped(record, process, DISPOSITION_DEFAULT);

		if (!signal)
			signal = process_reraised_in_vain(record, process);
		if (!signal || process->ns_pid != 1)
			continue;
		tell_unheard(record, finding, process, signal);
		SAY(finding,
		    "%s (pid %u) is PID 1 of its namespace and has no handler for %s: the kernel "
		    "discarded the signal, and %s",
		    process->comm, process->pid, SIGNAL_NAME(signal->signal), what_became(process));
		return true;
	}
	return false;
}

/*
 * It has no client, and ends with a parent that does hear: the resource tracker of Python's
 * multiprocessing is such a one. It is no reason why anything had to be killed.
 */
static bool is_helper(const struct record *record, const struct record_process *process)
{
	const struct record_process *parent = record_process_find(record, process->ppid);
	const struct record_signal *signal = parent ? process_first_stop(record, parent) : NULL;

	return signal && signal->result != SIGNAL_IGNORED && parent->program != PROGRAM_SHELL &&
	       !process_has_clients(record, process);
}

FINDING_ROW(sigterm_ignored)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *signal = dropped(record, process, DISPOSITION_IGNORED);

		if (!signal || is_helper(record, process))
			continue;
		tell_unheard(record, finding, process, signal);
		SAY(finding, "%s (pid %u) ignores %s, and %s", process->comm, process->pid,
		    SIGNAL_NAME(signal->signal), what_became(process));
		return true;
	}
	return false;
}

/* These take SIGTERM as soon as they are ready, always. */
static bool always_handles(enum program program)
{
	return program != PROGRAM_UNKNOWN && program != PROGRAM_NODE && program != PROGRAM_GO &&
	       program < PROGRAM_PYTHON;
}

static bool is_starting(const struct record *record, const struct record_process *process,
			const struct record_signal *signal)
{
	if (!always_handles(process->program) || record->n_listeners || signal->from_member)
		return false;
	return signal->disposition == DISPOSITION_DEFAULT && signal->signal != SIGQUIT &&
	       record->trigger_wall_ns + signal->at_ns - process->started_wall_ns < STARTING_NS;
}

FINDING_ROW(stop_signal_before_ready)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *signal = process_first_stop(record, process);
		int64_t age;

		if (!signal || !is_starting(record, process, signal))
			continue;
		age = record->trigger_wall_ns + signal->at_ns - process->started_wall_ns;
		finding_process(finding, process);
		finding_signal(finding, signal);
		finding_seconds(finding, "age_s", age);
		finding_advise(record, finding, process->program, age);
		SAY(finding, "%s reached %s (pid %u) %s after its start, before it had a handler",
		    SIGNAL_NAME(signal->signal), process->comm, process->pid, SPAN(age));
		return true;
	}
	return false;
}

/* Ended by the default of a stop signal that it was sent. */
static const struct record_signal *died_of(const struct record *record,
					   const struct record_process *process)
{
	const struct record_signal *signal = process_first_stop(record, process);

	if (!signal || process->exit_signal != signal->signal || signal->result == SIGNAL_IGNORED)
		return NULL;
	if (signal->disposition != DISPOSITION_DEFAULT &&
	    !process_only_reraised(record, process, signal->signal))
		return NULL;
	return signal;
}

static bool somebody_heard(const struct record *record)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *signal = process_first_stop(record, process);

		if (!signal || process_only_reraised(record, process, signal->signal))
			continue;
		if (signal->disposition == DISPOSITION_HANDLER ||
		    signal->disposition == DISPOSITION_BLOCKED)
			return true;
	}
	return false;
}

static bool has_aborted(const struct record *record, const struct record_process *process)
{
	for (size_t i = 0; i < record->n_details; i++) {
		if (record->details[i].pid == process->pid &&
		    outcome_is_aborted(record->details[i].outcome))
			return true;
	}
	return false;
}

FINDING_ROW(no_handler)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *signal = died_of(record, process);

		if (!signal || !record_dropped(record) || is_starting(record, process, signal))
			continue;
		if (somebody_heard(record) && !has_aborted(record, process))
			continue;
		finding_process(finding, process);
		finding_signal(finding, signal);
		finding_count(finding, "aborted", record_aborted(record));
		finding_advise(record, finding, process->program, TIME_UNKNOWN);
		SAY(finding, "%s (pid %u) has no handler for %s%s, and %ju connection%s with it",
		    process->comm, process->pid, SIGNAL_NAME(signal->signal),
		    signal->disposition == DISPOSITION_DEFAULT
			    ? ": it died of it at once"
			    : " of its own: its runtime caught it and let it die of it",
		    (uintmax_t)record_aborted(record), PLURAL(record_aborted(record)));
		return true;
	}
	return false;
}

/* SIGQUIT, or what usually is a fault, sent by somebody: systemd's watchdog sends SIGABRT. */
static const struct record_signal *core_signal(const struct record *record,
					       const struct record_process *process)
{
	const struct record_signal *signal = died_of(record, process);

	if (signal && signal->signal == SIGQUIT)
		return signal;
	for (size_t i = 0; i < process->n_signals; i++) {
		signal = &process->signals[i];
		if (signal->signal == process->exit_signal && signal_is_fault(signal->signal) &&
		    signal_is_from_outside(signal) && !signal->sender.is_kernel &&
		    signal->disposition == DISPOSITION_DEFAULT)
			return signal;
	}
	return NULL;
}

FINDING_ROW(unhandled_stop_signal_core)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *signal = core_signal(record, process);

		if (!signal)
			continue;
		finding_process(finding, process);
		finding_signal(finding, signal);
		finding_advise(record, finding, process->program, TIME_UNKNOWN);
		SAY(finding, "%s (pid %u) was stopped by %s without a handler for it%s",
		    process->comm, process->pid, SIGNAL_NAME(signal->signal),
		    process->has_core ? ", and left a core dump" : "");
		return true;
	}
	return false;
}

/* Programs in which this signal means: drop the clients. */
static bool drops_clients(enum program program, int signal)
{
	if (program == PROGRAM_APACHE)
		return signal == SIGTERM;
	if (program == PROGRAM_GUNICORN)
		return signal == SIGINT || signal == SIGQUIT;
	return (program == PROGRAM_NGINX || program == PROGRAM_HAPROXY) &&
	       (signal == SIGTERM || signal == SIGINT);
}

static bool is_wrong(const struct record *record, enum program program, int signal)
{
	const uint64_t *outcomes = record->directions[DIRECTION_INBOUND].outcomes;

	/* What waits in the queue, or asks too late, the graceful signal does not save. */
	if (drops_clients(program, signal))
		return outcomes[OUTCOME_RESET] + outcomes[OUTCOME_CUT] +
			       outcomes[OUTCOME_ABANDONED] >
		       0;
	/* SIGTERM: no new clients, and wait for those that there are, for ever. */
	if (program != PROGRAM_POSTGRESQL || signal != SIGTERM)
		return false;
	return record->verdict == VERDICT_FORCED || record->verdict == VERDICT_DRAINING ||
	       record->verdict == VERDICT_UNAFFECTED;
}

FINDING_ROW(wrong_stop_signal)
{
	uint64_t aborted = record->directions[DIRECTION_INBOUND].aborted;

	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *signal = process_first_stop(record, process);

		if (!signal || !signal_is_from_outside(signal) ||
		    !is_wrong(record, process->program, signal->signal))
			continue;
		finding_process(finding, process);
		finding_signal(finding, signal);
		finding_count(finding, "aborted", aborted);
		finding_advise(record, finding, process->program, TIME_UNKNOWN);
		if (process->program == PROGRAM_POSTGRESQL)
			SAY(finding,
			    "PostgreSQL takes SIGTERM as a smart shutdown, which waits until every "
			    "client has left by itself; they did not");
		else
			SAY(finding,
			    "%s takes %s as a fast stop, not as a graceful one: %ju connection%s "
			    "ended badly",
			    program_name(process->program), SIGNAL_NAME(signal->signal),
			    (uintmax_t)aborted, PLURAL(aborted));
		return true;
	}
	return false;
}
