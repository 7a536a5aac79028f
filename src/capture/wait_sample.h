/* SPDX-License-Identifier: GPL-2.0-only */
/* One look at a thread -> what it waits for, in words. */
#ifndef SHUTWATCH_WAIT_SAMPLE_H
#define SHUTWATCH_WAIT_SAMPLE_H

#include <stdint.h>

#include "bpf/maps.h"

/*
 * The event of one sample that stands for the last `span_ns`: zeroed where nothing is said, so that
 * equal waits have equal bytes. Its texts may hold any byte of a stranger's file name.
 */
void wait_sample_tell(const struct wait_sample *sample, uint64_t span_ns,
		      struct event_wait *ret_event);

#endif
