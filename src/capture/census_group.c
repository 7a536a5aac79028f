// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups processes into services: by cgroup where the cgroup is a service, else by process tree
 * under the topmost process that shares a listener (or was asked for).
 *
 * shutwatch and its ancestors are candidates only when asked for by pid: a test harness or a
 * shell that happens to listen must not swallow everything below it.
 */
#include <fnmatch.h>
#include <string.h>

#include "src/capture/census.h"
#include "src/capture/procfs.h"

/* The first listener of a process; census->n_listeners or another's: it has none. */
static size_t first_listener(const struct census *census, const struct process_id *holder)
{
	size_t low = 0, high = census->n_listeners;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (census_compare(&census->listeners[middle].process, holder) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_held_by(const struct census *census, size_t listener,
		       const struct process_id *holder)
{
	return listener < census->n_listeners &&
	       !census_compare(&census->listeners[listener].process, holder);
}

/* --- candidates ----------------------------------------------------------------------------- */

static bool holds_port(const struct census *census, const struct process_id *id, uint32_t port)
{
	size_t i;

	for (i = first_listener(census, id); is_held_by(census, i, id); i++) {
		const struct event_listener *listener = &census->listeners[i];

		if (port == UINT32_MAX || (listener->port && listener->port == port))
			return true;
	}
	return false;
}

static bool is_below(const char *path, const char *cgroup)
{
	size_t size = strlen(cgroup);

	while (size > 1 && cgroup[size - 1] == '/')
		size--;
	return !strncmp(path, cgroup, size) && (path[size] == '\0' || path[size] == '/');
}

/* The same name, or a glob that matches it. */
static bool is_like(const char *wanted, const char *name)
{
	return !strcmp(wanted, name) || !fnmatch(wanted, name, 0);
}

static bool matches(const struct census *census, const struct census_process *process,
		    const struct selector *selector)
{
	char path[PATH_BYTES];

	switch (selector->kind) {
	case SELECT_PID:
		return process->id.tgid == selector->number;
	case SELECT_COMM:
		return is_like(selector->text, process->comm);
	case SELECT_EXE:
		return !procfs_exe(process->id.tgid, path, sizeof(path)) &&
		       is_like(selector->text, path);
	case SELECT_UNIT:
		return process->has_identity && is_like(selector->text, process->identity.unit);
	case SELECT_CGROUP:
		return !procfs_cgroup(process->id.tgid, path, sizeof(path)) &&
		       (is_below(path, selector->text) || is_like(selector->text, path));
	case SELECT_PORT:
		return holds_port(census, &process->id, selector->number);
	}
	return false;
}

bool census_matches(const struct census *census, const struct selector *selector)
{
	size_t i;

	for (i = 0; i < census->n_processes; i++) {
		if (matches(census, &census->processes[i], selector))
			return true;
	}
	return false;
}

static bool is_excluded(const struct census *census, const struct census_process *process,
			const struct selectors *exclusions)
{
	size_t i;

	for (i = 0; exclusions && i < exclusions->count; i++) {
		if (matches(census, process, &exclusions->items[i]))
			return true;
	}
	return false;
}

static bool is_wanted(const struct census *census, const struct census_process *process,
		      const struct selectors *selectors, const struct selectors *exclusions)
{
	size_t i;

	if (is_excluded(census, process, exclusions))
		return false;
	if (!selectors->count)
		return !process->is_kin && process->id.tgid != 1 &&
		       (process->service || holds_port(census, &process->id, UINT32_MAX));
	for (i = 0; i < selectors->count; i++) {
		if (process->is_kin && selectors->items[i].kind != SELECT_PID)
			continue;
		if (matches(census, process, &selectors->items[i]))
			return true;
	}
	return false;
}

/* --- grouping ------------------------------------------------------------------------------- */

static bool share_listener(const struct census *census, const struct process_id *a,
			   const struct process_id *b)
{
	size_t i, k;

	for (i = first_listener(census, a); is_held_by(census, i, a); i++) {
		for (k = first_listener(census, b); is_held_by(census, k, b); k++) {
			if (census->listeners[k].cookie == census->listeners[i].cookie)
				return true;
		}
	}
	return false;
}

/* Members already, or listening on one socket. */
static bool are_of_one_service(const struct census *census, const struct census_process *parent,
			       const struct census_process *child)
{
	if (parent->service && parent->service == child->service)
		return true;
	return share_listener(census, &parent->id, &child->id);
}

/* The topmost process of the tree to which the candidate belongs. */
static size_t tree_root(const struct census *census, const struct census_process *candidate,
			bool is_selected)
{
	const struct census_process *root = candidate;
	size_t depth;

	for (depth = 0; depth < CENSUS_DEPTH_MAX; depth++) {
		const struct census_process *parent = census_find(census, &root->parent);

		if (!parent || !parent->is_candidate || parent->has_identity)
			break;
		if (!is_selected && !are_of_one_service(census, parent, root))
			break;
		root = parent;
	}
	return (size_t)(root - census->processes);
}

/* The first process in the same cgroup: it stands for the service. */
static size_t cgroup_root(const struct census *census, const struct census_process *candidate)
{
	size_t i;

	for (i = 0; i < census->n_processes; i++) {
		if (census->processes[i].has_identity &&
		    !strcmp(census->processes[i].identity.cgroup, candidate->identity.cgroup))
			return i;
	}
	return (size_t)(candidate - census->processes);
}

/* Of those in a root's cgroup, all; of a tree, whoever has a root as nearest ancestor. */
static void spread(struct census *census, struct census_process *process)
{
	const struct census_process *ancestor = process;
	size_t i, depth;

	for (i = 0; process->has_identity && i < census->n_processes; i++) {
		const struct census_process *root = &census->processes[i];

		if (root->root == i && root->has_identity &&
		    !strcmp(root->identity.cgroup, process->identity.cgroup)) {
			process->root = i;
			return;
		}
	}
	for (depth = 0; ancestor && depth < CENSUS_DEPTH_MAX; depth++) {
		if (ancestor->root == (size_t)(ancestor - census->processes) &&
		    !ancestor->has_identity) {
			process->root = ancestor->root;
			return;
		}
		ancestor = census_find(census, &ancestor->parent);
	}
}

void census_group(struct census *census, const struct selectors *selectors,
		  const struct selectors *exclusions)
{
	size_t i, root;

	for (i = 0; i < census->n_processes; i++)
		census->processes[i].is_candidate =
			is_wanted(census, &census->processes[i], selectors, exclusions);
	for (i = 0; i < census->n_processes; i++) {
		const struct census_process *process = &census->processes[i];

		if (!process->is_candidate)
			continue;
		root = process->has_identity ? cgroup_root(census, process)
					     : tree_root(census, process, selectors->count > 0);
		census->processes[root].root = root;
	}
	for (i = 0; i < census->n_processes; i++) {
		if (census->processes[i].root != i)
			spread(census, &census->processes[i]);
	}
}
