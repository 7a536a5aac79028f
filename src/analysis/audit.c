// SPDX-License-Identifier: GPL-2.0-only
/*
 * The prediction: who is told, what becomes of each process, of its connections and listeners, and
 * the outcome of it all. What a handler does cannot be seen from outside: it is believed to drain,
 * unless the program is known to do something else.
 */
#include "src/analysis/audit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/audit_findings.h"
#include "src/analysis/findings.h"
#include "src/base/cleanup.h"

static const char *const kill_modes[] = {
	[KILL_MODE_CONTROL_GROUP] = "control-group",
	[KILL_MODE_MIXED] = "mixed",
	[KILL_MODE_PROCESS] = "process",
	[KILL_MODE_NONE] = "none",
};

const char *kill_mode_name(enum kill_mode mode)
{
	return kill_modes[mode];
}

enum kill_mode kill_mode_from_name(const char *name)
{
	for (size_t i = KILL_MODE_UNKNOWN + 1; i < ARRAY_SIZE(kill_modes); i++) {
		if (strcmp(kill_modes[i], name) == 0)
			return (enum kill_mode)i;
	}
	return KILL_MODE_UNKNOWN;
}

const char *fate_name(enum fate fate)
{
	static const char *const names[] = {
		[FATE_LIVES] = "lives",
		[FATE_STOPS] = "stops",
		[FATE_DIES] = "dies",
		[FATE_KILLED] = "killed",
	};

	return names[fate];
}

const struct audit_process *audit_process_of(const struct audit *audit, uint32_t pid)
{
	size_t low = 0, high = audit->n_processes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (audit->processes[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < audit->n_processes && audit->processes[low].pid == pid)
		return &audit->processes[low];
	return NULL;
}

/* --- who is told ---------------------------------------------------------------------------- */

static bool is_root(const struct audit *audit, const struct audit_process *process)
{
	return !audit_process_of(audit, process->parent);
}

/* What was started in a container later has its parent outside, too: PID 1 is what is told. */
static bool has_init(const struct audit *audit)
{
	for (size_t i = 0; i < audit->n_processes; i++) {
		if (audit->processes[i].is_init)
			return true;
	}
	return false;
}

static bool is_main(const struct audit *audit, const struct audit_process *process)
{
	return audit->main_pid ? process->pid == audit->main_pid : is_root(audit, process);
}

static bool is_told(const struct audit *audit, const struct audit_process *process)
{
	if (audit->signal_source == SIGNAL_UNSEEN)
		return false;
	if (audit->signal_source == SIGNAL_BY_COMMAND)
		return is_main(audit, process);
	switch (audit->kill_mode) {
	case KILL_MODE_CONTROL_GROUP:
		return true;
	case KILL_MODE_NONE:
		return false;
	case KILL_MODE_MIXED:
	case KILL_MODE_PROCESS:
		return is_main(audit, process);
	case KILL_MODE_UNKNOWN:
		if (audit->service.kind == SERVICE_UNIT) /* systemd's default */
			return true;
		if (audit->service.kind == SERVICE_CONTAINER && has_init(audit))
			return process->is_init && is_root(audit, process);
		break;
	}
	return is_root(audit, process);
}

/* --- what becomes of a process -------------------------------------------------------------- */

/* It is ignored, or only stops the process (signal(7)). */
static bool ends_nothing_by_default(int signal)
{
	static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG,  SIGWINCH,
					SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		if (harmless[i] == signal)
			return true;
	}
	return false;
}

/* systemd sends SIGCONT after its signal; a command that it runs, and a runtime, do not. */
bool audit_is_halted(const struct audit *audit, const struct audit_process *process)
{
	return process->is_stopped &&
	       (audit->service.kind != SERVICE_UNIT || audit->signal_source == SIGNAL_BY_COMMAND);
}

/* The kernel discards what PID 1 of a namespace has no handler for (SIGNAL_UNKILLABLE). */
bool audit_is_deaf(const struct audit *audit, const struct audit_process *process)
{
	if (audit->signal == SIGKILL || !process->is_readable)
		return false;
	if (audit_is_halted(audit, process))
		return true;
	switch (process->disposition) {
	case DISPOSITION_IGNORED:
		return true;
	case DISPOSITION_BLOCKED: /* with a handler, for a moment: PostgreSQL does so at work */
		return !process->is_awaited && !process->has_handler;
	case DISPOSITION_DEFAULT:
		return process->is_init || ends_nothing_by_default(audit->signal);
	case DISPOSITION_HANDLER:
		break;
	}
	return false;
}

bool audit_kills(const struct audit *audit)
{
	if (audit->service.kind == SERVICE_CONTAINER)
		return true;
	if (audit->service.kind == SERVICE_UNIT && audit->kill_mode == KILL_MODE_UNKNOWN)
		return true; /* systemd's default */
	return audit->sends_kill && audit->kill_mode != KILL_MODE_NONE &&
	       audit->grace_ns != INT64_MAX;
}

static enum fate fate_of_told(const struct audit *audit, const struct audit_process *process)
{
	if (audit->signal == SIGKILL)
		return FATE_KILLED;
	if (audit_is_deaf(audit, process))
		return audit_kills(audit) ? FATE_KILLED : FATE_LIVES;
	if (process->is_readable && process->disposition == DISPOSITION_DEFAULT)
		return FATE_DIES;
	return FATE_STOPS;
}

/*
 * It serves nobody, ignores the signal and has a parent: it ends with that, as the resource tracker
 * of Python's multiprocessing does, which stays until its pipe is closed.
 */
static bool is_helper(const struct audit *audit, const struct audit_process *process)
{
	return audit_is_deaf(audit, process) && !process->is_stopped && !process->listeners &&
	       !process->inbound && audit_process_of(audit, process->parent);
}

/*
 * Children of a process that stops are its own business: it is believed to take care of them, but
 * for a shell before the server.
 */
static enum fate fate_of(const struct audit *audit, const struct audit_process *process, int depth)
{
	const struct audit_process *parent = audit_process_of(audit, process->parent);
	enum fate above;

	if (audit->signal_source == SIGNAL_UNSEEN)
		return FATE_STOPS;
	if (process->is_told && !is_helper(audit, process))
		return fate_of_told(audit, process);
	if (!parent || depth >= AUDIT_DEPTH_MAX)
		return FATE_LIVES;
	above = fate_of(audit, parent, depth + 1);
	if (above == FATE_STOPS && audit_is_relay(audit, process, parent))
		return FATE_DIES;
	if (above == FATE_LIVES || above == FATE_STOPS)
		return above;
	if (process->is_told) /* a helper */
		return above == FATE_DIES ? FATE_STOPS : above;
	if (parent->is_init || audit->service.kind == SERVICE_CONTAINER ||
	    audit->kill_mode == KILL_MODE_MIXED)
		return FATE_KILLED;
	return FATE_LIVES;
}

/* Does it accept until it ends by itself, or is killed when its grace period is over? */
static bool accepts_on(const struct audit *audit, const struct audit_process *process)
{
	return process->fate == FATE_STOPS ||
	       (process->fate == FATE_KILLED && process->is_told && audit->signal != SIGKILL);
}

/*
 * Who hears the signal takes what waits before it closes the listener, as far as it accepts at all:
 * the few that are in the queue of a busy server at any moment are no loss. With a process that
 * dies at once they are.
 */
static uint32_t dropped(const struct audit *audit, const struct audit_listener *listener)
{
	uint32_t count = listener->queued;

	if (listener->is_held_outside)
		return 0;
	for (size_t i = 0; i < listener->n_holders; i++) {
		const struct audit_process *holder = audit_process_of(audit, listener->holders[i]);

		if (holder && holder->fate == FATE_LIVES)
			return 0;
		if (holder && accepts_on(audit, holder))
			count = listener->stalled;
	}
	return count;
}

static void decide_fates(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_processes; i++)
		audit->processes[i].is_told = is_told(audit, &audit->processes[i]);
	for (size_t i = 0; i < audit->n_processes; i++)
		audit->processes[i].fate = fate_of(audit, &audit->processes[i], 0);
	for (size_t i = 0; i < audit->n_listeners; i++)
		audit->listeners[i].dropped = dropped(audit, &audit->listeners[i]);
}

/* --- the outcome ---------------------------------------------------------------------------- */

size_t audit_count_fate(const struct audit *audit, enum fate fate)
{
	size_t count = 0;

	for (size_t i = 0; i < audit->n_processes; i++)
		count += audit->processes[i].fate == fate;
	return count;
}

/* In the order of the table of outcomes. */
static enum verdict decide(const struct audit *audit)
{
	bool is_killed = audit_count_fate(audit, FATE_KILLED) > 0;
	size_t living = audit_count_fate(audit, FATE_LIVES);

	if (living == audit->n_processes)
		return VERDICT_UNAFFECTED;
	if (audit_waits_for_clients(audit))
		return audit_kills(audit) ? VERDICT_FORCED : VERDICT_DRAINING;
	if (is_killed)
		return VERDICT_FORCED;
	if (living)
		return VERDICT_PARTIAL;
	return audit_cut_off(audit) + audit_dropped(audit) ? VERDICT_LOSSY : VERDICT_CLEAN;
}

static void forget(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_findings; i++)
		finding_fini(&audit->findings[i]);
	free(audit->findings);
	free(audit->reason);
	audit->findings = NULL;
	audit->n_findings = 0;
	audit->reason = NULL;
}

int audit_predict(struct audit *audit)
{
	forget(audit);
	decide_fates(audit);
	audit->verdict = decide(audit);
	audit->reason = audit_explain(audit);
	return audit->reason ? audit_find(audit) : -ENOMEM;
}

enum severity audit_severity(const struct audit *audit)
{
	return audit->n_findings ? audit->findings[0].row->severity : SEVERITY_INFO;
}

void audit_fini(struct audit *audit)
{
	forget(audit);
	for (size_t i = 0; i < audit->n_listeners; i++)
		free(audit->listeners[i].holders);
	free(audit->processes);
	free(audit->listeners);
	free(audit->stop_command);
	memset(audit, 0, sizeof(*audit));
}
