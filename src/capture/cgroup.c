// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads cgroup paths from the left, component by component. The last component that names a
 * container wins, else the last that names a unit; what lies below it belongs to it. Naming
 * rules: systemd.special(7), and the cgroup drivers of runc (systemd and cgroupfs).
 */
#include "src/capture/cgroup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define CONTAINER_ID_CHARS 64
#define SHOWN_ID_CHARS 12
#define POD_UID_CHARS 36
#define STATIC_POD_UID_CHARS 32 /* a hash instead of a UUID */

static bool ends_with(const char *text, const char *suffix)
{
	size_t text_size = strlen(text), suffix_size = strlen(suffix);

	return text_size >= suffix_size && !strcmp(text + text_size - suffix_size, suffix);
}

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* The 64 hexadecimal digits of a container, alone or between a runtime's prefix and ".scope". */
static bool parse_container(const char *component, struct cgroup_service *service)
{
	const char *id = strrchr(component, '-');
	size_t digits = 0;

	id = id ? id + 1 : component;
	while (isxdigit((unsigned char)id[digits]))
		digits++;
	if (digits != CONTAINER_ID_CHARS || (id[digits] && strcmp(id + digits, ".scope") != 0))
		return false;
	snprintf(service->container_id, sizeof(service->container_id), "%.*s", CONTAINER_ID_CHARS,
		 id);
	snprintf(service->name, sizeof(service->name), "container %.*s", SHOWN_ID_CHARS, id);
	service->kind = SERVICE_CONTAINER;
	return true;
}

/* "kubepods-burstable-pod3f1c….slice" or "pod3f1c-…": with _ for - under systemd. */
static void parse_pod(const char *component, struct cgroup_service *service)
{
	const char *uid = strstr(component, "pod");
	size_t size;
	char *c;

	if (starts_with(component, "kubepods"))
		uid = strstr(component + strlen("kubepods"), "pod");
	else if (uid != component)
		return;
	if (!uid)
		return;
	uid += strlen("pod");
	size = strspn(uid, "0123456789abcdefABCDEF-_");
	if ((size != POD_UID_CHARS && size != STATIC_POD_UID_CHARS) ||
	    (uid[size] && strcmp(uid + size, ".slice") != 0))
		return;
	snprintf(service->pod_uid, sizeof(service->pod_uid), "%.*s", (int)size, uid);
	for (c = service->pod_uid; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
}

static bool is_manager(const char *component)
{
	return (starts_with(component, "user@") && ends_with(component, ".service")) ||
	       (starts_with(component, "session-") && ends_with(component, ".scope")) ||
	       !strcmp(component, "init.scope") || ends_with(component, ".slice");
}

static bool parse_unit(const char *component, struct cgroup_service *service)
{
	if (is_manager(component))
		return false;
	if (!ends_with(component, ".service") && !ends_with(component, ".scope"))
		return false;
	snprintf(service->unit, sizeof(service->unit), "%s", component);
	snprintf(service->name, sizeof(service->name), "%s", component);
	service->kind = SERVICE_UNIT;
	return true;
}

static void parse_plain(const char *component, struct cgroup_service *service)
{
	snprintf(service->name, sizeof(service->name), "%s", component);
	service->kind = SERVICE_CGROUP;
}

bool cgroup_parse(const char *path, struct cgroup_service *ret_service)
{
	struct cgroup_service service = {};
	char component[NAME_BYTES];
	bool is_named = false, is_managed = false;
	const char *at = path;

	while (*at) {
		size_t size;

		at += strspn(at, "/");
		size = strcspn(at, "/");
		if (!size || size >= sizeof(component) || (size_t)(at + size - path) >= PATH_BYTES)
			break;
		snprintf(component, sizeof(component), "%.*s", (int)size, at);
		at += size;
		parse_pod(component, &service);
		is_managed |= is_manager(component);
		if (parse_container(component, &service) ||
		    (!service.container_id[0] && parse_unit(component, &service)))
			is_named = true;
		else if (!is_managed && !is_named && strcmp(component, "..") != 0)
			parse_plain(component, &service);
		else
			continue;
		snprintf(service.cgroup, sizeof(service.cgroup), "%.*s", (int)(at - path), path);
	}
	if (!service.name[0])
		return false;
	*ret_service = service;
	return true;
}
