/* SPDX-License-Identifier: GPL-2.0-only */
/* The name of a cgroup -> the service it is, if it is one. Pure. */
#ifndef SHUTWATCH_CGROUP_H
#define SHUTWATCH_CGROUP_H

#include <stdbool.h>
#include <string.h>

#include "bpf/events.h"

struct cgroup_service {
	enum service_kind kind; /* unit, container or cgroup */
	char name[NAME_BYTES];
	char unit[NAME_BYTES];
	char container_id[NAME_BYTES];
	char pod_uid[NAME_BYTES];
	char cgroup[PATH_BYTES]; /* of the service; a process may sit in one below it */
};

/* As events tell it. */
static inline void cgroup_service_tell(const struct cgroup_service *service,
				       struct event_service *event)
{
	event->kind = service->kind;
	memcpy(event->name, service->name, sizeof(event->name));
	memcpy(event->unit, service->unit, sizeof(event->unit));
	memcpy(event->container_id, service->container_id, sizeof(event->container_id));
	memcpy(event->pod_uid, service->pod_uid, sizeof(event->pod_uid));
	memcpy(event->cgroup, service->cgroup, sizeof(event->cgroup));
}

/*
 * Docker, containerd, CRI-O and Podman paths, systemd units, and any other cgroup. Returns false
 * for what is no service: the root, slices, session and user scopes, init.scope.
 */
bool cgroup_parse(const char *path, struct cgroup_service *ret_service);

#endif
