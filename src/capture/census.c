// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists the host, or one process of it, and keeps the listing in order.
 */
#include "src/capture/census.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/array.h"
#include "src/capture/procfs.h"

static int add_process(void *context, const void *bytes, size_t size)
{
	struct census *census = context;
	const struct event_process *event = bytes;
	struct census_process *process;
	int err;

	if (size != sizeof(*event) || event->header.type != EVENT_PROCESS)
		return -EBADMSG;
	if (event->flags & PROCESS_ENDED)
		return 0;
	err = array_reserve((void **)&census->processes, &census->processes_capacity,
			    census->n_processes, sizeof(*census->processes));
	if (err)
		return err;
	process = &census->processes[census->n_processes++];
	memset(process, 0, sizeof(*process));
	process->id = event->process;
	process->parent = event->parent;
	process->service = event->header.service;
	memcpy(process->comm, event->comm, COMM_BYTES);
	process->root = SIZE_MAX;
	return 0;
}

static int add_listener(void *context, const void *bytes, size_t size)
{
	struct census *census = context;
	const struct event_listener *event = bytes;
	int err;

	if (size != sizeof(*event) || event->header.type != EVENT_LISTENER)
		return -EBADMSG;
	err = array_reserve((void **)&census->listeners, &census->listeners_capacity,
			    census->n_listeners, sizeof(*census->listeners));
	if (err)
		return err;
	census->listeners[census->n_listeners++] = *event;
	return 0;
}

int census_compare(const struct process_id *a, const struct process_id *b)
{
	if (a->tgid != b->tgid)
		return a->tgid > b->tgid ? 1 : -1;
	if (a->started_ns != b->started_ns)
		return a->started_ns > b->started_ns ? 1 : -1;
	return 0;
}

static int compare_processes(const void *a, const void *b)
{
	const struct census_process *x = a, *y = b;

	return census_compare(&x->id, &y->id);
}

static int compare_holders(const void *a, const void *b)
{
	const struct event_listener *x = a, *y = b;

	return census_compare(&x->process, &y->process);
}

static void sort(struct census *census)
{
	if (census->n_processes)
		qsort(census->processes, census->n_processes, sizeof(*census->processes),
		      compare_processes);
	if (census->n_listeners)
		qsort(census->listeners, census->n_listeners, sizeof(*census->listeners),
		      compare_holders);
}

struct census_process *census_find(const struct census *census, const struct process_id *id)
{
	struct census_process wanted = { .id = *id };

	if (!census->n_processes)
		return NULL;
	return bsearch(&wanted, census->processes, census->n_processes, sizeof(wanted),
		       compare_processes);
}

static void mark_kin(struct census *census)
{
	struct census_process *process = NULL;
	size_t i, depth;

	for (i = 0; i < census->n_processes; i++) {
		if (census->processes[i].id.tgid == (uint32_t)getpid())
			process = &census->processes[i];
	}
	for (depth = 0; process && depth < CENSUS_DEPTH_MAX; depth++) {
		process->is_kin = true;
		process = census_find(census, &process->parent);
	}
}

/* A cgroup that holds shutwatch holds everything it was started with: no service. */
static void read_identities(struct census *census)
{
	char own[PATH_BYTES] = "/", path[PATH_BYTES];
	struct cgroup_service own_service = {};
	size_t i;

	if (!procfs_cgroup((uint32_t)getpid(), own, sizeof(own)))
		cgroup_parse(own, &own_service);
	for (i = 0; i < census->n_processes; i++) {
		struct census_process *process = &census->processes[i];

		if (procfs_cgroup(process->id.tgid, path, sizeof(path)))
			continue;
		process->has_identity = cgroup_parse(path, &process->identity) &&
					strcmp(process->identity.cgroup, own_service.cgroup) != 0;
	}
}

int census_list(struct census *census, struct probe *probe)
{
	int err;

	memset(census, 0, sizeof(*census));
	err = probe_list_processes(probe, add_process, census);
	if (!err)
		sort(census);
	return err;
}

int census_take(struct census *census, struct probe *probe)
{
	int err;

	memset(census, 0, sizeof(*census));
	err = probe_list_processes(probe, add_process, census);
	if (!err)
		err = probe_list_listeners(probe, 0, add_listener, census);
	if (err)
		return err;
	sort(census);
	mark_kin(census);
	read_identities(census);
	return 0;
}

static bool is_ancestor(uint32_t pid)
{
	uint32_t ancestor = (uint32_t)getpid();
	size_t depth;

	for (depth = 0; ancestor && depth < CENSUS_DEPTH_MAX; depth++) {
		if (ancestor == pid)
			return true;
		ancestor = procfs_parent(ancestor);
	}
	return false;
}

/* A zombie has a name, but neither program nor cgroup. */
bool census_is_gone(uint32_t pid)
{
	char path[PATH_BYTES];

	return procfs_exe(pid, path, sizeof(path)) == -ENOENT;
}

int census_take_one(struct census *census, const struct event_listener *event)
{
	struct census_process *process = calloc(1, sizeof(*process));
	struct event_listener *listener = calloc(1, sizeof(*listener));

	*census = (struct census){ .processes = process, .listeners = listener };
	if (!process || !listener)
		return -ENOMEM;
	census->n_processes = census->n_listeners = 1;
	*listener = *event;
	process->id = event->process;
	process->service = event->header.service;
	process->root = SIZE_MAX;
	process->is_kin = is_ancestor(process->id.tgid);
	if (census_is_gone(process->id.tgid) ||
	    procfs_comm(process->id.tgid, process->comm, sizeof(process->comm)))
		return -ENOENT;
	read_identities(census);
	return 0;
}

void census_fini(struct census *census)
{
	free(census->processes);
	free(census->listeners);
	memset(census, 0, sizeof(*census));
}
