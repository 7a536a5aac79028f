// SPDX-License-Identifier: GPL-2.0-only
/* The roster of a collector that is gone, taken over: from its journal, and from the kernel. */
#include <errno.h>
#include <string.h>

#include "src/base/array.h"
#include "src/capture/roster_internal.h"

static void take_text(char *to, const char *from, size_t size)
{
	memcpy(to, from, size);
	to[size - 1] = '\0';
}

/* Told again, it replaces what was told before. */
int roster_restore_service(struct roster *roster, const struct event_service *event)
{
	struct service_info *info = roster_service(roster, event->header.service);
	struct cgroup_service *identity;
	int err;

	if (!event->header.service)
		return 0;
	if (!info) {
		err = roster_enter(roster, event->header.service, &info);
		if (err)
			return err;
	}
	identity = &info->identity;
	identity->kind = event->kind;
	take_text(identity->name, event->name, sizeof(identity->name));
	take_text(identity->unit, event->unit, sizeof(identity->unit));
	take_text(identity->container_id, event->container_id, sizeof(identity->container_id));
	take_text(identity->pod_uid, event->pod_uid, sizeof(identity->pod_uid));
	take_text(identity->cgroup, event->cgroup, sizeof(identity->cgroup));
	info->grace_ns = event->grace_ns;
	return 0;
}

int roster_restore_root(struct roster *roster, const struct event_program *event)
{
	struct service_info *info = roster_service(roster, event->header.service);

	if (!info)
		return 0;
	info->root = event->process;
	take_text(info->exe, event->exe, sizeof(info->exe));
	return 0;
}

struct known {
	uint64_t *numbers;
	size_t count;
	size_t capacity;
};

static int add_known(void *context, uint64_t service, uint64_t generation, uint64_t armed_ns)
{
	struct known *known = context;
	int err = array_reserve((void **)&known->numbers, &known->capacity, known->count,
				sizeof(*known->numbers));

	(void)generation;
	(void)armed_ns;
	if (!err)
		known->numbers[known->count++] = service;
	return err;
}

static bool is_known(const struct known *known, uint64_t service)
{
	size_t i;

	for (i = 0; i < known->count; i++) {
		if (known->numbers[i] == service)
			return true;
	}
	return false;
}

int roster_prune(struct roster *roster, bool (*is_needed)(void *context, uint64_t service),
		 void *context)
{
	struct known known = {};
	size_t i;
	int err = probe_list_services(roster->probe, add_known, &known);

	for (i = 0; !err && i < known.count; i++) {
		if (!roster_service(roster, known.numbers[i]))
			probe_remove_service(roster->probe, known.numbers[i]);
	}
	for (i = 0; !err && i < roster->count; i++) {
		uint64_t number = roster->services[i].number;

		if (is_known(&known, number) || is_needed(context, number))
			continue;
		roster->services[i--] = roster->services[--roster->count];
	}
	free(known.numbers);
	return err;
}
