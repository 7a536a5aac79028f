/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel side could not record, by cause. */
#ifndef SHUTWATCH_LOSSES_H
#define SHUTWATCH_LOSSES_H

#include <stdint.h>

#include "bpf/events.h"

struct bpf_object;

/* What a nested run of this program, dropped by the kernel, costs. */
enum loss_cause losses_nested_cause(const char *program);

/* One counter, summed over the CPUs; 0 when it cannot be read. */
uint64_t losses_read_one(int map_fd, uint32_t cause);

/*
 * Sums the per-CPU counters behind `map_fd`, and adds the nested runs that the kernel dropped of
 * the object's programs (bpf_prog_info.recursion_misses, since 5.12). What cannot be read is 0.
 */
void losses_read(struct bpf_object *object, int map_fd, uint64_t ret_losses[LOSS_CAUSES]);

#endif
