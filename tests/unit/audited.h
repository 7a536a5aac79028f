/* SPDX-License-Identifier: GPL-2.0-only */
/* Facts of running services, made up, and what must be predicted of them. */
#ifndef SHUTWATCH_AUDITED_H
#define SHUTWATCH_AUDITED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/socket.h>

#include "src/analysis/audit.h"
#include "src/analysis/findings.h"

#define ROOM 8

/* A service without processes: a tree, told by TERM that nobody configured. */
static inline struct audit bare(void)
{
	struct audit audit = { .signal = SIGTERM, .grace_ns = TIME_UNKNOWN };

	strcpy(audit.service.name, "web");
	audit.service.kind = SERVICE_TREE;
	audit.processes = calloc(ROOM, sizeof(*audit.processes));
	audit.listeners = calloc(ROOM, sizeof(*audit.listeners));
	assert_non_null(audit.processes);
	assert_non_null(audit.listeners);
	return audit;
}

/* By ascending pids. */
static inline struct audit_process *add(struct audit *audit, uint32_t pid, uint32_t parent,
					enum disposition disposition)
{
	struct audit_process *process = &audit->processes[audit->n_processes++];

	assert_true(audit->n_processes <= ROOM);
	process->pid = pid;
	process->parent = parent;
	process->disposition = disposition;
	process->is_readable = true;
	strcpy(process->comm, "server");
	return process;
}

static inline struct audit_listener *listen_on(struct audit *audit, struct audit_process *process,
					       uint32_t queued)
{
	struct audit_listener *listener = &audit->listeners[audit->n_listeners++];

	listener->family = AF_INET;
	listener->port = 8000;
	listener->queued = queued;
	listener->holders = calloc(ROOM, sizeof(*listener->holders));
	assert_non_null(listener->holders);
	listener->holders[listener->n_holders++] = process->pid;
	process->listeners++;
	return listener;
}

static inline void share(struct audit_listener *listener, struct audit_process *process)
{
	listener->holders[listener->n_holders++] = process->pid;
	process->listeners++;
}

/* Predicts, compares outcome and findings ("a b", the most severe first), and frees. */
static inline void expect(struct audit *audit, enum verdict verdict, const char *findings)
{
	char found[512] = "";

	assert_int_equal(audit_predict(audit), 0);
	for (size_t i = 0; i < audit->n_findings; i++) {
		assert_true(audit->findings[i].summary[0]);
		strcat(found, i ? " " : "");
		strcat(found, audit->findings[i].row->id);
	}
	assert_string_equal(found, findings);
	assert_string_equal(verdict_name(audit->verdict), verdict_name(verdict));
	assert_true(audit->reason[0]);
	audit_fini(audit);
}

#endif
