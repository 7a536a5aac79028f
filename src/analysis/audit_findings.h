/* SPDX-License-Identifier: GPL-2.0-only */
/* The findings of a prediction, from the fates of its processes. Of audit.c alone. */
#ifndef SHUTWATCH_AUDIT_FINDINGS_H
#define SHUTWATCH_AUDIT_FINDINGS_H

#include "src/analysis/audit.h"

/* Fills audit->findings, which is empty. Returns 0 or -ENOMEM. */
int audit_find(struct audit *audit);

/* The sentence behind audit->verdict, which is decided; NULL: no memory. The caller's. */
char *audit_explain(const struct audit *audit);

/* How many of its processes have this fate. */
size_t audit_count_fate(const struct audit *audit, enum fate fate);

/* NULL: it is not of this service. */
const struct audit_process *audit_process_of(const struct audit *audit, uint32_t pid);

/* Does it go on as if nothing had been sent to it? */
bool audit_is_deaf(const struct audit *audit, const struct audit_process *process);

/* Is it stopped, so that it hears nothing until somebody sends SIGCONT, which nobody will? */
bool audit_is_halted(const struct audit *audit, const struct audit_process *process);

/* Will somebody send SIGKILL when the grace period is over? */
bool audit_kills(const struct audit *audit);

/* Does this program, told by this signal, end without finishing what is in flight? */
bool audit_cuts(const struct audit *audit, const struct audit_process *process);

/*
 * Would the prediction be another one if the signal were not the one that is assumed? Of a
 * container nobody told which it is, and images set it (STOPSIGNAL).
 */
bool audit_guess_matters(const struct audit *audit, const struct audit_process *process);

/* "SIGQUIT": what would stop it gracefully, where what it is told does not; NULL: nothing. */
const char *audit_better_signal(const struct audit *audit, const struct audit_process *process);

/* Does PostgreSQL wait for clients that have no reason to leave? */
bool audit_waits_for_clients(const struct audit *audit);

/* Connections in flight that end with their process, and those in queues that end with theirs. */
uint64_t audit_cut_off(const struct audit *audit);
uint64_t audit_dropped(const struct audit *audit);

/* Open connections of clients. */
uint64_t audit_inbound(const struct audit *audit);

/* Of the process that is told: advice is for what the service runs. */
enum program audit_program(const struct audit *audit);

/* Of a process tree: a listing that is no snapshot may hold a loop. */
#define AUDIT_DEPTH_MAX 64

/* An init, or a launcher, that is known to pass the signal on to what it has started. */
bool audit_passes_on(const char *comm);

/* The one that serves below a process, and is not told itself; NULL: there is none. */
const struct audit_process *audit_server_below(const struct audit *audit,
					       const struct audit_process *process);

/*
 * A shell that somebody who does not serve himself has started, and who stops, as npm does: told by
 * him it dies, and what serves below it hears nothing.
 */
bool audit_is_relay(const struct audit *audit, const struct audit_process *process,
		    const struct audit_process *parent);

/*
 * The language of a program of which the runtime has a handler in any case, so that its handler
 * tells nothing about the program; NULL: another one.
 */
const char *audit_runtime(const struct audit *audit, const struct audit_process *process);

#endif
