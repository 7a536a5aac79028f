// SPDX-License-Identifier: GPL-2.0-only
/* What the rows of the table ask a record. All are pure. */
#include "src/analysis/findings_rows.h"

bool signal_is_fault(int signal)
{
	return signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS || signal == SIGFPE ||
	       signal == SIGILL || signal == SIGTRAP || signal == SIGSYS;
}

bool record_is_stop(const struct record *record, int signal)
{
	if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT)
		return true;
	return signal && signal == record->trigger_signal && signal != SIGKILL &&
	       !signal_is_fault(signal);
}

bool signal_is_from_outside(const struct record_signal *signal)
{
	return !signal->from_member && !signal->from_self;
}

bool record_has_all_signals(const struct record *record)
{
	return !record->losses[LOSS_EVENT_RING_FULL] && !record->losses[LOSS_MEMBERS_FULL] &&
	       !record->losses[LOSS_NESTED_OTHER] && !record->losses[LOSS_RECORDER_GONE];
}

const struct record_signal *process_first_stop(const struct record *record,
					       const struct record_process *process)
{
	for (size_t i = 0; i < process->n_signals; i++) {
		const struct record_signal *signal = &process->signals[i];

		if (record_is_stop(record, signal->signal) && !signal->from_self)
			return signal;
	}
	return NULL;
}

const struct record_signal *process_kill(const struct record_process *process)
{
	if (process->exit_signal != SIGKILL)
		return NULL;
	for (size_t i = 0; i < process->n_signals; i++) {
		const struct record_signal *signal = &process->signals[i];

		if (signal->signal == SIGKILL && signal->result != SIGNAL_IGNORED &&
		    signal_is_from_outside(signal) && !signal->sender.is_kernel)
			return signal;
	}
	return NULL;
}

bool process_only_reraised(const struct record *record, const struct record_process *process,
			   int number)
{
	for (size_t i = 0; i < process->n_signals; i++) {
		const struct record_signal *signal = &process->signals[i];

		/* Sent within the handler it is blocked, until that returns. */
		if (signal->from_self && signal->signal == number)
			return !record_has_acted_before(record, signal->at_ns);
	}
	return false;
}

const struct record_signal *process_reraised_in_vain(const struct record *record,
						     const struct record_process *process)
{
	const struct record_signal *signal = process_first_stop(record, process);

	if (!signal || (process->has_exited && process->exit_signal != SIGKILL))
		return NULL;
	return process_only_reraised(record, process, signal->signal) ? signal : NULL;
}

const struct record_process *record_process_find(const struct record *record, uint32_t pid)
{
	for (size_t i = 0; pid && i < record->n_processes; i++) {
		if (record->processes[i].pid == pid)
			return &record->processes[i];
	}
	return NULL;
}

int64_t record_forced_at(const struct record *record)
{
	int64_t first = TIME_UNKNOWN;

	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_signal *kill = process_kill(&record->processes[i]);

		if (kill && kill->at_ns > 0 && (first == TIME_UNKNOWN || kill->at_ns < first))
			first = kill->at_ns;
	}
	return first;
}

/* systemd tells what the main process left behind once more, as soon as that has ended. */
static bool is_for_the_rest(const struct record *record, const struct record_process *process,
			    const struct record_signal *first, const struct record_signal *again)
{
	const struct record_process *parent = record_process_find(record, process->ppid);

	return parent && parent->has_exited && parent->exited_at_ns <= again->at_ns &&
	       again->signal == first->signal && again->sender.pid == first->sender.pid;
}

const struct record_signal *process_second_thought(const struct record *record,
						   const struct record_process *process)
{
	const struct record_signal *first = process_first_stop(record, process);

	for (size_t i = 0; first && i < process->n_signals; i++) {
		const struct record_signal *signal = &process->signals[i];

		if (record_is_stop(record, signal->signal) && signal_is_from_outside(signal) &&
		    signal_is_from_outside(first) && signal->at_ns - first->at_ns >= ONE_STOP_NS &&
		    !is_for_the_rest(record, process, first, signal))
			return signal;
	}
	return NULL;
}

int64_t record_patience(const struct record *record)
{
	int64_t first = record_forced_at(record);

	for (size_t i = 0; first == TIME_UNKNOWN && i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		const struct record_signal *again = process_second_thought(record, process);

		if (again)
			first = again->at_ns - process_first_stop(record, process)->at_ns;
	}
	return first;
}

bool record_has_acted_before(const struct record *record, int64_t at_ns)
{
	int64_t first = record->timing.first_action_ns;

	return first != TIME_UNKNOWN && first < at_ns;
}

enum program record_program(const struct record *record)
{
	enum program found = PROGRAM_UNKNOWN;

	for (size_t i = 0; i < record->n_processes; i++) {
		enum program program = record->processes[i].program;

		if (program == PROGRAM_UNKNOWN)
			continue;
		if (program < PROGRAM_PYTHON)
			return program;
		if (found == PROGRAM_UNKNOWN || found == PROGRAM_SHELL)
			found = program;
	}
	return found;
}

bool process_has_clients(const struct record *record, const struct record_process *process)
{
	for (size_t i = 0; i < record->n_details; i++) {
		const struct record_connection *c = &record->details[i];

		if (c->direction == DIRECTION_INBOUND && c->pid == process->pid)
			return true;
	}
	return false;
}

bool process_serves(const struct record *record, const struct record_process *process)
{
	return process->has_listener || process_has_clients(record, process);
}

uint64_t record_dropped(const struct record *record)
{
	return record_aborted(record) -
	       record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_LATE_RESET] -
	       record->directions[DIRECTION_OUTBOUND].outcomes[OUTCOME_LATE_RESET];
}

const char *record_at_least(const struct record *record, enum direction direction,
			    enum connection_outcome outcome)
{
	uint64_t missing = record->directions[direction].outcomes[outcome];

	for (size_t i = 0; i < record->n_details; i++)
		missing -= missing && record->details[i].direction == direction &&
			   record->details[i].outcome == outcome;
	return record->details_omitted && (missing || outcome == OUTCOME_NONE) ? "at least " : "";
}

bool record_is_deaf(const struct record *record)
{
	bool was_told = false;

	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_signal *signal =
			process_first_stop(record, &record->processes[i]);

		if (signal && signal->result != SIGNAL_IGNORED)
			return false;
		was_told |= signal != NULL;
	}
	return was_told;
}

const struct record_signal *process_heard(const struct record *record,
					  const struct record_process *process)
{
	const struct record_signal *signal = process_first_stop(record, process);

	if (!signal || !signal_is_from_outside(signal) || signal->result == SIGNAL_IGNORED)
		return NULL;
	if (process_only_reraised(record, process, signal->signal))
		return NULL; /* its runtime did, which is no handler */
	return signal->delivered_at_ns != TIME_UNKNOWN ? signal : NULL;
}

bool record_was_draining(const struct record *record, int64_t forced_ns)
{
	return forced_ns != TIME_UNKNOWN && forced_ns >= CHANCE_NS && !record_is_deaf(record) &&
	       record_has_acted_before(record, forced_ns);
}

uint64_t record_aborted(const struct record *record)
{
	return record->directions[DIRECTION_INBOUND].aborted +
	       record->directions[DIRECTION_OUTBOUND].aborted;
}
