// SPDX-License-Identifier: GPL-2.0-only
/* Predictions about who stands between the signal and the server, and about what nobody can see. */
#include <signal.h>
#include <stdio.h>

#include "src/analysis/audit_rows.h"
#include "src/base/cleanup.h"

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

/* --- what cannot be seen ---------------------------------------------------------------------- */

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
	       !audit_passes_on(process->comm);
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

/* It, or what serves below it. */
static bool is_told_server(const struct audit *audit, const struct audit_process *process)
{
	return process->is_told && (process->listeners || audit_server_below(audit, process));
}

static bool say_runtime(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_unseen, &count);
	char requests[48] = "what is in flight, if anything is,";

	if (!process)
		return false;
	if (process->inbound_in_flight)
		snprintf(requests, sizeof(requests), "the %u request%s in flight",
			 process->inbound_in_flight, PLURAL(process->inbound_in_flight));
	audit_tell(audit, finding, process);
	finding_count(finding, "in_flight", process->inbound_in_flight);
	return say(finding,
		   "%s always catches %s: whether %s (pid %u) has a handler that waits for %s "
		   "cannot be seen",
		   audit_runtime(audit, process), SIGNAL_NAME(audit->signal), process->comm,
		   process->pid, requests);
}

static const char *what_a_launcher_does(const struct audit_process *launcher)
{
	if (launcher->is_readable && launcher->disposition == DISPOSITION_DEFAULT)
		return "it has no handler, and ends alone";
	if (launcher->is_readable && launcher->disposition == DISPOSITION_IGNORED)
		return "it ignores that";
	return "nobody can see whether it passes that on";
}

/* Who asks about the launcher itself gets a sure answer. */
static bool say_launcher(const struct audit *audit, struct finding *finding)
{
	const struct audit_process *launcher = &audit->launcher;
	size_t count;
	const struct audit_process *process = audit_first(audit, is_told_server, &count);

	if (!launcher->pid || !process)
		return false;
	audit_tell(audit, finding, launcher);
	finding_count(finding, "server_pid", process->pid);
	finding_text(finding, "server", process->comm);
	return say(finding,
		   "%s (pid %u) has started %s (pid %u) and does not serve: if %s goes to it, %s; "
		   "--pid %u says what comes of that",
		   launcher->comm, launcher->pid, process->comm, process->pid,
		   SIGNAL_NAME(audit->signal), what_a_launcher_does(launcher), launcher->pid);
}

static bool say_guess(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, audit_guess_matters, &count);

	if (!process)
		return false;
	audit_tell(audit, finding, process);
	return say(finding,
		   "which signal stops the container cannot be seen (STOPSIGNAL of its image): %s, "
		   "which is assumed, is not what lets %s (pid %u) drain; --signal names another",
		   SIGNAL_NAME(audit->signal), program_name(process->program), process->pid);
}

AUDIT_ROW(handler_unseen)
{
	return say_runtime(audit, finding) || say_unseen_wrapper(audit, finding) ||
	       say_guess(audit, finding) || say_launcher(audit, finding);
}
