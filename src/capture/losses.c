// SPDX-License-Identifier: GPL-2.0-only
/* Reads counters. Owns nothing. */
#include "src/capture/losses.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"

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
enum loss_cause losses_nested_cause(const char *name)
{
	if (!strncmp(name, "on_tcp_", strlen("on_tcp_")))
		return LOSS_NESTED_PACKET;
	if (!strncmp(name, "on_reset_", strlen("on_reset_")))
		return LOSS_NESTED_RESET;
	return LOSS_NESTED_OTHER;
}

uint64_t losses_read_one(int map_fd, uint32_t cause)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = calloc((size_t)(cpus > 0 ? cpus : 1), sizeof(*values));
	uint64_t sum = 0;
	int cpu;

	if (!values || bpf_map_lookup_elem(map_fd, &cause, values))
		return 0;
	for (cpu = 0; cpu < cpus; cpu++)
		sum += values[cpu];
	return sum;
}

void losses_read(struct bpf_object *object, int map_fd, uint64_t ret_losses[LOSS_CAUSES])
{
	struct bpf_program *program;
	uint32_t cause;

	for (cause = 0; cause < LOSS_CAUSES; cause++)
		ret_losses[cause] = losses_read_one(map_fd, cause);
	bpf_object__for_each_program(program, object)
		ret_losses[losses_nested_cause(bpf_program__name(program))] +=
			nested_misses(program);
}
