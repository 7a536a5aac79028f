// SPDX-License-Identifier: GPL-2.0-only
/*
 * One snapshot. The sockets come first, process by process, since a race with their closing is
 * on; names and paths can wait. What closes before we get there is counted by its close.
 */
#include "src/capture/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/capture/namespaces.h"
#include "src/capture/procfs.h"
#include "src/capture/recognise.h"
#include "src/model/process.h"

#define MANY_PROCESSES 16

static int add_member(void *context, const void *bytes, size_t size)
{
	struct snapshot *snapshot = context;
	const struct event_process *event = bytes;
	int err;

	if (size != sizeof(*event) || event->header.type != EVENT_PROCESS)
		return -EBADMSG;
	err = array_reserve((void **)&snapshot->members, &snapshot->capacity, snapshot->n_members,
			    sizeof(*snapshot->members));
	if (err)
		return err;
	snapshot->members[snapshot->n_members++] = *event;
	return 0;
}

static void header_fill(struct event_header *header, uint16_t type, size_t size,
			const struct target *target)
{
	header->type = type;
	header->size = (uint16_t)size;
	header->at_ns = clock_boot_ns();
	header->service = target->service;
	header->generation = target->generation;
}

int snapshot_tell_service(const struct service_info *service, const struct target *target,
			  probe_sink sink, void *context)
{
	struct event_service event = {};

	header_fill(&event.header, EVENT_SERVICE, sizeof(event), target);
	event.wall_offset_ns = clock_wall_offset_ns();
	event.kind = SERVICE_TREE;
	if (service) {
		cgroup_service_tell(&service->identity, &event);
		event.grace_ns = service->grace_ns;
	}
	return sink(context, &event, sizeof(event));
}

static int tell_program(const struct process_id *id, const char *known_exe,
			const struct target *target, probe_sink sink, void *context)
{
	struct event_program event = {};

	header_fill(&event.header, EVENT_PROGRAM, sizeof(event), target);
	event.process = *id;
	if (known_exe[0])
		snprintf(event.exe, sizeof(event.exe), "%s", known_exe);
	else if (procfs_exe(id->tgid, event.exe, sizeof(event.exe)))
		return 0; /* gone already */
	return sink(context, &event, sizeof(event));
}

/* Of the root that is gone already, what was known when the service was entered. */
static int tell_known(const struct service_info *service, const struct process_id *id,
		      const struct target *target, probe_sink sink, void *context)
{
	struct event_known event = {};
	enum program program = PROGRAM_UNKNOWN;
	const char *name;

	/* One that is ending has no command line any more: uvicorn looks like any Python then. */
	if ((recognise(id->tgid, &program) || program == PROGRAM_PYTHON) &&
	    process_id_equal(id, &service->root) && service->program)
		program = service->program;
	name = program_name(program);
	if (!name)
		return 0;
	header_fill(&event.header, EVENT_KNOWN, sizeof(event), target);
	event.process = *id;
	snprintf(event.program, sizeof(event.program), "%s", name);
	return sink(context, &event, sizeof(event));
}

static int tell_arguments(const struct process_id *id, const struct target *target, probe_sink sink,
			  void *context)
{
	struct event_arguments event = {};

	header_fill(&event.header, EVENT_ARGUMENTS, sizeof(event), target);
	event.process = *id;
	if (procfs_arguments(id->tgid, event.text, sizeof(event.text)))
		return 0; /* gone already */
	return sink(context, &event, sizeof(event));
}

/* Those of the start; the ones that are still open were listed already, by the same cookies. */
static int tell_unix_listeners(const struct service_info *service, const struct target *target,
			       probe_sink sink, void *context)
{
	struct event_listener event;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < service->n_unix_listeners; i++) {
		event = service->unix_listeners[i];
		event.queued = 0; /* that of the start tells nothing */
		header_fill(&event.header, EVENT_LISTENER, sizeof(event), target);
		err = sink(context, &event, sizeof(event));
	}
	return err;
}

static int tell_members(const struct snapshot *snapshot, const struct service_info *service,
			probe_sink sink, void *context)
{
	const struct target *target = &snapshot->target;
	const struct event_process *members = snapshot->members;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < snapshot->n_members; i++)
		err = sink(context, &members[i], sizeof(members[i]));
	/* The root's program was read when the service was entered: it may be gone by now. */
	if (!err && service->exe[0])
		err = tell_program(&service->root, service->exe, target, sink, context);
	for (i = 0; !err && i < snapshot->n_members; i++)
		err = tell_program(&members[i].process, "", target, sink, context);
	for (i = 0; !err && i < snapshot->n_members; i++)
		err = tell_known(service, &members[i].process, target, sink, context);
	return err;
}

/* --- taking it ------------------------------------------------------------------------------ */

/* The accept queues in the network namespaces of the members, unless that was done. */
static int tag_queues_of(struct probe *probe, const struct snapshot *snapshot,
			 struct namespaces *done)
{
	size_t i;
	int err = 0;

	for (i = 0; err >= 0 && i < snapshot->n_members; i++) {
		_cleanup_close_ int netns = -1;

		err = namespaces_add(done, snapshot->members[i].netns);
		if (err <= 0)
			continue;
		netns = procfs_open_netns(snapshot->members[i].process.tgid);
		/* Else it has ended, and its queue with it; or another one holds it. */
		if (netns >= 0)
			err = probe_tag_queued(probe, netns);
	}
	return err < 0 ? err : 0;
}

/* Of all of them, and in our namespace: each once. */
static int tag_queues(struct probe *probe, const struct snapshot *snapshots, size_t count)
{
	struct namespaces done = {};
	size_t i;
	int err = namespaces_add(&done, procfs_own_netns());

	for (i = 0; err >= 0 && i < count; i++)
		err = tag_queues_of(probe, &snapshots[i], &done);
	namespaces_fini(&done);
	return err < 0 ? err : probe_tag_queued(probe, -1);
}

/*
 * Many processes are looked at one by one, and that takes its time: what is answered meanwhile
 * would not have been in flight. One pass over the table of all sockets goes first; who holds them
 * is found out after that.
 */
static int tag_before(struct probe *probe, const struct snapshot *snapshot)
{
	return snapshot->n_members < MANY_PROCESSES ? 0 : tag_queues(probe, snapshot, 1);
}

int snapshot_begin(struct probe *probe, const struct target *target, struct snapshot *ret_snapshot)
{
	struct snapshot snapshot = { .target = *target };
	size_t i;
	int err = probe_list_members(probe, target, add_member, &snapshot);

	if (!err)
		err = tag_before(probe, &snapshot);
	for (i = 0; !err && i < snapshot.n_members; i++) {
		err = probe_tag_sockets(probe, target, snapshot.members[i].process.tgid);
		if (err == -ESRCH || err == -ENOENT)
			err = 0; /* it has ended; its sockets were counted as they closed */
		if (!err)
			err = probe_dispatch(probe); /* meanwhile the rings fill */
	}
	if (err)
		snapshot_fini(&snapshot);
	else
		*ret_snapshot = snapshot;
	return err;
}

int snapshot_end_all(struct probe *probe, const struct snapshot *snapshots, size_t count)
{
	size_t i;
	int err = tag_queues(probe, snapshots, count);

	for (i = 0; !err && i < count; i++) {
		err = probe_end_snapshot(probe, &snapshots[i].target);
		if (err == -ENOENT)
			err = 0; /* it is over already */
	}
	return err;
}

int snapshot_tell(const struct snapshot *snapshot, const struct service_info *service,
		  bool with_arguments, probe_sink sink, void *context)
{
	const struct target *target = &snapshot->target;
	size_t i;
	int err = tell_unix_listeners(service, target, sink, context);

	if (!err)
		err = tell_members(snapshot, service, sink, context);
	for (i = 0; with_arguments && !err && i < snapshot->n_members; i++)
		err = tell_arguments(&snapshot->members[i].process, target, sink, context);
	/* The last one: where it is in the journal, the snapshot is whole. */
	return err ? err : snapshot_tell_service(service, target, sink, context);
}

void snapshot_fini(struct snapshot *snapshot)
{
	free(snapshot->members);
	*snapshot = (struct snapshot){};
}
