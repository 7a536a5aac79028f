/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/PID/cgroup -> the cgroup of a process -> the service it is, if it is one. Pure. */
#ifndef SHUTWATCH_CGROUP_H
#define SHUTWATCH_CGROUP_H

#include <stdbool.h>
#include <string.h>
#include <stddef.h>

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
 * Docker, containerd, CRI-O and Podman paths, systemd units (of the system, of a user, of a machine
 * inside), LXC, and any other cgroup. Returns false for what is no service: the root, slices,
 * session and user scopes, init.scope. In a path seen from another cgroup namespace ("/../x") the
 * leading ".." are passed over, and kept in the service's cgroup.
 */
bool cgroup_parse(const char *path, struct cgroup_service *ret_service);

/*
 * Is it a service of the systemd whose cgroup root this is? That one keeps its services below
 * slices only; those of a user, or of a machine inside, sit below something else as well.
 */
bool cgroup_is_system_service(const struct cgroup_service *service);

/*
 * The most telling path in the text of /proc/PID/cgroup, with lines of cgroup v2, v1 or both: of a
 * container, of a unit, of another group; v2 before systemd's hierarchy before the others. Cut to
 * `size`; "/" when no line tells anything.
 */
void cgroup_pick(const char *text, char *ret_path, size_t size);

#endif
