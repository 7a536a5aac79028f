// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the BPF skeleton and both ring buffers, from loading to closing; that of the details is
 * mapped only while something stops. With pins, maps and links outlive this process: a new one
 * loads its programs over the old maps, takes over by one store to shared.active_instance, and only
 * then lets the old programs go.
 */
#include "src/capture/probe_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/capture/features.h"
#include "src/capture/jiffies.h"
#include "src/capture/pins.h"
#include "src/capture/wait_calls.h"

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
	wait_calls_fill(skeleton->rodata->wait_calls);
	if (options->detail_ring_bytes) {
		int err = bpf_map__set_max_entries(skeleton->maps.details,
						   (__u32)ring_bytes(options->detail_ring_bytes));

		if (err)
			return err;
	}
	if (!probe->pins)
		return 0;
	skeleton->rodata->instance = clock_boot_ns(); /* pins do not outlive a boot */
	return pins_use_maps(probe->pins, skeleton->obj);
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

static void close_details(struct probe *probe)
{
	ring_buffer__free(probe->details);
	probe->details = NULL;
}

static int open_events(struct probe *probe)
{
	probe->events = ring_buffer__new(bpf_map__fd(probe->skeleton->maps.events), on_ring_event,
					 probe, NULL);
	return probe->events ? 0 : -errno;
}

/* The loop waits for the events: their epoll set has the details as well. */
static int open_details(struct probe *probe)
{
	int err;

	probe->details = ring_buffer__new(bpf_map__fd(probe->skeleton->maps.details), on_ring_event,
					  probe, NULL);
	if (!probe->details)
		return -errno;
	err = poll_add(probe_fd(probe), ring_buffer__epoll_fd(probe->details));
	if (err)
		close_details(probe);
	return err;
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

/* Without hooks there is nothing that costs anybody anything. */
static void leave_out_hooks(struct shutwatch_bpf *skeleton)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj) {
		if (strncmp(bpf_program__name(program), "list_", 5) != 0)
			bpf_program__set_autoload(program, false);
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
	if (options->lists_only)
		leave_out_hooks(probe->skeleton);
	err = configure(probe, options);
	if (err)
		return err;
	skip_auto_attach(probe->skeleton);
	return shutwatch_bpf__load(probe->skeleton);
}

/* A journal may know the numbers that other maps gave out since the boot: ours come later. */
static void number_from_now(struct shared *shared)
{
	uint64_t boot_us = clock_boot_ns() / 1000;

	shared->shutdowns = shared->kernel_services = shared->user_services = boot_us;
}

/*
 * For a moment both the old programs and ours are attached, and one of them is retired: nothing is
 * lost.
 */
static int take_over(struct probe *probe)
{
	struct shutwatch_bpf *skeleton = probe->skeleton;
	int err = shutwatch_bpf__attach(skeleton);

	if (!err)
		err = pins_add_links(probe->pins, skeleton->skeleton, skeleton->rodata->instance);
	if (err)
		return err;
	if (!skeleton->data_shared->shared.active_instance)
		number_from_now(&skeleton->data_shared->shared);
	else
		probe->is_resumed = true;
	__atomic_store_n(&skeleton->data_shared->shared.active_instance, skeleton->rodata->instance,
			 __ATOMIC_SEQ_CST);
	pins_drop_others(probe->pins, skeleton->rodata->instance,
			 skeleton->data_shared->shared.past_nested);
	return 0;
}

/* The optional programs are looked at one by one only where all together are refused. */
static int load(struct probe *probe, const struct probe_options *options)
{
	int err = open_and_load(probe, options, false);

	if (err && err != -EPERM && !feature_error_is_ours(err))
		err = open_and_load(probe, options, true);
	if (err)
		return err;
	err = open_events(probe);
	if (err)
		return err;
	err = probe->pins ? take_over(probe) : shutwatch_bpf__attach(probe->skeleton);
	probe->was_stopping = probe->is_resumed;
	return err;
}

/* The verifier gives up when a signal is pending: none is, until all is loaded. */
static int load_in_peace(struct probe *probe, const struct probe_options *options)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = load(probe, options);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int probe_open(const struct probe_options *options, struct probe **ret_probe)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int err;

	if (!probe) {
		log_error("cannot trace: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	probe->sink = options->sink;
	probe->context = options->context;
	probe->pins_fd = -1;
	libbpf_set_print(print_libbpf);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	if (options->pins) {
		probe->pins = strdup(options->pins);
		probe->pins_fd = probe->pins ? pins_prepare(probe->pins) : -ENOMEM;
		err = probe->pins_fd;
		if (err < 0)
			goto fail;
	}
	err = load_in_peace(probe, options);
	if (err) {
		log_error("cannot trace: loading the BPF programs failed: %s "
			  "(`shutwatch check` tells what this kernel lacks)",
			  strerror(-err));
		goto fail;
	}
	*ret_probe = probe;
	return 0;
fail:
	probe_close(probe);
	return err;
}

void probe_close(struct probe *probe)
{
	if (!probe)
		return;
	close_details(probe);
	ring_buffer__free(probe->events);
	shutwatch_bpf__destroy(probe->skeleton);
	if (probe->pins_fd >= 0)
		close(probe->pins_fd);
	free(probe->pins);
	free(probe);
}

int probe_fd(const struct probe *probe)
{
	return ring_buffer__epoll_fd(probe->events);
}

/*
 * The ring of details is mapped while something stops: twice its size would be resident for
 * nothing. Not at the dispatch that tells of the stop, since the snapshot must not wait for it.
 */
static int dispatch_details(struct probe *probe, bool is_stopping)
{
	int err = 0, got = 0;

	if (!probe->details && is_stopping && probe->was_stopping)
		err = open_details(probe);
	if (err)
		log_error("cannot read single connections: %s; going on with their counts",
			  strerror(-err));
	if (probe->details)
		got = ring_buffer__consume(probe->details);
	if (!is_stopping)
		close_details(probe);
	probe->was_stopping = is_stopping;
	return got;
}

int probe_dispatch(struct probe *probe)
{
	/* Before what is in the rings: after the last stop nothing comes any more. */
	bool is_stopping = probe->skeleton->data_shared->shared.armed_services;
	int got = ring_buffer__consume(probe->events);

	if (got >= 0)
		got = dispatch_details(probe, is_stopping);
	return got < 0 ? got : 0;
}
