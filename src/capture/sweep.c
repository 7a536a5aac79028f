// SPDX-License-Identifier: GPL-2.0-only
/* Entries are read in batches (Linux 5.6): a step for each would be two system calls. */
#include "src/capture/sweep.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "src/base/cleanup.h"

/* The kernel gives whole buckets: far more than any of them holds. */
#define BATCH 1024

static int visit_all(const struct bpf_map *map, const char *keys, const char *values, __u32 count,
		     sweep_visit visit, void *context)
{
	__u32 i;

	for (i = 0; i < count; i++) {
		const char *key = keys + (size_t)i * bpf_map__key_size(map);
		int verdict = visit(context, key, values + (size_t)i * bpf_map__value_size(map));

		if (verdict < 0)
			return verdict;
		if (verdict)
			bpf_map_delete_elem(bpf_map__fd(map), key);
	}
	return 0;
}

int sweep(const struct bpf_map *map, sweep_visit visit, void *context)
{
	_cleanup_free_ char *keys = calloc(BATCH, bpf_map__key_size(map));
	_cleanup_free_ char *values = calloc(BATCH, bpf_map__value_size(map));
	__u32 from = 0, to = 0;
	bool is_first = true, is_last = false;
	int err = keys && values ? 0 : -ENOMEM;

	while (!err && !is_last) {
		__u32 count = BATCH;

		err = bpf_map_lookup_batch(bpf_map__fd(map), is_first ? NULL : &from, &to, keys,
					   values, &count, NULL);
		is_last = err == -ENOENT;
		if (!err || is_last)
			err = visit_all(map, keys, values, count, visit, context);
		is_first = false;
		from = to;
	}
	return err;
}
