// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which findings a stop would have, each with its reason in a sentence. They are named as those of
 * a record; what only a real stop can show (times, late arrivals) is not among them.
 */
#include "src/analysis/audit_findings.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/advice.h"
#include "src/analysis/findings.h"
#include "src/base/cleanup.h"

/* The summary, of which NULL means "no memory"; true in any case: the finding holds. */
#define say(finding, ...)                                                                          \
	({                                                                                         \
		if (asprintf(&(finding)->summary, __VA_ARGS__) < 0)                                \
			(finding)->summary = NULL;                                                 \
		true;                                                                              \
	})

typedef bool process_test(const struct audit *audit, const struct audit_process *process);

/* The first process for which it holds; NULL: none. ret_count: how many there are. */
static const struct audit_process *first(const struct audit *audit, process_test *holds,
					 size_t *ret_count)
{
	const struct audit_process *found = NULL;

	*ret_count = 0;
	for (size_t i = 0; i < audit->n_processes; i++) {
		if (!holds(audit, &audit->processes[i]))
			continue;
		if (!found)
			found = &audit->processes[i];
		++*ret_count;
	}
	return found;
}

static const char *name_of(const struct audit *audit, char buffer[16])
{
	return signal_name(audit->signal, buffer);
}

/* --- the signal is not heard ---------------------------------------------------------------- */

static bool is_discarding(const struct audit *audit, const struct audit_process *process)
{
	return process->is_told && process->is_init && audit_is_deaf(audit, process) &&
	       process->disposition == DISPOSITION_DEFAULT;
}

static bool is_discarded_pid1(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_discarding, &count);
	char name[16];

	return process &&
	       say(finding,
		   "%s (pid %u) is PID 1 of its namespace and has no handler for %s: the kernel "
		   "discards it",
		   process->comm, process->pid, name_of(audit, name));
}

static bool is_ignoring(const struct audit *audit, const struct audit_process *process)
{
	return process->is_told && audit_is_deaf(audit, process) && process->fate != FATE_STOPS &&
	       !is_discarding(audit, process);
}

static bool is_ignored(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_ignoring, &count);
	char name[16];

	if (!process)
		return false;
	return say(finding, "%s (pid %u) %s %s%s; %zu of %zu processes do so", process->comm,
		   process->pid, process->disposition == DISPOSITION_BLOCKED ? "blocks" : "ignores",
		   name_of(audit, name),
		   process->disposition == DISPOSITION_BLOCKED ? ", and nothing in it waits for it"
							       : "",
		   count, audit->n_processes);
}

/* The child that serves, not told itself, of a process that does not; NULL: there is none. */
static const struct audit_process *wrapped(const struct audit *audit,
					   const struct audit_process *process)
{
	if (!process->is_told || process->listeners)
		return NULL;
	for (size_t i = 0; i < audit->n_processes; i++) {
		const struct audit_process *child = &audit->processes[i];

		if (child->parent == process->pid && child->listeners && !child->is_told)
			return child;
	}
	return NULL;
}

static bool is_silent_wrapper(const struct audit *audit, const struct audit_process *process)
{
	return audit_is_deaf(audit, process) && wrapped(audit, process);
}

static bool is_not_forwarded(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_silent_wrapper, &count);
	char name[16];

	return process &&
	       say(finding, "%s goes to %s (pid %u), which passes nothing on; %s (pid %u) serves",
		   name_of(audit, name), process->comm, process->pid, wrapped(audit, process)->comm,
		   wrapped(audit, process)->pid);
}

static bool is_dying_wrapper(const struct audit *audit, const struct audit_process *process)
{
	return process->fate == FATE_DIES && wrapped(audit, process);
}

static bool is_wrapper_first(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_dying_wrapper, &count);
	char name[16];

	return process && say(finding,
			      "%s ends %s (pid %u) at once; %s (pid %u), which serves, hears "
			      "nothing of it",
			      name_of(audit, name), process->comm, process->pid,
			      wrapped(audit, process)->comm, wrapped(audit, process)->pid);
}

static bool is_orphan(const struct audit *audit, const struct audit_process *process)
{
	const struct audit_process *parent = audit_process_of(audit, process->parent);

	return process->fate == FATE_LIVES && parent && parent->fate != FATE_LIVES;
}

static bool has_orphans(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_orphan, &count);

	return process &&
	       say(finding, "%zu of %zu processes live on without their parent: first %s (pid %u)",
		   count, audit->n_processes, process->comm, process->pid);
}

/* --- the signal is the wrong one, or nobody handles it ---------------------------------------- */

static bool is_dying_server(const struct audit *audit, const struct audit_process *process)
{
	(void)audit;
	return process->fate == FATE_DIES && (process->listeners || process->inbound);
}

static bool has_no_handler(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_dying_server, &count);
	char name[16];

	if (!process || !(audit_cut_off(audit) + audit_dropped(audit)))
		return false;
	return say(finding,
		   "%s (pid %u) has no handler for %s, which ends it at once with its "
		   "%u connections of clients, %u of them in flight",
		   process->comm, process->pid, name_of(audit, name), process->inbound,
		   process->inbound_in_flight);
}

static bool dumps_core(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_dying_server, &count);
	char name[16];

	if (!process || (audit->signal != SIGQUIT && audit->signal != SIGABRT))
		return false;
	return say(finding, "%s without a handler makes %s (pid %u) dump core",
		   name_of(audit, name), process->comm, process->pid);
}

/* What each program documents as its graceful stop. */
static const struct {
	enum program program;
	int signal;
	const char *better;
} wrong[] = {
	{ PROGRAM_NGINX, SIGTERM, "SIGQUIT" },	   { PROGRAM_NGINX, SIGINT, "SIGQUIT" },
	{ PROGRAM_APACHE, SIGTERM, "SIGWINCH" },   { PROGRAM_APACHE, SIGINT, "SIGWINCH" },
	{ PROGRAM_HAPROXY, SIGTERM, "SIGUSR1" },   { PROGRAM_HAPROXY, SIGINT, "SIGUSR1" },
	{ PROGRAM_POSTGRESQL, SIGTERM, "SIGINT" }, { PROGRAM_GUNICORN, SIGINT, "SIGTERM" },
	{ PROGRAM_GUNICORN, SIGQUIT, "SIGTERM" },
};

static const char *better_signal(const struct audit *audit, const struct audit_process *process)
{
	for (size_t i = 0; process->is_told && i < ARRAY_SIZE(wrong); i++) {
		if (wrong[i].program == process->program && wrong[i].signal == audit->signal)
			return wrong[i].better;
	}
	return NULL;
}

static bool has_better_signal(const struct audit *audit, const struct audit_process *process)
{
	return better_signal(audit, process);
}

static bool is_wrong_signal(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, has_better_signal, &count);
	char name[16];

	if (!process)
		return false;
	return say(finding, "%s does not stop %s (pid %u) gracefully, %s does; %llu are in flight",
		   name_of(audit, name), program_name(process->program), process->pid,
		   better_signal(audit, process), (unsigned long long)audit_cut_off(audit));
}

static bool is_served_twice(const struct audit *audit, const struct audit_process *process)
{
	const struct audit_process *parent = audit_process_of(audit, process->parent);

	return process->is_told && process->listeners && parent && parent->is_told &&
	       parent->listeners && process->fate == FATE_STOPS;
}

static bool is_fanned_out(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_served_twice, &count);
	char name[16];

	return process && say(finding,
			      "%s goes to the master and to %zu of its workers at the same time: "
			      "KillMode=mixed leaves them to their master",
			      name_of(audit, name), count);
}

/* --- what it costs -------------------------------------------------------------------------- */

static bool is_cut_off(const struct audit *audit, struct finding *finding)
{
	uint64_t count = audit_cut_off(audit);

	return count && audit->verdict != VERDICT_FORCED &&
	       say(finding,
		   "%llu of %llu connections of clients are in flight and would end "
		   "without an answer",
		   (unsigned long long)count, (unsigned long long)audit_inbound(audit));
}

static bool drops_queue(const struct audit *audit, struct finding *finding)
{
	uint64_t count = audit_dropped(audit);

	return count && say(finding,
			    "%llu connections wait to be accepted, and are reset when the last "
			    "descriptor of their listener is closed",
			    (unsigned long long)count);
}

static bool is_killed_late(const struct audit *audit, const struct audit_process *process)
{
	return process->fate == FATE_KILLED && process->is_told && audit->signal != SIGKILL;
}

static bool exceeds_grace(const struct audit *audit, struct finding *finding)
{
	size_t count;
	bool waits = audit_waits_for_clients(audit) && audit_kills(audit);
	const struct audit_process *process = first(audit, is_killed_late, &count);
	char when[48] = "when its grace period is over";

	if (audit->grace_ns != TIME_UNKNOWN)
		snprintf(when, sizeof(when), "after %.1f s", (double)audit->grace_ns / 1e9);
	if (process)
		return say(finding, "nothing ends %s (pid %u) but SIGKILL, %s", process->comm,
			   process->pid, when);
	return waits && say(finding, "it waits for %llu clients, and gets SIGKILL %s",
			    (unsigned long long)audit_inbound(audit), when);
}

static bool is_killed_aside(const struct audit *audit, const struct audit_process *process)
{
	(void)audit;
	return process->fate == FATE_KILLED && !process->is_told;
}

static bool is_torn_down(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_killed_aside, &count);

	return process && audit->service.kind == SERVICE_CONTAINER &&
	       say(finding,
		   "%zu processes are killed as PID 1 of their namespace ends, first %s (pid %u)",
		   count, process->comm, process->pid);
}

static bool is_killed_with_main(const struct audit *audit, struct finding *finding)
{
	size_t count;
	const struct audit_process *process = first(audit, is_killed_aside, &count);

	return process && audit->kill_mode == KILL_MODE_MIXED &&
	       say(finding,
		   "%zu processes get SIGKILL as soon as the main process has ended, first %s "
		   "(pid %u)",
		   count, process->comm, process->pid);
}

static bool waits_for_idle(const struct audit *audit, struct finding *finding)
{
	char name[16];

	return audit_waits_for_clients(audit) &&
	       say(finding, "PostgreSQL waits after %s until its %llu clients leave by themselves",
		   name_of(audit, name), (unsigned long long)audit_inbound(audit));
}

/* --- the table ------------------------------------------------------------------------------ */

/* By the ids of findings.h, which has their severity and their meaning. */
static const struct prediction {
	const char *id;
	bool (*holds)(const struct audit *audit, struct finding *finding);
} predictions[] = {
	{ "sigterm_discarded_pid1", is_discarded_pid1 },
	{ "sigterm_ignored", is_ignored },
	{ "signal_not_forwarded", is_not_forwarded },
	{ "wrapper_died_first", is_wrapper_first },
	{ "orphans_left", has_orphans },
	{ "no_handler", has_no_handler },
	{ "unhandled_stop_signal_core", dumps_core },
	{ "wrong_stop_signal", is_wrong_signal },
	{ "signal_fanout", is_fanned_out },
	{ "cut_off_at_exit", is_cut_off },
	{ "accept_queue_dropped", drops_queue },
	{ "grace_exceeded", exceeds_grace },
	{ "killed_by_pidns_teardown", is_torn_down },
	{ "killed_by_supervisor", is_killed_with_main },
	{ "drain_blocked_idle", waits_for_idle },
};

static int ask(struct audit *audit, const struct prediction *prediction)
{
	const struct advice_stop stop = { .signal = audit->signal,
					  .ns = TIME_UNKNOWN,
					  .grace_ns = TIME_UNKNOWN,
					  .killed_ns = TIME_UNKNOWN };
	struct finding *finding = &audit->findings[audit->n_findings];

	if (!prediction->holds(audit, finding))
		return 0;
	finding->row = finding_row_find(prediction->id);
	finding->advice = advice_of(finding->row, audit_program(audit), &audit->service, &stop);
	audit->n_findings++;
	return finding->summary && finding->advice ? 0 : -ENOMEM;
}

int audit_find(struct audit *audit)
{
	int err = 0;

	audit->findings = calloc(ARRAY_SIZE(predictions), sizeof(*audit->findings));
	if (!audit->findings)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(predictions) && !err; i++)
		err = ask(audit, &predictions[i]);
	/* Few: insertion keeps the order of the table among equals. */
	for (size_t i = 1; i < audit->n_findings; i++) {
		for (size_t k = i; k > 0; k--) {
			struct finding *upper = &audit->findings[k - 1];
			struct finding *lower = &audit->findings[k];
			struct finding kept = *upper;

			if (upper->row->severity >= lower->row->severity)
				break;
			*upper = *lower;
			*lower = kept;
		}
	}
	return err;
}
