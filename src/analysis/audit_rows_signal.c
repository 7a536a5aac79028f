// SPDX-License-Identifier: GPL-2.0-only
/* Predictions about the signal: nobody hears it, somebody else gets it, it is the wrong one. */
#include <signal.h>

#include "src/analysis/audit_rows.h"
#include "src/base/cleanup.h"

/* --- it is not heard ------------------------------------------------------------------------ */

static bool is_discarding(const struct audit *audit, const struct audit_process *process)
{
	return process->is_told && process->is_init && audit_is_deaf(audit, process) &&
	       process->disposition == DISPOSITION_DEFAULT;
}

AUDIT_ROW(sigterm_discarded_pid1)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_discarding, &count);

	if (!process)
		return false;
	audit_tell(audit, finding, process);
	return say(finding,
		   "%s (pid %u) is PID 1 of its namespace and has no handler for %s: the kernel "
		   "discards it",
		   process->comm, process->pid, SIGNAL_NAME(audit->signal));
}

static bool is_ignoring(const struct audit *audit, const struct audit_process *process)
{
	return process->is_told && audit_is_deaf(audit, process) && process->fate != FATE_STOPS &&
	       !is_discarding(audit, process);
}

/* What keeps a process from hearing it: before the name of the signal, and behind it. */
struct deafness {
	const char *before, *behind;
};

static struct deafness why_deaf(const struct audit *audit, const struct audit_process *process)
{
	if (audit_is_halted(audit, process))
		return (struct deafness){ "is stopped, and hears", " no sooner than a SIGCONT" };
	if (process->disposition == DISPOSITION_BLOCKED)
		return (struct deafness){ "blocks", ", and nothing in it waits for it" };
	if (process->disposition == DISPOSITION_DEFAULT)
		return (struct deafness){ "has no handler for", ", which ends nobody without one" };
	return (struct deafness){ "ignores", "" };
}

AUDIT_ROW(sigterm_ignored)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_ignoring, &count);
	struct deafness why;

	if (!process)
		return false;
	why = why_deaf(audit, process);
	audit_tell(audit, finding, process);
	finding_count(finding, "processes", count);
	return say(finding, "%s (pid %u) %s %s%s; %zu of %zu process%s do%s not hear it",
		   process->comm, process->pid, why.before, SIGNAL_NAME(audit->signal), why.behind,
		   count, audit->n_processes, audit->n_processes == 1 ? "" : "es",
		   count == 1 ? "es" : "");
}

/* --- it is the wrong one, or nobody handles it ------------------------------------------------ */

static bool is_dying_server(const struct audit *audit, const struct audit_process *process)
{
	(void)audit;
	return process->fate == FATE_DIES && (process->listeners || process->inbound);
}

AUDIT_ROW(no_handler)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_dying_server, &count);

	if (!process || !(audit_cut_off(audit) + audit_dropped(audit)))
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "connections", process->inbound);
	finding_count(finding, "in_flight", process->inbound_in_flight);
	return say(finding,
		   "%s (pid %u) has no handler for %s, which ends it at once; %u connection%s of "
		   "clients end%s with it, %u of them in flight",
		   process->comm, process->pid, SIGNAL_NAME(audit->signal), process->inbound,
		   PLURAL(process->inbound), process->inbound == 1 ? "s" : "",
		   process->inbound_in_flight);
}

static bool is_cutting_server(const struct audit *audit, const struct audit_process *process)
{
	return process->fate == FATE_STOPS && (process->listeners || process->inbound) &&
	       audit_cuts(audit, process);
}

static bool say_cutter(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_cutting_server, &count);

	if (!process)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "connections", audit_inbound(audit));
	return say(finding,
		   "after %s %s (pid %u) cuts off what is in flight: nothing is now, but what is "
		   "when it is stopped will be lost",
		   SIGNAL_NAME(audit->signal), program_name(process->program), process->pid);
}

AUDIT_ROW(no_handler_idle)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_dying_server, &count);

	if (audit->verdict != VERDICT_CLEAN)
		return false;
	if (!process)
		return say_cutter(audit, finding);
	if (audit->signal == SIGQUIT)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "connections", process->inbound);
	return say(finding,
		   "%s (pid %u) has no handler for %s, which ends it at once: nothing is in flight "
		   "now, but what is when it is stopped will be lost",
		   process->comm, process->pid, SIGNAL_NAME(audit->signal));
}

AUDIT_ROW(unhandled_stop_signal_core)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_dying_server, &count);

	if (!process || (audit->signal != SIGQUIT && audit->signal != SIGABRT))
		return false;
	audit_tell(audit, finding, process);
	return say(finding, "%s without a handler makes %s (pid %u) dump core",
		   SIGNAL_NAME(audit->signal), process->comm, process->pid);
}

static bool is_killed_first(const struct audit *audit, const struct audit_process *process)
{
	return process->is_told && audit->signal == SIGKILL;
}

AUDIT_ROW(killed_without_stop_signal)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_killed_first, &count);

	if (!process)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "processes", count);
	return say(finding,
		   "SIGKILL is what %s (pid %u) gets first: no handler hears it, and what is in "
		   "flight then will be lost",
		   process->comm, process->pid);
}

static bool has_better_signal(const struct audit *audit, const struct audit_process *process)
{
	return audit_better_signal(audit, process);
}

/* As in a record: where nobody loses anything, no signal is wrong. */
AUDIT_ROW(wrong_stop_signal)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, has_better_signal, &count);
	uint64_t lost = audit_cut_off(audit);

	if (!process || (!lost && !audit_waits_for_clients(audit)))
		return false;
	audit_tell(audit, finding, process);
	finding_text(finding, "better", audit_better_signal(audit, process));
	finding_count(finding, "in_flight", lost);
	return say(finding, "%s does not stop %s (pid %u) gracefully, %s does; %ju %s in flight",
		   SIGNAL_NAME(audit->signal), program_name(process->program), process->pid,
		   audit_better_signal(audit, process), (uintmax_t)lost, lost == 1 ? "is" : "are");
}

static bool is_served_twice(const struct audit *audit, const struct audit_process *process)
{
	const struct audit_process *parent = audit_process_of(audit, process->parent);

	return process->is_told && process->listeners && parent && parent->is_told &&
	       parent->listeners && process->fate == FATE_STOPS;
}

AUDIT_ROW(signal_fanout)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_served_twice, &count);

	if (!process)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "processes", count);
	return say(finding,
		   "%s goes to the master and to %zu of its workers at the same time: "
		   "KillMode=mixed leaves them to their master",
		   SIGNAL_NAME(audit->signal), count);
}
