// SPDX-License-Identifier: GPL-2.0-only
/*
 * The support report. A kernel's version says little (distributions backport, lock down, leave
 * out): the answer is a trial load and a trial attach of each program by itself.
 */
#include "src/capture/features.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "bpf/maps.h"

#include "shutwatch.skel.h"

static struct feature features[] = {
	{ "on_signal_generate", "tp_btf/signal_generate", true,
	  "nothing works: the stop signal is what starts a record", 0 },
	{ "on_signal_deliver", "tp_btf/signal_deliver", false, "when the signal was heard", 0 },
	{ "on_process_exit", "tp_btf/sched_process_exit", true, "how and when it ended", 0 },
	{ "on_process_fork", "tp_btf/sched_process_fork", true, "children of a service", 0 },
	{ "on_tcp_state_by_owner", "tp_btf/inet_sock_set_state", true, "what the service closed",
	  0 },
	{ "on_tcp_state_by_packet", "tp_btf/inet_sock_set_state", true,
	  "arrivals, peers' resets, accept queues", 0 },
	{ "on_tcp_destroyed", "tp_btf/tcp_destroy_sock", false, "exact sums under heavy load", 0 },
	{ "on_reset_sent", "tp_btf/tcp_send_reset", false,
	  "late resets; refused connections (6.10 and later)", 0 },
	{ "list_processes", "iter/task", true, "who is there", 0 },
	{ "list_listeners", "iter/task_file", true, "who listens", 0 },
	{ "list_connections", "iter/task_file", false, "`audit`: connections open now", 0 },
	{ "tag_sockets", "iter/task_file", true, "connections open at the signal", 0 },
	{ "tag_queued", "iter/tcp", true, "connections never accepted", 0 },
	{ "reconcile", "iter/bpf_sk_storage_map", true, "connections left open", 0 },
	{ "sample_waits", "iter/task", false, "what its threads waited for", 0 },
	{ "freeze_shutdown", "syscall", true, "the end of a record", 0 },
	{ "end_shutdown", "syscall", true, "the end of a record", 0 },
	{ "remove_service", "syscall", true, "what nobody asks for", 0 },
	{ "configure_service", "syscall", true, "what the configuration says of a service", 0 },
};

/* Attaches what attaches by itself; iterators and syscall programs prove themselves by loading. */
static int try_attach(struct bpf_program *program)
{
	struct bpf_link *link;

	if (strncmp(bpf_program__section_name(program), "tp_btf/", 7) != 0)
		return 0;
	link = bpf_program__attach(program);
	if (!link)
		return -errno;
	bpf_link__destroy(link);
	return 0;
}

static int try_program(const char *name)
{
	struct shutwatch_bpf *skeleton = shutwatch_bpf__open();
	struct bpf_program *program, *wanted = NULL;
	int err;

	if (!skeleton)
		return -errno;
	bpf_object__for_each_program(program, skeleton->obj) {
		bool is_wanted = !strcmp(bpf_program__name(program), name);

		bpf_program__set_autoload(program, is_wanted);
		if (is_wanted)
			wanted = program;
	}
	err = wanted ? shutwatch_bpf__load(skeleton) : -ENOENT;
	if (!err)
		err = try_attach(wanted);
	shutwatch_bpf__destroy(skeleton);
	return err;
}

static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* The verifier gives up with -EAGAIN when a signal comes. */
bool feature_error_is_ours(int err)
{
	return err == -EAGAIN || err == -EINTR || err == -ENOMEM || err == -EMFILE ||
	       err == -ENFILE;
}

bool feature_is_missing(const char *program)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		if (!strcmp(features[i].program, program) && !features[i].is_required) {
			int err = try_program(program);

			return err && !feature_error_is_ours(err);
		}
	}
	return false;
}

size_t features_probe(const struct feature **ret_features, size_t *ret_count)
{
	size_t i, missing = 0;

	libbpf_set_print(print_nothing);
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		features[i].error = try_program(features[i].program);
		missing += features[i].is_required && features[i].error;
	}
	*ret_features = features;
	*ret_count = ARRAY_SIZE(features);
	return missing;
}
