// SPDX-License-Identifier: GPL-2.0-only
/* Who stands between the one that is told and the one that serves, and what becomes of it. */
#include "src/analysis/audit_findings.h"

#include <string.h>

#include "src/base/cleanup.h"

static const struct audit_process *server_below(const struct audit *audit,
						const struct audit_process *top, int depth)
{
	for (size_t i = 0; depth < AUDIT_DEPTH_MAX && i < audit->n_processes; i++) {
		const struct audit_process *child = &audit->processes[i];
		const struct audit_process *found;

		if (child->parent != top->pid || child->is_told)
			continue;
		found = child->listeners ? child : server_below(audit, child, depth + 1);
		if (found)
			return found;
	}
	return NULL;
}

const struct audit_process *audit_server_below(const struct audit *audit,
					       const struct audit_process *process)
{
	return server_below(audit, process, 0);
}

bool audit_is_relay(const struct audit *audit, const struct audit_process *process,
		    const struct audit_process *parent)
{
	return process->program == PROGRAM_SHELL && process->is_readable &&
	       process->disposition == DISPOSITION_DEFAULT && !process->listeners &&
	       !parent->listeners && audit_server_below(audit, process);
}

bool audit_passes_on(const char *comm)
{
	static const char *const names[] = { "tini",	     "tini-static", "docker-init",
					     "dumb-init",    "catatonit",   "timeout",
					     "s6-supervise", "runsv",	    "supervisord" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(comm, names[i]) == 0)
			return true;
	}
	return false;
}
