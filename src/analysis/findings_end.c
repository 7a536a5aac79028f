// SPDX-License-Identifier: GPL-2.0-only
/* Findings on how the processes ended: killed by whom and why, crashed, or left behind. */
#include "src/analysis/findings_rows.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

/* When the service was first told to stop, before that time; TIME_UNKNOWN: it was not. */
static int64_t told_at(const struct record *record, int64_t before_ns)
{
	int64_t first = TIME_UNKNOWN;

	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_signal *signal =
			process_first_stop(record, &record->processes[i]);

		if (signal && signal->at_ns < before_ns &&
		    (first == TIME_UNKNOWN || signal->at_ns < first))
			first = signal->at_ns;
	}
	return first;
}

static bool has_ancestor(const struct record *record, const struct record_process *process,
			 const struct record_process *ancestor)
{
	for (size_t i = 0; process && i < record->n_processes; i++) {
		process = record_process_find(record, process->ppid);
		if (process == ancestor)
			return true;
	}
	return false;
}

/* With KillMode=mixed systemd kills what is left as soon as the main process has ended. */
static bool is_kill_of_the_rest(const struct record *record, const struct record_process *killed,
				const struct record_signal *kill)
{
	if (kill->sender.pid != 1 && strcmp(kill->sender.comm, "systemd") != 0)
		return false;
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *first = &record->processes[i];

		if (first->has_exited && first->exit_signal != SIGKILL &&
		    first->exited_at_ns <= kill->at_ns &&
		    kill->at_ns - first->exited_at_ns < ONE_STOP_NS &&
		    has_ancestor(record, killed, first))
			return true;
	}
	return false;
}

/* It outlived what it had been given; where that is unknown, the patience of its killer. */
static bool outlived_grace(const struct record *record, const struct record_process *process,
			   const struct record_signal *kill)
{
	int64_t told = told_at(record, kill->at_ns);
	int64_t grace = record->timing.grace_ns;

	if (told == TIME_UNKNOWN || kill->at_ns - told < ONE_STOP_NS)
		return false;
	if (grace == TIME_UNKNOWN)
		return !is_kill_of_the_rest(record, process, kill);
	return (double)(kill->at_ns - told) >= GRACE_PART * (double)grace;
}

static void tell_kill(struct finding *finding, const struct record_process *process,
		      const struct record_signal *kill)
{
	finding_process(finding, process);
	finding_text(finding, "sender", kill->sender.comm);
	finding_count(finding, "sender_pid", kill->sender.pid);
	finding_seconds(finding, "killed_s", kill->at_ns);
}

/* Who never heard, or whose handler does nothing, is not helped by more time. */
static void advise_grace(const struct record *record, struct finding *finding, int64_t waited_ns)
{
	static const char *const causes[] = { "sigterm_discarded_pid1", "sigterm_ignored",
					      "signal_not_forwarded", "handler_without_effect" };

	if (!finding_advise_by_cause(record, finding, causes, ARRAY_SIZE(causes)))
		finding_advise(record, finding, record_program(record), waited_ns);
}

FINDING_ROW(grace_exceeded)
{
	uint64_t abandoned = record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_ABANDONED];

	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *kill = process_kill(process);
		struct text text;
		int64_t waited;

		if (!kill || !outlived_grace(record, process, kill))
			continue;
		waited = kill->at_ns - told_at(record, kill->at_ns);
		tell_kill(finding, process, kill);
		finding_seconds(finding, "waited_s", waited);
		finding_seconds(finding, "grace_s", record->timing.grace_ns);
		finding_count(finding, "abandoned", abandoned);
		advise_grace(record, finding, waited);
		text_init(&text);
		text_addf(&text,
			  "%s (pid %u) was still there %s after the stop signal, and %s "
			  "killed it",
			  process->comm, process->pid, SPAN(waited), kill->sender.comm);
		if (abandoned)
			text_addf(&text, "; %ju connection%s in flight ended with it",
				  (uintmax_t)abandoned, PLURAL(abandoned));
		finding_say(finding, &text);
		return true;
	}
	return false;
}

FINDING_ROW(killed_without_stop_signal)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *kill = process_kill(process);

		if (!kill || !record_has_all_signals(record) ||
		    record->trigger == TRIGGER_LISTENER_CLOSED ||
		    told_at(record, kill->at_ns) != TIME_UNKNOWN)
			continue;
		tell_kill(finding, process, kill);
		finding_count(finding, "aborted", record_aborted(record));
		finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
		SAY(finding, "%s (pid %u) killed %s (pid %u) without having asked it to stop",
		    kill->sender.comm, kill->sender.pid, process->comm, process->pid);
		return true;
	}
	return false;
}

/* A SIGKILL of the kernel itself. */
static const struct record_signal *kernel_kill(const struct record_process *process)
{
	for (size_t i = 0; i < process->n_signals; i++) {
		const struct record_signal *signal = &process->signals[i];

		if (signal->signal == SIGKILL && signal->sender.is_kernel)
			return process->exit_signal == SIGKILL ? signal : NULL;
	}
	return NULL;
}

FINDING_ROW(oom_killed)
{
	const struct record_process *victim = NULL;
	struct text text;

	if (record->trigger != TRIGGER_OOM && record->verdict != VERDICT_OOM_KILLED)
		return false;
	for (size_t i = 0; i < record->n_processes && !victim; i++) {
		if (kernel_kill(&record->processes[i]))
			victim = &record->processes[i];
	}
	if (victim)
		finding_process(finding, victim);
	finding_count(finding, "aborted", record_aborted(record));
	finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
	text_init(&text);
	text_addf(&text, "the OOM killer ended %s",
		  victim ? victim->comm : "a process of the service");
	if (record_aborted(record))
		text_addf(&text, "; %ju connection%s ended badly",
			  (uintmax_t)record_aborted(record), PLURAL(record_aborted(record)));
	finding_say(finding, &text);
	return true;
}

/* Those that start, stop and kill services for a living. */
static bool is_supervisor(const struct record_sender *sender)
{
	static const char *const names[] = {
		"systemd",	"dockerd", "containerd", "conmon",	"podman",    "runc",
		"crun",		"crio",	   "kubelet",	 "supervisord", "runsv",     "s6-svscan",
		"s6-supervise", "monit",   "circusd",	 "tini",	"dumb-init", "shutwatch"
	};

	if (sender->pid == 1 || strncmp(sender->comm, "containerd-shim", 15) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(sender->comm, names[i]) == 0)
			return true;
	}
	return false;
}

/* A supervisor, or its own parent in the service, killed it: not because its time was over. */
static const struct record_signal *supervisor_kill(const struct record *record,
						   const struct record_process *process)
{
	for (size_t i = 0; process->exit_signal == SIGKILL && i < process->n_signals; i++) {
		const struct record_signal *signal = &process->signals[i];
		bool is_master = signal->from_member && signal->sender.pid == process->ppid;

		if (signal->signal != SIGKILL || signal->result == SIGNAL_IGNORED ||
		    signal->from_self || signal->sender.is_kernel)
			continue;
		if (is_master)
			return signal;
		if (!signal->from_member && is_supervisor(&signal->sender) &&
		    told_at(record, signal->at_ns) != TIME_UNKNOWN &&
		    !outlived_grace(record, process, signal))
			return signal;
	}
	return NULL;
}

FINDING_ROW(killed_by_supervisor)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *kill = supervisor_kill(record, process);

		if (!kill)
			continue;
		tell_kill(finding, process, kill);
		finding_seconds(finding, "grace_s", record->timing.grace_ns);
		/* The unit has no part in what a master does, nor its time limit in the other. */
		if (kill->from_member)
			finding_advise_program(record, finding, record_program(record),
					       kill->at_ns);
		else
			finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
		SAY(finding, "%s%s (pid %u) killed %s (pid %u) %s after the stop began",
		    kill->from_member ? "its own master " : "", kill->sender.comm, kill->sender.pid,
		    process->comm, process->pid, SPAN(kill->at_ns));
		return true;
	}
	return false;
}

/* PID 1 of a namespace among the service's, once it ended; NULL: none. */
static const struct record_process *ended_init(const struct record *record)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		if (record->processes[i].ns_pid == 1 && record->processes[i].pid != 1 &&
		    record->processes[i].has_exited)
			return &record->processes[i];
	}
	return NULL;
}

FINDING_ROW(killed_by_pidns_teardown)
{
	const struct record_process *init = ended_init(record), *first = NULL;
	uint64_t killed = 0;

	for (size_t i = 0; init && record->trigger != TRIGGER_OOM && i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *kill = kernel_kill(process);

		/* The kernel takes all that is left as soon as PID 1 is on its way out. */
		if (!kill || process == init || process->ns_pid == 0 ||
		    llabs(kill->at_ns - init->exited_at_ns) > SECOND_NS)
			continue;
		first = first ? first : process;
		killed++;
	}
	if (!killed)
		return false;
	finding_process(finding, first);
	finding_text(finding, "pid1", init->comm);
	finding_count(finding, "killed", killed);
	finding_advise(record, finding, init->program, TIME_UNKNOWN);
	SAY(finding,
	    "%s (pid %u), PID 1 of its namespace, ended, and the kernel killed the %ju "
	    "process%s it had left, %s (pid %u) first",
	    init->comm, init->pid, (uintmax_t)killed, killed == 1 ? "" : "es", first->comm,
	    first->pid);
	return true;
}

FINDING_ROW(kill_slow_to_take)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *kill = process_kill(process);

		if (!kill || !process->has_exited ||
		    process->exited_at_ns - kill->at_ns < KILL_SLOW_NS)
			continue;
		tell_kill(finding, process, kill);
		finding_seconds(finding, "took_s", process->exited_at_ns - kill->at_ns);
		finding_advise(record, finding, process->program, TIME_UNKNOWN);
		SAY(finding, "%s (pid %u) took %s to end after SIGKILL: it hung in the kernel",
		    process->comm, process->pid, SPAN(process->exited_at_ns - kill->at_ns));
		return true;
	}
	return false;
}

static bool has_open_listener(const struct record *record)
{
	for (size_t i = 0; i < record->n_listeners; i++) {
		if (record->listeners[i].closed_at_ns == TIME_UNKNOWN)
			return true;
	}
	return false;
}

/*
 * Not what took over from it: that has the listener, or was given connections; but who dies of a
 * signal hands nothing over.
 */
static bool is_orphan(const struct record *record, const struct record_process *process)
{
	const struct record_process *parent = record_process_find(record, process->ppid);

	if (process->has_exited || !parent || !parent->has_exited ||
	    parent->program == PROGRAM_SHELL) /* that is wrapper_died_first */
		return false;
	if (!has_open_listener(record) || parent->exit_signal == SIGKILL)
		return true;
	return parent->exit_signal && process_serves(record, parent); /* else it is a wrapper */
}

FINDING_ROW(orphans_left)
{
	const struct record_process *first = NULL;
	uint64_t orphans = 0;

	if (record->verdict == VERDICT_UNAFFECTED ||
	    record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_HANDED_OVER])
		return false;
	for (size_t i = 0; i < record->n_processes; i++) {
		if (!is_orphan(record, &record->processes[i]))
			continue;
		first = first ? first : &record->processes[i];
		orphans++;
	}
	if (!first)
		return false;
	finding_count(finding, "orphans", orphans);
	finding_process(finding, first);
	finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
	SAY(finding, "%ju process%s outlived the one that had started %s, %s (pid %u) first",
	    (uintmax_t)orphans, orphans == 1 ? "" : "es", orphans == 1 ? "it" : "them", first->comm,
	    first->pid);
	return true;
}

/* A worker that was told alone: whoever has started it lives, and was not told. */
static bool is_told_alone(const struct record *record, const struct record_process *process)
{
	const struct record_process *parent = record_process_find(record, process->ppid);
	const struct record_signal *signal = process_first_stop(record, process);

	return signal && signal_is_from_outside(signal) && process->has_exited && parent &&
	       !parent->has_exited && !process_first_stop(record, parent);
}

static uint64_t living(const struct record *record)
{
	uint64_t count = 0;

	for (size_t i = 0; i < record->n_processes; i++)
		count += !record->processes[i].has_exited;
	return count;
}

FINDING_ROW(part_told)
{
	const struct record_process *parent;

	for (size_t i = 0; record->verdict == VERDICT_PARTIAL && i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];

		if (!is_told_alone(record, process))
			continue;
		parent = record_process_find(record, process->ppid);
		finding_process(finding, process);
		finding_signal(finding, process_first_stop(record, process));
		finding_text(finding, "parent", parent->comm);
		finding_count(finding, "parent_pid", parent->pid);
		finding_count(finding, "living", living(record));
		finding_advise(record, finding, process->program, TIME_UNKNOWN);
		SAY(finding,
		    "%s went to %s (pid %u), and not to %s (pid %u), which had started it: %ju "
		    "process%s of the service live%s on",
		    SIGNAL_NAME(process_first_stop(record, process)->signal), process->comm,
		    process->pid, parent->comm, parent->pid, (uintmax_t)living(record),
		    living(record) == 1 ? "" : "es", living(record) == 1 ? "s" : "");
		return true;
	}
	return false;
}
