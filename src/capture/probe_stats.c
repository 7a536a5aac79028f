// SPDX-License-Identifier: GPL-2.0-only
/* Owns nothing. Entries are counted by reading them in batches (Linux 5.6). */
#include "src/capture/probe_stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/capture/probe_internal.h"

#define BATCH 1024

static bool is_hash(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_HASH ||
	       bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH;
}

static uint64_t count_entries(const struct bpf_map *map)
{
	_cleanup_free_ char *keys = calloc(BATCH, bpf_map__key_size(map));
	_cleanup_free_ char *values = calloc(BATCH, bpf_map__value_size(map));
	uint64_t entries = 0;
	__u32 from = 0, to = 0;
	bool is_first = true;

	while (keys && values) {
		__u32 count = BATCH;
		int err = bpf_map_lookup_batch(bpf_map__fd(map), is_first ? NULL : &from, &to, keys,
					       values, &count, NULL);

		if (err && err != -ENOENT)
			break;
		entries += count;
		if (err)
			break;
		is_first = false;
		from = to;
	}
	return entries;
}

size_t probe_map_stats(const struct probe *probe, struct map_stat ret_stats[PROBE_MAPS_MAX])
{
	struct bpf_map *map;
	size_t count = 0;

	bpf_object__for_each_map(map, probe->skeleton->obj)
	{
		if (!is_hash(map) || count == PROBE_MAPS_MAX)
			continue;
		ret_stats[count++] = (struct map_stat){
			.name = bpf_map__name(map),
			.entries = count_entries(map),
			.capacity = bpf_map__max_entries(map),
		};
	}
	return count;
}

size_t probe_program_stats(const struct probe *probe,
			   struct program_stat ret_stats[PROBE_PROGRAMS_MAX])
{
	struct bpf_program *program;
	size_t count = 0;

	bpf_object__for_each_program(program, probe->skeleton->obj) {
		struct bpf_prog_info info = {};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(program);
		bool is_available = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size);

		if (count == PROBE_PROGRAMS_MAX)
			break;
		ret_stats[count++] = (struct program_stat){
			.name = bpf_program__name(program),
			.is_available = is_available,
			.run_seconds = (double)info.run_time_ns / 1e9,
			.runs = info.run_cnt,
		};
	}
	return count;
}
