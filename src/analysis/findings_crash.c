// SPDX-License-Identifier: GPL-2.0-only
/* Findings on crashes: an end by a signal that nobody sent, in a stop or without one. */
#include "src/analysis/findings_rows.h"

#define LOST_WITH_IT "What it had in flight is lost: clients must be able to ask again."
#define USED_AFTER                                                                                 \
	"Most often something is used after the stop has freed it: stop threads before what they " \
	"use."

/* Somebody else may send a signal that looks like a crash: a watchdog, a debugger. */
static bool was_sent(const struct record_process *process, int signal)
{
	for (size_t i = 0; i < process->n_signals; i++) {
		const struct record_signal *sent = &process->signals[i];

		if (sent->signal == signal && !sent->from_self && !sent->sender.is_kernel)
			return true;
	}
	return false;
}

/* Ended by a signal that asks for nothing, and that nobody sent. */
static bool is_crash(const struct record *record, const struct record_process *process)
{
	int signal = process->exit_signal;

	return process->has_exited && signal && signal != SIGKILL &&
	       !record_is_stop(record, signal) && !was_sent(process, signal);
}

/* It ended by itself, or by what it did itself. */
static bool is_unasked(const struct record *record)
{
	return record->trigger == TRIGGER_EXIT ||
	       (record->trigger == TRIGGER_SIGNAL && record->has_trigger_sender &&
		record->trigger_sender.is_kernel && signal_is_fault(record->trigger_signal));
}

/* Signals that leave a core dump by default, where the limit allows one; see signal(7). */
static bool has_core_by_default(int signal)
{
	return signal_is_fault(signal) || signal == SIGQUIT || signal == SIGXCPU ||
	       signal == SIGXFSZ;
}

/* Where to look; `rest` is what else there is to say. */
static void advise_look(struct finding *finding, const struct record_process *process,
			const char *rest)
{
	struct text text;

	text_init(&text);
	if (process->has_core)
		text_add(&text, "Look at the core dump (coredumpctl, or where "
				"/proc/sys/kernel/core_pattern says)");
	else
		text_add(&text, "Look at the last lines of its log");
	if (!process->has_core && has_core_by_default(process->exit_signal))
		text_add(&text, "; it left no core dump: allow one (ulimit -c unlimited, "
				"LimitCORE=infinity) for coredumpctl or gdb");
	text_addf(&text, ". %s", rest);
	finding_set_advice(finding, text_take(&text));
}

FINDING_ROW(crashed_unasked)
{
	if (record->verdict != VERDICT_CRASHED || !is_unasked(record))
		return false;
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		bool is_by_signal = is_crash(record, process);

		if (!is_by_signal && (!process->has_exited || process->exit_code <= 0))
			continue;
		finding_process(finding, process);
		if (is_by_signal)
			finding_text(finding, "signal", SIGNAL_NAME(process->exit_signal));
		else
			finding_count(finding, "status", (uint64_t)process->exit_code);
		finding_count(finding, "aborted", record_aborted(record));
		advise_look(finding, process, LOST_WITH_IT);
		if (is_by_signal)
			SAY(finding, "%s (pid %u) crashed with %s, unasked%s", process->comm,
			    process->pid, SIGNAL_NAME(process->exit_signal),
			    process->has_core ? ", and left a core dump" : "");
		else
			SAY(finding, "%s (pid %u) ended with status %d, unasked", process->comm,
			    process->pid, process->exit_code);
		return true;
	}
	return false;
}

FINDING_ROW(crash_during_drain)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];

		if (!is_crash(record, process) || is_unasked(record))
			continue;
		finding_process(finding, process);
		finding_text(finding, "signal", SIGNAL_NAME(process->exit_signal));
		finding_seconds(finding, "crashed_s", process->exited_at_ns);
		finding_count(finding, "aborted", record_aborted(record));
		advise_look(finding, process, USED_AFTER);
		SAY(finding, "%s (pid %u) crashed with %s %s into the stop%s", process->comm,
		    process->pid, SIGNAL_NAME(process->exit_signal), SPAN(process->exited_at_ns),
		    process->has_core ? ", and left a core dump" : "");
		return true;
	}
	return false;
}
