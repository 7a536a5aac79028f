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

AUDIT_ROW(sigterm_ignored)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_ignoring, &count);
	bool is_blocking = process && process->disposition == DISPOSITION_BLOCKED;

	if (!process)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "processes", count);
	return say(finding, "%s (pid %u) %s %s%s; %zu of %zu process%s do%s so", process->comm,
		   process->pid, is_blocking ? "blocks" : "ignores", SIGNAL_NAME(audit->signal),
		   is_blocking ? ", and nothing in it waits for it" : "", count, audit->n_processes,
		   audit->n_processes == 1 ? "" : "es", count == 1 ? "es" : "");
}

/* The one that serves below a process that does not, and is not told; NULL: there is none. */
static const struct audit_process *wrapped(const struct audit *audit,
					   const struct audit_process *process)
{
	return process->listeners ? NULL : audit_server_below(audit, process);
}

/* The first wrapper for which it holds, and its server; both become evidence. NULL: none. */
static const struct audit_process *tell_wrapper(const struct audit *audit, struct finding *finding,
						process_test *holds,
						const struct audit_process **ret_server)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, holds, &count);

	if (!process)
		return NULL;
	*ret_server = wrapped(audit, process);
	audit_tell(audit, finding, process);
	finding_count(finding, "server_pid", (*ret_server)->pid);
	finding_text(finding, "server", (*ret_server)->comm);
	return process;
}

static bool is_silent_wrapper(const struct audit *audit, const struct audit_process *process)
{
	return process->is_told && audit_is_deaf(audit, process) && wrapped(audit, process);
}

AUDIT_ROW(signal_not_forwarded)
{
	const struct audit_process *server;
	const struct audit_process *process =
		tell_wrapper(audit, finding, is_silent_wrapper, &server);

	if (!process)
		return false;
	return say(finding, "%s goes to %s (pid %u), which passes nothing on; %s (pid %u) serves",
		   SIGNAL_NAME(audit->signal), process->comm, process->pid, server->comm,
		   server->pid);
}

static bool is_dying_wrapper(const struct audit *audit, const struct audit_process *process)
{
	return process->fate == FATE_DIES && wrapped(audit, process);
}

AUDIT_ROW(wrapper_died_first)
{
	const struct audit_process *server;
	const struct audit_process *process =
		tell_wrapper(audit, finding, is_dying_wrapper, &server);

	if (!process)
		return false;
	return say(finding,
		   "%s ends %s (pid %u) at once; %s (pid %u), which serves, hears nothing of it",
		   SIGNAL_NAME(audit->signal), process->comm, process->pid, server->comm,
		   server->pid);
}

/* Of a wrapper that dies, that is what is said. */
static bool is_orphan(const struct audit *audit, const struct audit_process *process)
{
	const struct audit_process *parent = audit_process_of(audit, process->parent);

	return process->fate == FATE_LIVES && parent && parent->fate != FATE_LIVES &&
	       !is_dying_wrapper(audit, parent);
}

AUDIT_ROW(orphans_left)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_orphan, &count);

	if (!process)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "processes", count);
	return say(finding, "%zu of %zu processes live%s on without %s parent: first %s (pid %u)",
		   count, audit->n_processes, count == 1 ? "s" : "", count == 1 ? "its" : "their",
		   process->comm, process->pid);
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

static bool is_unseen(const struct audit *audit, const struct audit_process *process)
{
	return (process->listeners || process->inbound) && audit_runtime(audit, process);
}

/* Caught by somebody who does not serve, and the one that serves is not told. */
static bool is_unseen_wrapper(const struct audit *audit, const struct audit_process *process)
{
	const struct audit_process *server = wrapped(audit, process);

	return server && server->fate == FATE_STOPS && process->is_told &&
	       process->fate == FATE_STOPS && process->disposition == DISPOSITION_HANDLER &&
	       !audit_passes_on(process);
}

static bool say_unseen_wrapper(const struct audit *audit, struct finding *finding)
{
	const struct audit_process *server;
	const struct audit_process *process =
		tell_wrapper(audit, finding, is_unseen_wrapper, &server);

	if (!process)
		return false;
	return say(finding,
		   "%s goes to %s (pid %u), which catches it: whether it passes it on to %s (pid "
		   "%u), which serves, cannot be seen",
		   SIGNAL_NAME(audit->signal), process->comm, process->pid, server->comm,
		   server->pid);
}

AUDIT_ROW(handler_unseen)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_unseen, &count);

	if (!process)
		return say_unseen_wrapper(audit, finding);
	audit_tell(audit, finding, process);
	finding_count(finding, "in_flight", process->inbound_in_flight);
	return say(finding,
		   "%s always catches %s: whether %s (pid %u) has a handler that waits for the %u "
		   "request%s in flight cannot be seen",
		   audit_runtime(audit, process), SIGNAL_NAME(audit->signal), process->comm,
		   process->pid, process->inbound_in_flight, PLURAL(process->inbound_in_flight));
}

AUDIT_ROW(no_handler_idle)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_dying_server, &count);

	if (!process || audit->verdict != VERDICT_CLEAN || audit->signal == SIGQUIT)
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
