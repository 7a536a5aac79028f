/* SPDX-License-Identifier: GPL-2.0-only */
/* Walks a BPF hash map and weeds it on the way. */
#ifndef SHUTWATCH_SWEEP_H
#define SHUTWATCH_SWEEP_H

#include <stddef.h>

/* Returns 1: delete this entry; 0: keep it; below: an error, which ends the sweep. */
typedef int (*sweep_visit)(void *context, const void *key, const void *value);

/* `key`, `next` and `value` are room for two keys and a value. Returns 0 or what visit() did. */
int sweep(int map_fd, void *key, void *next, size_t key_size, void *value, sweep_visit visit,
	  void *context);

#endif
