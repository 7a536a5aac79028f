/* SPDX-License-Identifier: GPL-2.0-only */
/* One walk over a hash map. */
#ifndef SHUTWATCH_SWEEP_H
#define SHUTWATCH_SWEEP_H

#include <stddef.h>

struct bpf_map;

/* Returns 1: delete this entry; 0: keep it; below 0: stop, with this error. */
typedef int (*sweep_visit)(void *context, const void *key, const void *value);

/*
 * Visits every entry that is there from beginning to end; others may be missed. Returns 0, the
 * visitor's error, or -errno.
 */
int sweep(const struct bpf_map *map, sweep_visit visit, void *context);

#endif
