/* SPDX-License-Identifier: GPL-2.0-only */
/* The name of a cgroup -> the service it is, if it is one. Pure. */
#ifndef SHUTWATCH_CGROUP_H
#define SHUTWATCH_CGROUP_H

#include <stdbool.h>

#include "bpf/events.h"

struct cgroup_service {
	enum service_kind kind; /* unit, container or cgroup */
	char name[NAME_BYTES];
	char unit[NAME_BYTES];
	char container_id[NAME_BYTES];
	char pod_uid[NAME_BYTES];
	char cgroup[PATH_BYTES]; /* of the service; a process may sit in one below it */
};

/*
 * Docker, containerd, CRI-O and Podman paths, systemd units, and any other cgroup. Returns false
 * for what is no service: the root, slices, session and user scopes, init.scope.
 */
bool cgroup_parse(const char *path, struct cgroup_service *ret_service);

#endif
