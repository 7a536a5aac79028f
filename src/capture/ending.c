// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks the kernel: lists of the host and of a stopping service, and the steps that end a shutdown.
 * Each of these may be done again, after a collector died in its middle: the counts are read
 * before they are forgotten.
 */
#include "src/capture/probe_internal.h"

#include <errno.h>
#include <string.h>

#include "src/capture/iterate.h"
#include "src/capture/losses.h"
#include "src/capture/sweep.h"

static const struct iterate_options whole_host = { .netns_fd = -1 };

/* --- lists ---------------------------------------------------------------------------------- */

static int run_on(struct probe *probe, struct bpf_program *program, const struct target *target,
		  const struct iterate_options *options, probe_sink sink, void *context)
{
	probe->skeleton->bss->target = *target;
	return iterate(program, options, sink, context);
}

int probe_list_processes(struct probe *probe, probe_sink sink, void *context)
{
	struct target nothing = {};

	return run_on(probe, probe->skeleton->progs.list_processes, &nothing, &whole_host, sink,
		      context);
}

int probe_list_listeners(struct probe *probe, uint32_t pid, probe_sink sink, void *context)
{
	struct iterate_options options = whole_host;

	options.pid = pid;
	return iterate(probe->skeleton->progs.list_listeners, &options, sink, context);
}

int probe_list_connections(struct probe *probe, probe_sink sink, void *context)
{
	return iterate(probe->skeleton->progs.list_connections, &whole_host, sink, context);
}

int probe_list_members(struct probe *probe, const struct target *target, probe_sink sink,
		       void *context)
{
	return run_on(probe, probe->skeleton->progs.list_processes, target, &whole_host, sink,
		      context);
}

int probe_tag_sockets(struct probe *probe, const struct target *target, uint32_t pid)
{
	struct iterate_options options = whole_host;

	options.pid = pid;
	return run_on(probe, probe->skeleton->progs.tag_sockets, target, &options, probe->sink,
		      probe->context);
}

int probe_tag_queued(struct probe *probe, int netns_fd)
{
	struct iterate_options options = whole_host;

	options.netns_fd = netns_fd;
	return iterate(probe->skeleton->progs.tag_queued, &options, probe->sink, probe->context);
}

int probe_end_snapshot(struct probe *probe, const struct target *target)
{
	return probe_run_syscall(probe, probe->skeleton->progs.end_snapshot, target);
}

bool probe_has_waits(const struct probe *probe)
{
	return bpf_program__fd(probe->skeleton->progs.sample_waits) >= 0;
}

int probe_sample_waits(struct probe *probe, const struct target *target, uint32_t pid,
		       probe_sink sink, void *context)
{
	struct iterate_options options = whole_host;

	options.pid = pid;
	return run_on(probe, probe->skeleton->progs.sample_waits, target, &options, sink, context);
}

/* --- the end of a shutdown ------------------------------------------------------------------ */

int probe_run_syscall(struct probe *probe, struct bpf_program *program, const struct target *target)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	probe->skeleton->bss->target = *target;
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &options))
		return -errno;
	return options.retval ? -ENOENT : 0;
}

int probe_freeze(struct probe *probe, const struct target *target, bool *ret_has_left)
{
	int err = probe_run_syscall(probe, probe->skeleton->progs.freeze_shutdown, target);

	if (!err)
		*ret_has_left = !(probe->skeleton->bss->target.flags & SOME_STAY);
	return err;
}

int probe_reconcile_table(struct probe *probe, const struct target *target, int netns_fd)
{
	struct iterate_options options = whole_host;

	options.netns_fd = netns_fd;
	return run_on(probe, probe->skeleton->progs.reconcile_table, target, &options, probe->sink,
		      probe->context);
}

int probe_reconcile_files(struct probe *probe, const struct target *target)
{
	return run_on(probe, probe->skeleton->progs.reconcile_files, target, &whole_host,
		      probe->sink, probe->context);
}

int probe_disarm(struct probe *probe, const struct target *target)
{
	return probe_run_syscall(probe, probe->skeleton->progs.end_shutdown, target);
}

struct counts_sweep {
	struct probe *probe;
	const struct target *target;
	uint64_t now_ns;
};

static int tell_counts(void *context, const void *key, const void *value)
{
	const struct counts_sweep *sweeping = context;
	const struct counts_key *counts_key = key;
	struct event_counts event = {};

	if (counts_key->generation != sweeping->target->generation)
		return 0;
	event.header.type = EVENT_COUNTS;
	event.header.size = sizeof(event);
	event.header.at_ns = sweeping->now_ns;
	event.header.service = sweeping->target->service;
	event.header.generation = sweeping->target->generation;
	event.process = counts_key->process;
	memcpy(&event.counts, value, sizeof(event.counts));
	return sweeping->probe->sink(sweeping->probe->context, &event, sizeof(event));
}

int probe_tell_counts(struct probe *probe, const struct target *target, uint64_t now_ns)
{
	struct counts_sweep sweeping = { .probe = probe, .target = target, .now_ns = now_ns };

	return sweep(probe->skeleton->maps.counts, tell_counts, &sweeping);
}

static int are_counts_of(void *context, const void *key, const void *value)
{
	const struct target *target = context;
	const struct counts_key *counts_key = key;

	(void)value;
	return counts_key->generation == target->generation;
}

static int is_closed_of(void *context, const void *key, const void *value)
{
	const struct target *target = context;
	const struct event_connection *closed = value;

	(void)key;
	return closed->header.generation == target->generation;
}

struct dead_sweep {
	struct probe *probe;
	uint64_t service;
};

static int remove_dead(void *context, const void *key, const void *value)
{
	const struct dead_sweep *sweeping = context;
	const struct member *member = value;

	if (member->service == sweeping->service && member->flags & MEMBER_EXITING)
		probe_remove_member(sweeping->probe, key, sweeping->service);
	return 0;
}

void probe_forget(struct probe *probe, const struct target *target)
{
	struct dead_sweep sweeping = { .probe = probe, .service = target->service };
	struct target copy = *target;

	sweep(probe->skeleton->maps.counts, are_counts_of, &copy);
	sweep(probe->skeleton->maps.closed, is_closed_of, &copy);
	sweep(probe->skeleton->maps.members, remove_dead, &sweeping);
}

bool probe_sees_all_resets(const struct probe *probe)
{
	return probe->resets != RESETS_OF_SOCKETS;
}

bool probe_is_resumed(const struct probe *probe)
{
	return probe->is_resumed;
}

uint64_t probe_ring_losses(struct probe *probe)
{
	return losses_read_one(bpf_map__fd(probe->skeleton->maps.losses), LOSS_EVENT_RING_FULL);
}

void probe_losses(struct probe *probe, uint64_t ret_losses[LOSS_CAUSES])
{
	const struct shared *shared = &probe->skeleton->data_shared->shared;
	int cause;

	losses_read(probe->skeleton->obj, bpf_map__fd(probe->skeleton->maps.losses), ret_losses);
	for (cause = 0; cause < LOSS_CAUSES; cause++)
		ret_losses[cause] += shared->past_nested[cause];
}

uint64_t *probe_told_losses(struct probe *probe)
{
	return (uint64_t *)probe->skeleton->data_shared->shared.told_losses;
}
