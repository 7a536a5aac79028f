// SPDX-License-Identifier: GPL-2.0-only
/* Predictions about what a stop costs: clients that are lost, processes that must be killed. */
#include <signal.h>
#include <stdio.h>

#include "src/analysis/audit_rows.h"

AUDIT_ROW(cut_off_at_exit)
{
	uint64_t count = audit_cut_off(audit), open = audit_inbound(audit);

	/* Who is killed in the end has had time to drain; not if SIGKILL is the stop signal. */
	if (!count || (audit->verdict == VERDICT_FORCED && audit->signal != SIGKILL))
		return false;
	finding_count(finding, "connections", open);
	finding_count(finding, "in_flight", count);
	if (open == 1)
		return say(finding, "the only connection of a client is in flight and would end "
				    "without an answer");
	return say(finding,
		   "%ju of %ju connections of clients %s in flight and would end without an answer",
		   (uintmax_t)count, (uintmax_t)open, count == 1 ? "is" : "are");
}

AUDIT_ROW(accept_queue_dropped)
{
	uint64_t count = audit_dropped(audit);

	if (!count)
		return false;
	finding_count(finding, "connections", count);
	return say(finding,
		   "%ju connection%s wait%s to be accepted, and %s reset when the last descriptor "
		   "of the listener is closed",
		   (uintmax_t)count, PLURAL(count), count == 1 ? "s" : "",
		   count == 1 ? "is" : "are");
}

static bool is_killed_late(const struct audit *audit, const struct audit_process *process)
{
	return process->fate == FATE_KILLED && process->is_told && audit->signal != SIGKILL;
}

static bool has_grace(const struct audit *audit)
{
	return audit->grace_ns != TIME_UNKNOWN && audit->grace_ns != INT64_MAX;
}

AUDIT_ROW(grace_exceeded)
{
	size_t count;
	bool waits = audit_waits_for_clients(audit) && audit_kills(audit);
	const struct audit_process *process = audit_first(audit, is_killed_late, &count);
	uint64_t clients = audit_inbound(audit);
	char when[48] = "when its grace period is over";

	if (!process && !waits)
		return false;
	if (has_grace(audit)) {
		snprintf(when, sizeof(when), "after %s", SPAN(audit->grace_ns));
		finding_seconds(finding, "grace_s", audit->grace_ns);
	}
	if (process) {
		audit_tell(audit, finding, process);
		return say(finding, "nothing ends %s (pid %u) but SIGKILL, %s", process->comm,
			   process->pid, when);
	}
	finding_count(finding, "connections", clients);
	return say(finding, "it waits for %ju client%s, and gets SIGKILL %s", (uintmax_t)clients,
		   PLURAL(clients), when);
}

static bool is_killed_aside(const struct audit *audit, const struct audit_process *process)
{
	(void)audit;
	return process->fate == FATE_KILLED && !process->is_told;
}

AUDIT_ROW(killed_by_pidns_teardown)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_killed_aside, &count);

	if (!process || audit->service.kind != SERVICE_CONTAINER)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "processes", count);
	return say(finding,
		   "%zu process%s %s killed as PID 1 of the namespace ends, first %s (pid %u)",
		   count, count == 1 ? "" : "es", count == 1 ? "is" : "are", process->comm,
		   process->pid);
}

AUDIT_ROW(killed_by_supervisor)
{
	size_t count;
	const struct audit_process *process = audit_first(audit, is_killed_aside, &count);

	if (!process || audit->kill_mode != KILL_MODE_MIXED)
		return false;
	audit_tell(audit, finding, process);
	finding_count(finding, "processes", count);
	return say(finding,
		   "%zu process%s get%s SIGKILL as soon as the main process has ended, first %s "
		   "(pid %u)",
		   count, count == 1 ? "" : "es", count == 1 ? "s" : "", process->comm,
		   process->pid);
}

AUDIT_ROW(drain_blocked_idle)
{
	uint64_t clients = audit_inbound(audit);

	if (!audit_waits_for_clients(audit))
		return false;
	finding_count(finding, "connections", clients);
	return say(finding, "PostgreSQL waits after %s until its %ju client%s leave%s by %s",
		   SIGNAL_NAME(audit->signal), (uintmax_t)clients, PLURAL(clients),
		   clients == 1 ? "s" : "", clients == 1 ? "itself" : "themselves");
}
