// SPDX-License-Identifier: GPL-2.0-only
/* Reads counters. Owns nothing. */
#include "src/capture/losses.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

static uint64_t nested_misses(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return 0;
	return info.recursion_misses;
}

/*
 * A softirq that interrupts a program of the state or destroy hooks makes a packet's event miss
 * that program. For the owner's program that is nothing (it leaves packets alone); the others'
 * connections are reconciled.
 */
static enum loss_cause nested_cause(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);

	if (!strncmp(name, "on_tcp_", strlen("on_tcp_")))
		return LOSS_NESTED_PACKET;
	if (!strcmp(name, "on_reset_sent"))
		return LOSS_NESTED_RESET;
	return LOSS_NESTED_OTHER;
}

static void add_counters(int map_fd, uint64_t ret_losses[LOSS_CAUSES])
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values = calloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*values));
	__u32 cause;
	int cpu;

	for (cause = 0; values && cause < LOSS_CAUSES; cause++) {
		if (bpf_map_lookup_elem(map_fd, &cause, values))
			continue;
		for (cpu = 0; cpu < cpus; cpu++)
			ret_losses[cause] += values[cpu];
	}
	free(values);
}

void losses_read(struct bpf_object *object, int map_fd, uint64_t ret_losses[LOSS_CAUSES])
{
	struct bpf_program *program;

	memset(ret_losses, 0, LOSS_CAUSES * sizeof(*ret_losses));
	add_counters(map_fd, ret_losses);
	bpf_object__for_each_program(program, object)
		ret_losses[nested_cause(program)] += nested_misses(program);
}
