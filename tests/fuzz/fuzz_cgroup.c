// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/cgroup: containers choose the names of their cgroups. */
#include <stdlib.h>
#include <string.h>

#include "src/capture/cgroup.h"
#include "tests/fuzz/fuzz.h"

static void require_ended(const struct cgroup_service *service)
{
	fuzz_require(memchr(service->name, 0, sizeof(service->name)));
	fuzz_require(memchr(service->unit, 0, sizeof(service->unit)));
	fuzz_require(memchr(service->container_id, 0, sizeof(service->container_id)));
	fuzz_require(memchr(service->pod_uid, 0, sizeof(service->pod_uid)));
	fuzz_require(memchr(service->cgroup, 0, sizeof(service->cgroup)));
	fuzz_require(service->name[0]);
	fuzz_require(service->kind <= SERVICE_CGROUP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct cgroup_service service;
	char path[PATH_BYTES], cut[8];

	if (cgroup_parse(text, &service))
		require_ended(&service);
	cgroup_pick(text, cut, sizeof(cut));
	fuzz_require(memchr(cut, 0, sizeof(cut)));
	cgroup_pick(text, path, sizeof(path));
	fuzz_require(memchr(path, 0, sizeof(path)));
	if (cgroup_parse(path, &service))
		require_ended(&service);
	free(text);
	return 0;
}
