/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is watched: the services of this host and their members, seeded from a listing of
 * processes and sockets, extended when somebody starts to listen. The kernel keeps members
 * current over fork and exit.
 */
#ifndef SHUTWATCH_ROSTER_H
#define SHUTWATCH_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/capture/cgroup.h"
#include "src/analysis/program.h"
#include "src/capture/probe.h"
#include "src/capture/rules.h"

enum selector_kind { SELECT_PID, SELECT_COMM, SELECT_EXE, SELECT_UNIT, SELECT_CGROUP, SELECT_PORT };

/* One target of the command line. */
struct selector {
	enum selector_kind kind;
	uint32_t number;  /* pid or port */
	const char *text; /* comm, exe, unit or cgroup; the caller's */
};

struct selectors {
	struct selector *items;
	size_t count; /* 0: every service that listens */
	size_t capacity;
};

#define UNIX_LISTENERS_MAX 16 /* of a service; more are told only if the snapshot sees them */

struct service_info {
	uint64_t number;
	struct process_id root; /* the topmost process, when it was entered */
	struct cgroup_service identity;
	char exe[PATH_BYTES]; /* of the root; "": unknown */
	enum program program; /* of the root */
	uint64_t grace_ns;    /* 0: unknown */
	bool is_configured;   /* a rule of the configuration holds for it */
	uint64_t seeding;     /* the last one that found it */
	/* No hook tells when one is closed, maybe before the snapshot: kept from the start. */
	struct event_listener unix_listeners[UNIX_LISTENERS_MAX];
	size_t n_unix_listeners;
};

struct roster_options {
	const struct selectors *selectors;  /* the caller's, must live as long */
	const struct selectors *exclusions; /* NULL: none; the caller's */
	const struct service_rules *rules;  /* NULL: none; the caller's */
	/* A service was entered or named anew: for roster_restore_…(). May be NULL. */
	void (*on_entered)(void *context, const struct event_service *service,
			   const struct event_program *root);
	void *context;
};

struct roster;

/* NULL: out of memory. */
struct roster *roster_new(struct probe *probe, const struct roster_options *options);
void roster_free(struct roster *roster);

/*
 * Lists the host, groups processes into services and enters them into the kernel's maps. May be
 * called again. Returns 0 or -errno. ret_services: how many are watched.
 */
int roster_seed(struct roster *roster, size_t *ret_services);

/* The first selector that matches nothing that runs; NULL: all match. After roster_seed(). */
const struct selector *roster_unmatched(const struct roster *roster);

/*
 * Enters one process as a service of its own, of kind SERVICE_COMMAND. exe: what it will exec(), ""
 * where that is not known. Returns 0 or -errno.
 */
int roster_add_command(struct roster *roster, uint32_t pid, const char *name, const char *exe);
/* It has exec()ed: what it is now is read, for it may end before anybody asks. */
void roster_look_at_command(struct roster *roster, uint32_t pid);

/*
 * Somebody started to listen. Names a service that the kernel has just entered, or takes it out
 * again when it is none of those wanted.
 */
int roster_on_listener(struct roster *roster, const struct event_listener *event);

/* NULL: not watched. */
const struct service_info *roster_find(const struct roster *roster, uint64_t service);

/* Are the arguments of processes to be recorded? */
bool roster_wants_arguments(const struct roster *roster);

/* How many services are watched. */
size_t roster_count(const struct roster *roster);

/* Others are wanted from now on: who no longer is, is let go unless it is needed. 0 or -errno. */
int roster_reconfigure(struct roster *roster, const struct selectors *selectors,
		       const struct selectors *exclusions, const struct service_rules *rules,
		       bool (*is_needed)(void *context, uint64_t service), void *context);

/* What a roster before this one told of its services: 0 or -errno. Before roster_seed(). */
int roster_restore_service(struct roster *roster, const struct event_service *event);
int roster_restore_root(struct roster *roster, const struct event_program *event);
/*
 * Roster and kernel agree again: services that the kernel does not know (except those needed) are
 * dropped, and those that only the kernel knows are removed there. 0 or -errno.
 */
int roster_prune(struct roster *roster, bool (*is_needed)(void *context, uint64_t service),
		 void *context);

/* All its processes have ended. */
void roster_remove(struct roster *roster, uint64_t service);

#endif
