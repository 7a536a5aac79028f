// SPDX-License-Identifier: GPL-2.0-only
/* One walk by keys. Entries that appear meanwhile may be missed. */
#include "src/capture/sweep.h"

#include <bpf/bpf.h>
#include <stdbool.h>
#include <string.h>

int sweep(int map_fd, void *key, void *next, size_t key_size, void *value, sweep_visit visit,
	  void *context)
{
	bool is_first = true;
	int verdict = 0;

	while (verdict >= 0 && !bpf_map_get_next_key(map_fd, is_first ? NULL : key, next)) {
		/* A deleted key cannot be stepped from: step first, delete the one before. */
		if (verdict > 0)
			bpf_map_delete_elem(map_fd, key);
		memcpy(key, next, key_size);
		is_first = false;
		verdict = bpf_map_lookup_elem(map_fd, key, value) ? 0 : visit(context, key, value);
	}
	if (verdict > 0)
		bpf_map_delete_elem(map_fd, key);
	return verdict < 0 ? verdict : 0;
}
