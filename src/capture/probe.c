// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the BPF skeleton and both ring buffers. Knows how to ask the kernel; who is watched and
 * when a shutdown is over is decided elsewhere.
 */
#include "src/capture/probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/capture/features.h"
#include "src/capture/iterate.h"
#include "src/capture/jiffies.h"
#include "src/capture/losses.h"
#include "src/capture/sweep.h"

#include "shutwatch.skel.h"

struct probe {
	struct shutwatch_bpf *skeleton;
	struct ring_buffer *rings;
	probe_sink sink;
	void *context;
};

static const struct iterate_options whole_host = { .netns_fd = -1, .map_fd = -1 };

static int on_ring_event(void *context, void *event, size_t size)
{
	struct probe *probe = context;

	return probe->sink(probe->context, event, size);
}

/* libbpf is chatty about what we explain ourselves; SHUTWATCH_DEBUG shows it all. */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	return getenv("SHUTWATCH_DEBUG") ? vfprintf(stderr, format, arguments) : 0;
}

static size_t ring_bytes(size_t wanted)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);

	while (bytes < wanted && bytes < (size_t)1 << 30)
		bytes *= 2;
	return bytes;
}

static int configure(struct probe *probe, const struct probe_options *options)
{
	struct shutwatch_bpf *skeleton = probe->skeleton;

	skeleton->rodata->follow_listeners = options->follow_listeners;
	skeleton->rodata->forwarder_tgid = options->forwarder_pid;
	skeleton->rodata->collector_tgid = (__u32)getpid();
	skeleton->rodata->jiffy_ns = jiffy_ns_detect();
	if (!options->detail_ring_bytes)
		return 0;
	return bpf_map__set_max_entries(skeleton->maps.details,
					(__u32)ring_bytes(options->detail_ring_bytes));
}

/* Iterators are attached when they run, syscall programs never. */
static void skip_auto_attach(struct shutwatch_bpf *skeleton)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj) {
		if (strncmp(bpf_program__section_name(program), "tp_btf/", 7) != 0)
			bpf_program__set_autoattach(program, false);
	}
}

static int open_rings(struct probe *probe)
{
	struct shutwatch_bpf *skeleton = probe->skeleton;

	probe->rings =
		ring_buffer__new(bpf_map__fd(skeleton->maps.events), on_ring_event, probe, NULL);
	if (!probe->rings)
		return -errno;
	return ring_buffer__add(probe->rings, bpf_map__fd(skeleton->maps.details), on_ring_event,
				probe);
}

static void leave_out_missing(struct shutwatch_bpf *skeleton)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj) {
		if (!feature_is_missing(bpf_program__name(program)))
			continue;
		bpf_program__set_autoload(program, false);
		log_info("this kernel does not take %s: going on without it, see "
			 "`shutwatch check`",
			 bpf_program__name(program));
	}
}

static int open_and_load(struct probe *probe, const struct probe_options *options,
			 bool is_second_try)
{
	int err;

	shutwatch_bpf__destroy(probe->skeleton);
	probe->skeleton = shutwatch_bpf__open();
	if (!probe->skeleton)
		return -errno;
	if (is_second_try)
		leave_out_missing(probe->skeleton);
	err = configure(probe, options);
	if (err)
		return err;
	skip_auto_attach(probe->skeleton);
	return shutwatch_bpf__load(probe->skeleton);
}

/* The optional programs are looked at one by one only where all together are refused. */
static int load(struct probe *probe, const struct probe_options *options)
{
	int err = open_and_load(probe, options, false);

	if (err && err != -EPERM)
		err = open_and_load(probe, options, true);
	if (err)
		return err;
	err = open_rings(probe);
	if (err)
		return err;
	return shutwatch_bpf__attach(probe->skeleton);
}

int probe_open(const struct probe_options *options, struct probe **ret_probe)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int err;

	if (!probe)
		return -ENOMEM;
	probe->sink = options->sink;
	probe->context = options->context;
	libbpf_set_print(print_libbpf);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	err = load(probe, options);
	if (err) {
		log_error("cannot trace: loading the BPF programs failed: %s "
			  "(`shutwatch check` tells what this kernel lacks)",
			  strerror(-err));
		probe_close(probe);
		return err;
	}
	*ret_probe = probe;
	return 0;
}

void probe_close(struct probe *probe)
{
	if (!probe)
		return;
	ring_buffer__free(probe->rings);
	shutwatch_bpf__destroy(probe->skeleton);
	free(probe);
}

int probe_fd(const struct probe *probe)
{
	return ring_buffer__epoll_fd(probe->rings);
}

int probe_dispatch(struct probe *probe)
{
	int got = ring_buffer__consume(probe->rings);

	return got < 0 ? got : 0;
}

/* --- who is watched ------------------------------------------------------------------------- */

int probe_add_service(struct probe *probe, uint64_t service)
{
	struct service_state state = {};

	if (bpf_map_update_elem(bpf_map__fd(probe->skeleton->maps.services), &service, &state,
				BPF_NOEXIST))
		return -errno;
	return 0;
}

int probe_set_member(struct probe *probe, const struct process_id *id, uint64_t service)
{
	struct member member = { .service = service };

	if (bpf_map_update_elem(bpf_map__fd(probe->skeleton->maps.members), id, &member, BPF_ANY))
		return -errno;
	return 0;
}

void probe_remove_member(struct probe *probe, const struct process_id *id, uint64_t service)
{
	int fd = bpf_map__fd(probe->skeleton->maps.members);
	struct member member;

	if (!bpf_map_lookup_elem(fd, id, &member) && member.service == service)
		bpf_map_delete_elem(fd, id);
}

int probe_add_listener(struct probe *probe, const struct listener_key *key, uint64_t service,
		       uint64_t instead)
{
	struct listener_entry entry = { .service = service, .open = 1 };
	struct listener_entry known;
	int fd = bpf_map__fd(probe->skeleton->maps.listeners);

	if (!bpf_map_lookup_elem(fd, key, &known)) {
		if (known.service == service)
			return 0;
		entry.is_shared = known.service != instead && known.open > 0;
		entry.open = entry.is_shared ? known.open + 1 : 1;
	}
	return bpf_map_update_elem(fd, key, &entry, BPF_ANY) ? -errno : 0;
}

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

int probe_tag_queued(struct probe *probe, const struct target *target, int netns_fd)
{
	struct iterate_options options = whole_host;

	options.netns_fd = netns_fd;
	return run_on(probe, probe->skeleton->progs.tag_queued, target, &options, probe->sink,
		      probe->context);
}

/* --- the end of a shutdown ------------------------------------------------------------------ */

static int run_syscall_program(struct probe *probe, struct bpf_program *program,
			       const struct target *target)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	probe->skeleton->bss->target = *target;
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &options))
		return -errno;
	return options.retval ? -ENOENT : 0;
}

/* A stop may have armed it meanwhile: nobody would disarm it. */
void probe_remove_service(struct probe *probe, uint64_t service)
{
	struct target target = { .service = service };
	struct service_state state;
	int fd = bpf_map__fd(probe->skeleton->maps.services);

	if (!bpf_map_lookup_elem(fd, &service, &state) && state.generation) {
		target.generation = state.generation;
		run_syscall_program(probe, probe->skeleton->progs.end_shutdown, &target);
	}
	bpf_map_delete_elem(fd, &service);
}

int probe_finish(struct probe *probe, const struct target *target)
{
	struct shutwatch_bpf *skeleton = probe->skeleton;
	struct iterate_options options = whole_host;
	int err, end_err;

	options.map_fd = bpf_map__fd(skeleton->maps.connection_tags);
	err = run_syscall_program(probe, skeleton->progs.freeze_shutdown, target);
	if (!err)
		err = run_on(probe, skeleton->progs.reconcile, target, &options, probe->sink,
			     probe->context);
	end_err = run_syscall_program(probe, skeleton->progs.end_shutdown, target);
	return err ? err : end_err;
}

struct counts_sweep {
	struct probe *probe;
	const struct target *target;
	uint64_t now_ns;
};

static int take_counts(void *context, const void *key, const void *value)
{
	const struct counts_sweep *sweeping = context;
	const struct counts_key *counts_key = key;
	struct event_counts event = {};
	int err;

	if (counts_key->generation != sweeping->target->generation)
		return 0;
	event.header.type = EVENT_COUNTS;
	event.header.size = sizeof(event);
	event.header.at_ns = sweeping->now_ns;
	event.header.service = sweeping->target->service;
	event.header.generation = sweeping->target->generation;
	event.process = counts_key->process;
	memcpy(&event.counts, value, sizeof(event.counts));
	err = sweeping->probe->sink(sweeping->probe->context, &event, sizeof(event));
	return err ? err : 1;
}

static int is_closed_of(void *context, const void *key, const void *value)
{
	const struct target *target = context;
	const struct event_connection *closed = value;

	(void)key;
	return closed->header.generation == target->generation;
}

static int is_dead_member_of(void *context, const void *key, const void *value)
{
	const struct target *target = context;
	const struct member *member = value;

	(void)key;
	return member->service == target->service && member->flags & MEMBER_EXITING;
}

int probe_take_counts(struct probe *probe, const struct target *target, uint64_t now_ns)
{
	struct counts_sweep sweeping = { .probe = probe, .target = target, .now_ns = now_ns };
	struct target copy = *target;
	struct counts_key counts_key, next_counts_key;
	struct process_id id, next_id;
	struct event_connection closed;
	struct member member;
	struct counts counts;
	uint64_t cookie, next_cookie;
	int err;

	err = sweep(bpf_map__fd(probe->skeleton->maps.counts), &counts_key, &next_counts_key,
		    sizeof(counts_key), &counts, take_counts, &sweeping);
	sweep(bpf_map__fd(probe->skeleton->maps.closed), &cookie, &next_cookie, sizeof(cookie),
	      &closed, is_closed_of, &copy);
	sweep(bpf_map__fd(probe->skeleton->maps.members), &id, &next_id, sizeof(id), &member,
	      is_dead_member_of, &copy);
	return err;
}

void probe_losses(struct probe *probe, uint64_t ret_losses[LOSS_CAUSES])
{
	losses_read(probe->skeleton->obj, bpf_map__fd(probe->skeleton->maps.losses), ret_losses);
}
