// SPDX-License-Identifier: GPL-2.0-only
/* Owns nothing.  */
#include "src/capture/probe_stats.h"

#include "src/capture/probe_internal.h"
#include "src/capture/sweep.h"

static bool is_hash(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_HASH ||
	       bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH;
}

static int count_one(void *context, const void *key, const void *value)
{
	uint64_t *entries = context;

	(void)key;
	(void)value;
	(*entries)++;
	return 0;
}

static uint64_t count_entries(const struct bpf_map *map)
{
	uint64_t entries = 0;

	sweep(map, count_one, &entries);
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
