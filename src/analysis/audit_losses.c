// SPDX-License-Identifier: GPL-2.0-only
/* What a stop costs the clients: by the fates of processes, and by what their programs do. */
#include <signal.h>

#include "src/analysis/audit_findings.h"
#include "src/base/cleanup.h"

#define BIT(signal) (1ULL << ((signal)-1))

/* As these programs document their signals. */
static const struct {
	enum program program;
	uint64_t signals;
} cutters[] = {
	{ PROGRAM_NGINX, BIT(SIGTERM) | BIT(SIGINT) },
	{ PROGRAM_APACHE, BIT(SIGTERM) | BIT(SIGINT) },
	{ PROGRAM_HAPROXY, BIT(SIGTERM) | BIT(SIGINT) },
	{ PROGRAM_GUNICORN, BIT(SIGINT) | BIT(SIGQUIT) },
	{ PROGRAM_POSTGRESQL, BIT(SIGINT) | BIT(SIGQUIT) },
	{ PROGRAM_REDIS, BIT(SIGTERM) | BIT(SIGINT) },
};

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

bool audit_signal_is_guess(const struct audit *audit)
{
	return audit->signal_source == SIGNAL_ASSUMED && audit->service.kind == SERVICE_CONTAINER;
}

static const char *better_signal(enum program program, int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (wrong[i].program == program && wrong[i].signal == signal)
			return wrong[i].better;
	}
	return NULL;
}

static bool cuts(enum program program, int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(cutters); i++) {
		if (cutters[i].program == program)
			return cutters[i].signals & BIT(signal);
	}
	return false;
}

bool audit_guess_matters(const struct audit *audit, const struct audit_process *process)
{
	return audit_signal_is_guess(audit) && process->fate == FATE_STOPS &&
	       (better_signal(process->program, audit->signal) ||
		cuts(process->program, audit->signal));
}

const char *audit_better_signal(const struct audit *audit, const struct audit_process *process)
{
	if (!process->is_told || audit_signal_is_guess(audit))
		return NULL;
	return better_signal(process->program, audit->signal);
}

bool audit_cuts(const struct audit *audit, const struct audit_process *process)
{
	if (audit->signal_source == SIGNAL_UNSEEN || audit_signal_is_guess(audit))
		return false;
	return cuts(process->program, audit->signal);
}

bool audit_waits_for_clients(const struct audit *audit)
{
	bool waits = false;

	if (audit->signal != SIGTERM || audit_signal_is_guess(audit))
		return false;
	for (size_t i = 0; i < audit->n_processes; i++) {
		const struct audit_process *process = &audit->processes[i];

		/* A backend that is told itself closes its connection. */
		if (process->program != PROGRAM_POSTGRESQL ||
		    (process->is_told && process->inbound))
			continue;
		waits |= process->is_told;
	}
	return waits && audit_inbound(audit);
}

uint64_t audit_inbound(const struct audit *audit)
{
	uint64_t count = 0;

	for (size_t i = 0; i < audit->n_processes; i++)
		count += audit->processes[i].inbound;
	return count;
}

uint64_t audit_cut_off(const struct audit *audit)
{
	uint64_t count = 0;

	for (size_t i = 0; i < audit->n_processes; i++) {
		const struct audit_process *process = &audit->processes[i];

		if (process->fate == FATE_DIES || process->fate == FATE_KILLED ||
		    (process->fate == FATE_STOPS && audit_cuts(audit, process)))
			count += process->inbound_in_flight;
	}
	return count;
}

uint64_t audit_dropped(const struct audit *audit)
{
	uint64_t count = 0;

	for (size_t i = 0; i < audit->n_listeners; i++)
		count += audit->listeners[i].dropped;
	return count;
}

/* Of the first that is told and known; below an init or a strange wrapper, of who serves. */
enum program audit_program(const struct audit *audit)
{
	enum program serving = PROGRAM_UNKNOWN;

	for (size_t i = 0; i < audit->n_processes; i++) {
		if (!serving && audit->processes[i].listeners)
			serving = audit->processes[i].program;
		if ((audit->processes[i].is_told || audit->signal_source == SIGNAL_UNSEEN) &&
		    audit->processes[i].program)
			return audit->processes[i].program;
	}
	return serving;
}
