/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A listing of the host at one moment, and how its processes form services. The grouping is pure
 * once the listing is taken.
 */
#ifndef SHUTWATCH_CENSUS_H
#define SHUTWATCH_CENSUS_H

#include <stdbool.h>
#include <stddef.h>

#include "src/capture/probe.h"
#include "src/capture/roster.h"

#define CENSUS_DEPTH_MAX 4096 /* of a process tree: parents are read one by one, a loop may be */

struct census_process {
	struct process_id id;
	struct process_id parent;
	uint64_t service; /* of which it is a member already; 0: none */
	char comm[COMM_BYTES + 1];
	bool is_kin;	   /* shutwatch itself or one of its ancestors */
	bool is_candidate; /* listens, or is asked for */
	bool has_identity; /* its cgroup is a service */
	struct cgroup_service identity;
	size_t root;	 /* index of the root of its service; SIZE_MAX: of none */
	uint64_t number; /* of a root: the number of its service; the roster's */
};

struct census {
	struct census_process *processes; /* by id */
	size_t n_processes;
	size_t processes_capacity;
	struct event_listener *listeners; /* by their holder */
	size_t n_listeners;
	size_t listeners_capacity;
};

/* Lists processes and listening sockets. Returns 0 or -errno. census_fini() in any case. */
int census_take(struct census *census, struct probe *probe);
void census_fini(struct census *census);

/* Processes only, and neither their cgroups nor who of them is kin: cheap. As census_take(). */
int census_list(struct census *census, struct probe *probe);

/*
 * The same of one process alone, which has just begun to listen: cheap. Returns 0; -ENOENT: it is
 * gone; -ENOMEM.
 */
int census_take_one(struct census *census, const struct event_listener *event);

/* Has it ended? What was read of it just before may lack what a process at its end has no more. */
bool census_is_gone(uint32_t pid);

/* NULL: it is not there. */
struct census_process *census_find(const struct census *census, const struct process_id *id);

/* The order of both listings. */
int census_compare(const struct process_id *a, const struct process_id *b);

/* Marks the candidates and finds the root of each service. Arguments as in the roster's options. */
void census_group(struct census *census, const struct selectors *selectors,
		  const struct selectors *exclusions);

/* Does this selector match any process? */
bool census_matches(const struct census *census, const struct selector *selector);

#endif
