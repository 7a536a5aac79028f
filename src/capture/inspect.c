// SPDX-License-Identifier: GPL-2.0-only
/*
 * One look at the host: the census of `watch` says which services there are, a second listing which
 * connections their processes hold, /proc what each does about the signal, systemd how it stops a
 * unit. Between these moments things change: what is gone is left out.
 */
#include "src/capture/inspect.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/capture/census.h"
#include "src/capture/disposition.h"
#include "src/capture/launcher.h"
#include "src/capture/procfs.h"
#include "src/capture/recognise.h"
#include "src/capture/stalled.h"
#include "src/capture/unit.h"

struct looking {
	struct census census;
	struct probe *probe;
	struct event_connection *connections; /* by cookie, then by holder */
	size_t n_connections;
	size_t connections_capacity;
	const struct selectors *selectors;
	int signal;
};

/* --- processes ------------------------------------------------------------------------------ */

static void describe_process(const struct census_process *source, int signal,
			     struct audit_process *process)
{
	struct stance stance;

	memset(process, 0, sizeof(*process));
	process->pid = source->id.tgid;
	process->parent = source->parent.tgid;
	memcpy(process->comm, source->comm, sizeof(process->comm));
	if (recognise(source->id.tgid, &process->program))
		process->program = program_recognise(process->comm, NULL, NULL, 0);
	if (stance_read(process->pid, signal, &stance))
		return;
	process->is_readable = true;
	process->is_init = stance.masks.ns_pid == 1;
	process->disposition = stance.disposition;
	process->is_awaited = stance.is_awaited;
	process->is_stopped = stance.masks.is_stopped;
	process->has_handler = stance.masks.caught & (1ULL << (signal - 1));
}

static int add_processes(const struct looking *looking, size_t root, struct audit *audit)
{
	const struct census *census = &looking->census;
	size_t i, count = 0;

	for (i = 0; i < census->n_processes; i++)
		count += census->processes[i].root == root;
	audit->processes = calloc(count, sizeof(*audit->processes));
	if (!audit->processes)
		return -ENOMEM;
	for (i = 0; i < census->n_processes; i++) {
		if (census->processes[i].root == root)
			describe_process(&census->processes[i], audit->signal,
					 &audit->processes[audit->n_processes++]);
	}
	return 0;
}

/* The census is in order of pids. */
static struct audit_process *find_process(struct audit *audit, uint32_t pid)
{
	size_t i;

	for (i = 0; i < audit->n_processes; i++) {
		if (audit->processes[i].pid == pid)
			return &audit->processes[i];
	}
	return NULL;
}

/* --- listeners ------------------------------------------------------------------------------ */

static struct audit_listener *find_listener(struct audit *audit, uint64_t cookie)
{
	size_t i;

	for (i = 0; i < audit->n_listeners; i++) {
		if (audit->listeners[i].cookie == cookie)
			return &audit->listeners[i];
	}
	return NULL;
}

static int add_holder(struct audit_listener *listener, struct audit_process *process)
{
	int err;

	/* All descriptors of a process come one after another. */
	if (listener->n_holders && listener->holders[listener->n_holders - 1] == process->pid)
		return 0;
	err = array_reserve((void **)&listener->holders, &listener->holders_capacity,
			    listener->n_holders, sizeof(*listener->holders));
	if (err)
		return err;
	listener->holders[listener->n_holders++] = process->pid;
	process->listeners++;
	return 0;
}

static int add_listener(struct audit *audit, const struct event_listener *event)
{
	struct audit_process *process = find_process(audit, event->process.tgid);
	struct audit_listener *listener = find_listener(audit, event->cookie);

	if (!process)
		return 0;
	if (!listener) {
		listener = &audit->listeners[audit->n_listeners++];
		listener->cookie = event->cookie;
		listener->family = event->family;
		memcpy(listener->address, event->address, sizeof(listener->address));
		listener->port = event->port;
		listener->queued = event->queued;
	}
	return add_holder(listener, process);
}

static int add_listeners(const struct looking *looking, struct audit *audit)
{
	const struct census *census = &looking->census;
	size_t i;
	int err = 0;

	audit->listeners = calloc(census->n_listeners + 1, sizeof(*audit->listeners));
	if (!audit->listeners)
		return -ENOMEM;
	for (i = 0; i < census->n_listeners && !err; i++)
		err = add_listener(audit, &census->listeners[i]);
	for (i = 0; i < census->n_listeners && !err; i++) {
		const struct event_listener *event = &census->listeners[i];
		struct audit_listener *listener = find_listener(audit, event->cookie);

		if (listener && !find_process(audit, event->process.tgid))
			listener->is_held_outside = true;
	}
	return err;
}

/* --- connections ---------------------------------------------------------------------------- */

static int add_connection(void *context, const void *bytes, size_t size)
{
	struct looking *looking = context;
	const struct event_connection *event = bytes;
	int err;

	if (size != sizeof(*event) || event->header.type != EVENT_CONNECTION)
		return -EBADMSG;
	err = array_reserve((void **)&looking->connections, &looking->connections_capacity,
			    looking->n_connections, sizeof(*looking->connections));
	if (err)
		return err;
	looking->connections[looking->n_connections++] = *event;
	return 0;
}

static int compare_connections(const void *a, const void *b)
{
	const struct event_connection *x = a, *y = b;

	if (x->cookie != y->cookie)
		return x->cookie > y->cookie ? 1 : -1;
	return census_compare(&x->process, &y->process);
}

/* Which is inbound, the kernel tells by the listening addresses that it knows. */
static int list_connections(struct looking *looking)
{
	const struct census *census = &looking->census;
	size_t i;
	int err = 0;

	for (i = 0; i < census->n_listeners && !err; i++) {
		const struct event_listener *listener = &census->listeners[i];
		struct listener_key key = { .netns = listener->netns, .port = listener->port };

		if (listener->family == AF_UNIX || !listener->port)
			continue;
		memcpy(key.address, listener->address, sizeof(key.address));
		err = probe_add_listener(looking->probe, &key, 1, 0, listener->header.at_ns);
	}
	if (!err)
		err = probe_list_connections(looking->probe, add_connection, looking);
	if (!err && looking->n_connections)
		qsort(looking->connections, looking->n_connections, sizeof(*looking->connections),
		      compare_connections);
	return err;
}

/* One that several processes hold counts once: with the first of them. */
static void count_connections(const struct looking *looking, struct audit *audit)
{
	uint64_t counted = 0;
	size_t i;

	for (i = 0; i < looking->n_connections; i++) {
		const struct event_connection *event = &looking->connections[i];
		struct audit_process *process = find_process(audit, event->process.tgid);
		bool is_in_flight = event->at_signal == AT_SIGNAL_IN_FLIGHT;

		if (!process || event->cookie == counted)
			continue;
		counted = event->cookie;
		if (event->direction == DIRECTION_INBOUND) {
			process->inbound++;
			process->inbound_in_flight += is_in_flight;
		} else {
			process->outbound++;
			process->outbound_in_flight += is_in_flight;
		}
	}
}

/* --- services ------------------------------------------------------------------------------- */

static void identify(const struct census_process *root, struct record_service *service)
{
	const struct cgroup_service *identity = &root->identity;

	if (!root->has_identity) {
		service->kind = SERVICE_TREE;
		memcpy(service->name, root->comm, sizeof(root->comm));
		procfs_cgroup(root->id.tgid, service->cgroup, PATH_BYTES);
		return;
	}
	service->kind = identity->kind;
	memcpy(service->name, identity->name, NAME_BYTES);
	memcpy(service->unit, identity->unit, NAME_BYTES);
	memcpy(service->container_id, identity->container_id, NAME_BYTES);
	memcpy(service->pod_uid, identity->pod_uid, NAME_BYTES);
	memcpy(service->cgroup, identity->cgroup, PATH_BYTES);
}

static int look_at(const struct looking *looking, size_t root, struct audit *audit)
{
	const struct census_process *launcher;
	int err;

	*audit = (struct audit){ .signal = looking->signal, .grace_ns = TIME_UNKNOWN };
	audit->signal_source = looking->signal ? SIGNAL_ASKED : SIGNAL_ASSUMED;
	if (!audit->signal)
		audit->signal = SIGTERM;
	identify(&looking->census.processes[root], &audit->service);
	if (audit->service.kind == SERVICE_UNIT)
		audit->unit_error = unit_read(audit);
	launcher = launcher_of(&looking->census, looking->selectors, root);
	if (launcher)
		describe_process(launcher, audit->signal, &audit->launcher);
	err = add_processes(looking, root, audit);
	if (!err)
		err = add_listeners(looking, audit);
	if (!err)
		count_connections(looking, audit);
	return err;
}

static int look_at_all(const struct looking *looking, struct inspection *inspection)
{
	const struct census *census = &looking->census;
	size_t i;
	int err = 0;

	for (i = 0; i < census->n_processes; i++)
		inspection->n_audits += census->processes[i].root == i;
	inspection->audits = calloc(inspection->n_audits + 1, sizeof(*inspection->audits));
	inspection->n_audits = 0;
	if (!inspection->audits)
		return -ENOMEM;
	for (i = 0; i < census->n_processes && !err; i++) {
		if (census->processes[i].root == i)
			err = look_at(looking, i, &inspection->audits[inspection->n_audits++]);
	}
	return err;
}

/* Nothing is watched: there are no events. */
static int no_event(void *context, const void *event, size_t size)
{
	(void)context;
	(void)event;
	(void)size;
	return 0;
}

static int look(struct looking *looking, struct inspection *inspection)
{
	const struct selectors *selectors = looking->selectors;
	size_t i;
	int err = census_take(&looking->census, looking->probe);

	if (err)
		return err;
	census_group(&looking->census, selectors, NULL);
	for (i = 0; i < selectors->count && !inspection->unmatched; i++) {
		if (!census_matches(&looking->census, &selectors->items[i]))
			inspection->unmatched = &selectors->items[i];
	}
	if (inspection->unmatched)
		return 0;
	launcher_add_shells(&looking->census, selectors);
	err = list_connections(looking);
	if (!err)
		err = look_at_all(looking, inspection);
	return err ? err : stalled_find(inspection->audits, inspection->n_audits);
}

int inspection_take(const struct selectors *selectors, int signal,
		    struct inspection *ret_inspection)
{
	struct probe_options options = { .lists_only = true, .sink = no_event };
	struct looking looking = { .selectors = selectors, .signal = signal };
	int err;

	*ret_inspection = (struct inspection){};
	if (probe_open(&options, &looking.probe))
		return -EACCES;
	err = look(&looking, ret_inspection);
	census_fini(&looking.census);
	free(looking.connections);
	probe_close(looking.probe);
	return err;
}

void inspection_fini(struct inspection *inspection)
{
	size_t i;

	for (i = 0; i < inspection->n_audits; i++)
		audit_fini(&inspection->audits[i]);
	free(inspection->audits);
	*inspection = (struct inspection){};
}
