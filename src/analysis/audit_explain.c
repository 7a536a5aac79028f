// SPDX-License-Identifier: GPL-2.0-only
/* Why the outcome of a prediction is what it is, in one sentence for people. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/audit_findings.h"
#include "src/base/cleanup.h"

const char *audit_runtime(const struct audit *audit, const struct audit_process *process)
{
	if (audit->signal_source == SIGNAL_UNSEEN || process->fate != FATE_STOPS ||
	    process->disposition != DISPOSITION_HANDLER)
		return NULL;
	if (process->program == PROGRAM_GO)
		return "Go";
	if (process->program == PROGRAM_NODE)
		return "Node";
	if (process->program == PROGRAM_JAVA || process->program == PROGRAM_SPRING)
		return "Java";
	return NULL;
}

static const char *runtime_of(const struct audit *audit)
{
	const char *found = NULL;

	for (size_t i = 0; i < audit->n_processes && !found; i++)
		found = audit_runtime(audit, &audit->processes[i]);
	return found;
}

static char *explain_lossy(const struct audit *audit)
{
	char *reason = NULL;

	if (asprintf(&reason, "%llu in flight and %llu in accept queues would get no answer",
		     (unsigned long long)audit_cut_off(audit),
		     (unsigned long long)audit_dropped(audit)) < 0)
		return NULL;
	return reason;
}

/* The first process that stops and of which it holds; NULL: there is none. */
static const struct audit_process *stopping(const struct audit *audit,
					    bool (*holds)(const struct audit *audit,
							  const struct audit_process *process))
{
	for (size_t i = 0; i < audit->n_processes; i++) {
		if (audit->processes[i].fate == FATE_STOPS && holds(audit, &audit->processes[i]))
			return &audit->processes[i];
	}
	return NULL;
}

/* Told by SIGTERM, PostgreSQL waits for whoever is connected. */
static bool is_patient(const struct audit *audit, const struct audit_process *process)
{
	return process->program == PROGRAM_POSTGRESQL && audit_better_signal(audit, process) &&
	       !audit_cuts(audit, process);
}

/* What is known to cut requests off, where there are none now. */
static char *explain_cutter(const struct audit *audit, const struct audit_process *cutter)
{
	const char *better = audit_better_signal(audit, cutter);
	char *reason = NULL, name[16];

	if (asprintf(&reason,
		     "nothing is in flight now (what is, %s does not wait for after %s%s%s%s)",
		     program_name(cutter->program), signal_name(audit->signal, name),
		     better ? "; after " : "", better ? better : "", better ? " it does" : "") < 0)
		return NULL;
	return reason;
}

static char *explain_guess(const struct audit *audit, const struct audit_process *process)
{
	char *reason = NULL, name[16];

	if (asprintf(&reason,
		     "its stop signal is that of its image, which cannot be seen, and is believed "
		     "to let %s drain, as %s would not",
		     program_name(process->program), signal_name(audit->signal, name)) < 0)
		return NULL;
	return reason;
}

static char *explain_handler(const struct audit *audit)
{
	size_t stopping = audit_count_fate(audit, FATE_STOPS), told = 0;

	for (size_t i = 0; i < audit->n_processes; i++)
		told += audit->processes[i].fate == FATE_STOPS && audit->processes[i].is_told;
	if (!stopping)
		return strdup("nothing is in flight now");
	return strdup(stopping == told
			      ? "what stops has a handler, which is believed to drain"
			      : "what is told has a handler, which is believed to drain and to end "
				"the processes below");
}

static char *explain_clean(const struct audit *audit)
{
	const struct audit_process *cutter = stopping(audit, audit_cuts);
	const struct audit_process *guess = stopping(audit, audit_guess_matters);
	const char *runtime = runtime_of(audit);
	char *reason = NULL;

	if (audit->signal_source == SIGNAL_UNSEEN)
		return strdup("its unit stops it by a command, which is believed to drain");
	if (cutter)
		return explain_cutter(audit, cutter);
	if (guess)
		return explain_guess(audit, guess);
	if (stopping(audit, is_patient))
		return strdup("no client is connected now (PostgreSQL waits after SIGTERM until "
			      "the last one has left; after SIGINT it does not)");
	if (!runtime)
		return explain_handler(audit);
	if (asprintf(&reason,
		     "%s always catches the signal: whether the program drains cannot be seen",
		     runtime) < 0)
		return NULL;
	return reason;
}

char *audit_explain(const struct audit *audit)
{
	switch (audit->verdict) {
	case VERDICT_UNAFFECTED:
		return strdup("the signal would end none of its processes");
	case VERDICT_DRAINING:
		return strdup("it would wait for its clients to leave");
	case VERDICT_FORCED:
		return strdup(audit->signal == SIGKILL
				      ? "its stop signal is SIGKILL"
				      : "SIGKILL would end what the signal does not");
	case VERDICT_PARTIAL:
		return strdup("some processes would end, and others live on");
	case VERDICT_LOSSY:
		return explain_lossy(audit);
	default:
		return explain_clean(audit);
	}
}
