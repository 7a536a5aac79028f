// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads cgroup paths from the left, component by component. The last component that names a
 * container wins, else the last that names a unit; what lies below it belongs to it. So a unit
 * inside a machine of systemd-nspawn or LXC is named as the unit, which is what somebody stops; the
 * cgroup tells the machine. A name lasts as long as what it names: units keep theirs over a
 * restart, and containers keep their id when Docker or Podman restarts them.
 *
 * Naming rules: systemd.special(7), systemd.slice(5), and the cgroup drivers of runc, crun, CRI-O,
 * Podman and LXC.
 */
#include "src/capture/cgroup.h"

#include <stdio.h>
#include <string.h>

#define CONTAINER_ID_CHARS 64
#define SHOWN_ID_CHARS 12
#define POD_UID_CHARS 36
#define STATIC_POD_UID_CHARS 32 /* a hash instead of a UUID */
#define DELETED " (deleted)"
#define SLICE ".slice"

static bool ends_with(const char *text, const char *suffix)
{
	size_t text_size = strlen(text), suffix_size = strlen(suffix);

	return text_size >= suffix_size && !strcmp(text + text_size - suffix_size, suffix);
}

static bool starts_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/*
 * The 64 hexadecimal digits of a container: alone, behind a runtime's prefix and before ".scope"
 * or nothing, or in "SLICE:PREFIX:ID", which is what runc's cgroupfs driver makes of a path that
 * was meant for its systemd driver. Not conmon, which waits for the container outside of it.
 */
static bool parse_container(const char *component, struct cgroup_service *service)
{
	const char *id = component;
	size_t digits;

	while (id[strcspn(id, "-:")])
		id += strcspn(id, "-:") + 1;
	digits = strspn(id, "0123456789abcdef");
	if (digits != CONTAINER_ID_CHARS || (id[digits] && strcmp(id + digits, ".scope") != 0))
		return false;
	if (starts_with(component, "libpod-conmon-") || starts_with(component, "crio-conmon-"))
		return false;
	/*
	 * `podman run --cgroups=split`, as Quadlet has it: the container runs inside the unit, is
	 * stopped with it, and comes back under another id.
	 */
	if (starts_with(component, "libpod-payload-") && service->unit[0])
		return false;
	snprintf(service->container_id, sizeof(service->container_id), "%.*s", CONTAINER_ID_CHARS,
		 id);
	snprintf(service->name, sizeof(service->name), "container %.*s", SHOWN_ID_CHARS, id);
	service->unit[0] = '\0';
	service->kind = SERVICE_CONTAINER;
	return true;
}

/*
 * "kubepods-burstable-pod3f1c….slice" or "pod3f1c-…": with _ for - under systemd. The kubelet may
 * have a parent of its own ("kubelet-kubepods-…"), and ":cri-containerd:ID" may follow.
 */
static void parse_pod(const char *component, struct cgroup_service *service)
{
	const char *parent = strstr(component, "kubepods");
	const char *uid = component;
	size_t size;
	char *c;

	if (parent && (parent == component || parent[-1] == '-'))
		uid = strstr(parent + strlen("kubepods"), "pod");
	if (!uid || !starts_with(uid, "pod"))
		return;
	uid += strlen("pod");
	size = strspn(uid, "0123456789abcdefABCDEF-_");
	if ((size != POD_UID_CHARS && size != STATIC_POD_UID_CHARS) ||
	    (uid[size] && strcmp(uid + size, ".slice") != 0 && !starts_with(uid + size, ".slice:")))
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
	       !strcmp(component, "init.scope") || ends_with(component, SLICE);
}

static bool parse_unit(const char *component, struct cgroup_service *service)
{
	if (is_manager(component))
		return false;
	if (!ends_with(component, ".service") && !ends_with(component, ".scope"))
		return false;
	/* systemd escapes what the kernel might take for a file of its own: "_cpu.service". */
	component += component[0] == '_';
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

/* "/lxc/NAME" (cgroup v1, and Proxmox) and "/lxc.payload.NAME": what lies below is of NAME. */
static bool is_lxc(const char *component, const char *above)
{
	return !strcmp(above, "lxc") || starts_with(component, "lxc.payload.");
}

bool cgroup_parse(const char *path, struct cgroup_service *ret_service)
{
	struct cgroup_service service = {};
	char component[NAME_BYTES] = "", above[NAME_BYTES];
	bool is_named = false, is_managed = false;
	const char *at = path;

	while (*at) {
		size_t size;

		at += strspn(at, "/");
		size = strcspn(at, "/");
		if (!size || size >= sizeof(component) || (size_t)(at + size - path) >= PATH_BYTES)
			break;
		memcpy(above, component, sizeof(above));
		snprintf(component, sizeof(component), "%.*s", (int)size, at);
		at += size;
		parse_pod(component, &service);
		is_managed |= is_manager(component);
		if (parse_container(component, &service) ||
		    (!service.container_id[0] && parse_unit(component, &service))) {
			is_named = true;
		} else if (!is_managed && !is_named && strcmp(component, "..") != 0) {
			parse_plain(component, &service);
			is_named = is_lxc(component, above);
		} else {
			continue;
		}
		snprintf(service.cgroup, sizeof(service.cgroup), "%.*s", (int)(at - path), path);
	}
	if (!service.name[0])
		return false;
	*ret_service = service;
	return true;
}

bool cgroup_is_system_service(const struct cgroup_service *service)
{
	const size_t suffix_size = strlen(SLICE);
	const char *at = service->cgroup;
	const char *own = strrchr(at, '/');

	if (service->kind != SERVICE_UNIT || !own || !ends_with(service->unit, ".service"))
		return false;
	while (at != own) {
		size_t size = 1 + strcspn(at + 1, "/"); /* "/a.slice" */

		if (size <= 1 + suffix_size || memcmp(at + size - suffix_size, SLICE, suffix_size))
			return false;
		at += size;
	}
	return true;
}

/* One line "ID:CONTROLLERS:PATH" of /proc/PID/cgroup; the path may hold colons. */
struct line {
	const char *controllers;
	size_t controllers_size;
	const char *path;
	size_t path_size;
};

static bool parse_line(const char *text, size_t size, struct line *ret_line)
{
	const char *controllers = memchr(text, ':', size);
	const char *path = NULL;

	if (controllers) {
		controllers++;
		path = memchr(controllers, ':', size - (size_t)(controllers - text));
	}
	if (!path || path[1] != '/')
		return false;
	ret_line->controllers = controllers;
	ret_line->controllers_size = (size_t)(path++ - controllers);
	ret_line->path = path;
	ret_line->path_size = size - (size_t)(path - text);
	return true;
}

static bool controllers_are(const struct line *line, const char *controllers)
{
	return line->controllers_size == strlen(controllers) &&
	       !memcmp(line->controllers, controllers, line->controllers_size);
}

/*
 * How much the path tells, from 0. Groups of processes are made in cgroup v2 and in systemd's v1
 * hierarchy; any other hierarchy of v1 says what limits the process, and counts only if it names a
 * container or a unit.
 */
static int telling(const struct line *line, const char *path)
{
	bool is_v2 = controllers_are(line, "");
	bool is_systemd = controllers_are(line, "name=systemd");
	struct cgroup_service service;
	int rank = strcmp(path, "/") != 0;

	if (cgroup_parse(path, &service))
		rank = service.kind == SERVICE_CONTAINER ? 4 : service.kind == SERVICE_UNIT ? 3 : 2;
	if (!rank || (rank < 3 && !is_v2 && !is_systemd))
		return 0;
	/* Among equals: v2, then systemd's. */
	return 3 * rank + (is_v2 ? 2 : is_systemd);
}

void cgroup_pick(const char *text, char *ret_path, size_t size)
{
	char path[PATH_BYTES];
	int best = 0, told;

	snprintf(ret_path, size, "/");
	while (*text) {
		size_t length = strcspn(text, "\n");
		struct line line;

		if (parse_line(text, length, &line)) {
			snprintf(path, sizeof(path), "%.*s", (int)line.path_size, line.path);
			/* Since Linux 4.4: "0::/x (deleted)", of a process that outlives it. */
			if (controllers_are(&line, "") && ends_with(path, DELETED))
				path[strlen(path) - strlen(DELETED)] = '\0';
			told = telling(&line, path);
			if (told > best) {
				best = told;
				snprintf(ret_path, size, "%s", path);
			}
		}
		text += length + (text[length] == '\n');
	}
}
