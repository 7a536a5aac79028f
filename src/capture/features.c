// SPDX-License-Identifier: GPL-2.0-only
/*
 * The support report. A kernel's version says little (distributions backport, lock down, leave
 * out): the answer is a trial load and a trial attach of each program by itself.
 */
#include "src/capture/features.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "bpf/maps.h"

#include "shutwatch.skel.h"

/* Of btf_trace_tcp_send_reset, with the context: (context, sk, skb, reason). */
#define RESET_ARGUMENTS 4

static struct feature features[] = {
	{ "on_signal_generate", "tp_btf/signal_generate", true,
	  "nothing works: the stop signal is what starts a record", 0, 0 },
	{ "on_signal_deliver", "tp_btf/signal_deliver", false, "when the signal was heard", 0, 0 },
	{ "on_process_exit", "tp_btf/sched_process_exit", true, "how and when it ended", 0, 0 },
	{ "on_process_fork", "tp_btf/sched_process_fork", true, "children of a service", 0, 0 },
	{ "on_tcp_state_by_owner", "tp_btf/inet_sock_set_state", true, "what the service closed", 0,
	  0 },
	{ "on_tcp_state_by_packet", "tp_btf/inet_sock_set_state", true,
	  "arrivals, peers' resets, accept queues", 0, 0 },
	{ "on_tcp_destroyed", "tp_btf/tcp_destroy_sock", false, "exact sums under heavy load", 0,
	  0 },
	{ "on_reset_sent", "tp_btf/tcp_send_reset", false, "late resets and refused connections", 0,
	  0 },
	{ "on_reset_by_ipv4", "fentry/tcp_v4_send_reset", false,
	  "refused connections, and late resets in TIME_WAIT", 0, 0 },
	{ "on_reset_by_ipv6", "fentry/tcp_v6_send_reset", false,
	  "refused connections, and late resets in TIME_WAIT", 0, 0 },
	{ "list_processes", "iter/task", true, "who is there", 0, 0 },
	{ "list_listeners", "iter/task_file", true, "who listens", 0, 0 },
	{ "list_connections", "iter/task_file", false, "`audit`: connections open now", 0, 0 },
	{ "tag_sockets", "iter/task_file", true, "connections open at the signal", 0, 0 },
	{ "tag_queued", "iter/tcp", true, "connections never accepted", 0, 0 },
	{ "reconcile_table", "iter/tcp", true, "connections left open", 0, 0 },
	{ "reconcile_files", "iter/task_file", true, "connections left open", 0, 0 },
	{ "sample_waits", "iter/task", false, "what its threads waited for", 0, 0 },
	{ "end_snapshot", "syscall", true, "arrivals told from what was there", 0, 0 },
	{ "freeze_shutdown", "syscall", true, "the end of a record", 0, 0 },
	{ "end_shutdown", "syscall", true, "the end of a record", 0, 0 },
	{ "remove_service", "syscall", true, "what nobody asks for", 0, 0 },
	{ "configure_service", "syscall", true, "what the configuration says of a service", 0, 0 },
};

/* Stands in for what a kernel's tracepoint does not tell. */
static bool is_substitute(const char *section)
{
	return !strncmp(section, "fentry/", strlen("fentry/"));
}

/*
 * Attaches what attaches by itself, and iterators over files to one process, as a snapshot does:
 * kernels before 6.1 know no such filter (-E2BIG). The rest prove themselves by loading.
 */
static int try_attach(struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	union bpf_iter_link_info info = { .task.pid = (__u32)getpid() };
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info,
		    .link_info_len = sizeof(info));
	struct bpf_link *link;

	if (!strcmp(section, "iter/task_file"))
		link = bpf_program__attach_iter(program, &options);
	else if (!strncmp(section, "tp_btf/", 7) || is_substitute(section))
		link = bpf_program__attach(program);
	else
		return 0;
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

/*
 * tcp_send_reset has a `reason` since it tells all resets (6.10); before, only those of whole
 * sockets. A distribution may have both in an older kernel: what counts is what it says of itself.
 */
static bool is_reset_tracepoint_partial(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type = NULL;
	bool is_partial = true;
	int id;

	id = btf ? btf__find_by_name_kind(btf, "btf_trace_tcp_send_reset", BTF_KIND_TYPEDEF) : 0;
	if (id > 0)
		type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	if (type && btf_is_func_proto(type))
		is_partial = btf_vlen(type) < RESET_ARGUMENTS;
	btf__free(btf);
	return is_partial;
}

enum reset_view features_reset_view(void)
{
	if (!is_reset_tracepoint_partial())
		return RESETS_BY_TRACEPOINT;
	if (try_program("on_reset_by_ipv4") || try_program("on_reset_by_ipv6"))
		return RESETS_OF_SOCKETS;
	return RESETS_BY_FUNCTIONS;
}

static void probe_feature(struct feature *feature, bool is_partial)
{
	feature->error = 0;
	feature->state = FEATURE_NOT_NEEDED;
	if (is_substitute(feature->hook) && !is_partial)
		return;
	feature->error = try_program(feature->program);
	feature->state = feature->error ? FEATURE_MISSING : FEATURE_AVAILABLE;
	if (!feature->error && is_partial && !strcmp(feature->program, "on_reset_sent"))
		feature->state = FEATURE_PARTIAL;
}

size_t features_probe(const struct feature **ret_features, size_t *ret_count)
{
	bool is_partial = is_reset_tracepoint_partial();
	size_t i, missing = 0;

	libbpf_set_print(print_nothing);
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		probe_feature(&features[i], is_partial);
		missing += features[i].is_required && features[i].error;
	}
	*ret_features = features;
	*ret_count = ARRAY_SIZE(features);
	return missing;
}

const char *feature_state_name(enum feature_state state)
{
	static const char *const names[] = {
		[FEATURE_AVAILABLE] = "available",
		[FEATURE_PARTIAL] = "partial",
		[FEATURE_MISSING] = "missing",
		[FEATURE_NOT_NEEDED] = "not needed",
	};

	return names[state];
}
