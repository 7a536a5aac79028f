// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the list of watched services and their names. A service that shutwatch enters has a number
 * below SERVICE_FROM_KERNEL; one that the kernel entered, when somebody began to listen, keeps
 * its own and is named here.
 */
#include "src/capture/roster_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/capture/census.h"
#include "src/capture/procfs.h"
#include "src/capture/recognise.h"
#include "src/model/process.h"

struct roster *roster_new(struct probe *probe, const struct roster_options *options)
{
	struct roster *roster = calloc(1, sizeof(*roster));

	if (!roster)
		return NULL;
	roster->probe = probe;
	roster->options = *options;
	return roster;
}

void roster_free(struct roster *roster)
{
	size_t i;

	if (!roster)
		return;
	for (i = 0; i < roster->count; i++)
		free(roster->services[i]);
	free(roster->services);
	free(roster);
}

/* The index of the first service whose number is not below this one. */
static size_t lower_bound(const struct roster *roster, uint64_t number)
{
	size_t low = 0, high = roster->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (roster->services[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct service_info *roster_service(const struct roster *roster, uint64_t number)
{
	size_t at = lower_bound(roster, number);

	if (at == roster->count || roster->services[at]->number != number)
		return NULL;
	return roster->services[at];
}

const struct service_info *roster_find(const struct roster *roster, uint64_t service)
{
	return roster_service(roster, service);
}

int roster_enter(struct roster *roster, uint64_t number, struct service_info **ret_info)
{
	_cleanup_free_ struct service_info *info = calloc(1, sizeof(*info));
	size_t at;
	int err;

	if (!info)
		return -ENOMEM;
	err = array_reserve((void **)&roster->services, &roster->capacity, roster->count,
			    sizeof(*roster->services));
	if (!err && !number)
		err = probe_add_service(roster->probe, &number);
	if (err)
		return err;
	info->number = number;
	at = lower_bound(roster, number);
	memmove(&roster->services[at + 1], &roster->services[at],
		(roster->count++ - at) * sizeof(*roster->services));
	roster->services[at] = *ret_info = TAKE_PTR(info);
	return 0;
}

void roster_drop(struct roster *roster, struct service_info *info)
{
	size_t at = lower_bound(roster, info->number);

	memmove(&roster->services[at], &roster->services[at + 1],
		(--roster->count - at) * sizeof(*roster->services));
	free(info);
}

struct pid_search {
	uint32_t pid;
	struct process_id id;
};

static int match_pid(void *context, const void *bytes, size_t size)
{
	struct pid_search *search = context;
	const struct event_process *event = bytes;

	if (size == sizeof(*event) && event->process.tgid == search->pid)
		search->id = event->process;
	return 0;
}

struct inherited {
	struct roster *roster;
	uint64_t number;
};

static int enter_inherited(void *context, const void *bytes, size_t size)
{
	const struct inherited *inherited = context;
	const struct event_listener *listener = bytes;

	if (size != sizeof(*listener) || !listener->port)
		return 0;
	return roster_enter_listener(inherited->roster, listener, inherited->number);
}

int roster_add_command(struct roster *roster, uint32_t pid, const char *name, const char *exe)
{
	struct pid_search search = { .pid = pid };
	struct inherited inherited = { .roster = roster };
	struct service_info *info;
	int err = probe_list_processes(roster->probe, match_pid, &search);

	if (err)
		return err;
	if (!search.id.tgid)
		return -ESRCH;
	err = roster_enter(roster, 0, &info);
	if (err)
		return err;
	info->root = search.id;
	info->identity.kind = SERVICE_COMMAND;
	strncpy(info->identity.name, name, sizeof(info->identity.name) - 1);
	snprintf(info->exe, sizeof(info->exe), "%s", exe);
	info->program = exe[0] ? recognise_file(exe) : PROGRAM_UNKNOWN;
	err = probe_set_member(roster->probe, &search.id, NULL, info->number);
	if (err)
		return err;
	/* Listening sockets that it got from whoever started us. */
	inherited.number = info->number;
	return probe_list_listeners(roster->probe, pid, enter_inherited, &inherited);
}

void roster_look_at_command(struct roster *roster, uint32_t pid)
{
	for (size_t i = 0; i < roster->count; i++) {
		struct service_info *info = roster->services[i];

		if (info->root.tgid != pid || info->identity.kind != SERVICE_COMMAND ||
		    procfs_exe(pid, info->exe, sizeof(info->exe)))
			continue;
		/* It may have ended after the first look: its file is still there. */
		if (recognise(pid, &info->program))
			info->program = recognise_file(info->exe);
	}
}

/* Would it be watched, as far as can be told without looking at the process? */
static bool is_wanted_unseen(const struct roster *roster, uint16_t port)
{
	const struct selectors *selectors = roster->options.selectors;
	const struct selectors *exclusions = roster->options.exclusions;
	size_t i;

	for (i = 0; exclusions && i < exclusions->count; i++) {
		if (exclusions->items[i].kind == SELECT_PORT && exclusions->items[i].number == port)
			return false;
	}
	for (i = 0; i < selectors->count; i++) {
		if (selectors->items[i].kind == SELECT_PORT && selectors->items[i].number == port)
			return true;
	}
	return !selectors->count;
}

/*
 * It listened and ended before we looked: while no collector lived, or it was that quick. Its
 * events will tell its name.
 */
static int enter_unseen(struct roster *roster, const struct event_listener *event)
{
	struct service_info *info;
	int err = roster_enter(roster, event->header.service, &info);

	if (err)
		return err;
	info->root = event->process;
	info->identity.kind = SERVICE_TREE;
	return roster_enter_listener(roster, event, info->number);
}

static bool has_port(const struct selectors *selectors)
{
	size_t i;

	for (i = 0; selectors && i < selectors->count; i++) {
		if (selectors->items[i].kind == SELECT_PORT)
			return true;
	}
	return false;
}

/*
 * Gone, not wanted, or a member of another service by now: the service that the kernel made for it
 * goes. Who is not wanted stays a member of no service (0), so that it is not asked about at every
 * listen(), unless another port of it may be wanted.
 */
static void let_go(struct roster *roster, const struct event_listener *event, bool is_unwanted)
{
	probe_remove_service(roster->probe, event->header.service);
	if (!is_unwanted || has_port(roster->options.selectors) ||
	    has_port(roster->options.exclusions))
		probe_remove_member(roster->probe, &event->process, event->header.service);
	else
		probe_ignore_member(roster->probe, &event->process);
}

/* Has the root of a known service exec()ed since we looked? A wrapper becomes the server so. */
static bool has_new_program(const struct service_info *info, const struct process_id *process)
{
	char exe[PATH_BYTES];

	return info->identity.kind != SERVICE_COMMAND && process_id_equal(process, &info->root) &&
	       !procfs_exe(process->tgid, exe, sizeof(exe)) && strcmp(exe, info->exe);
}

int roster_on_listener(struct roster *roster, const struct event_listener *event)
{
	uint64_t number = event->header.service;
	const struct service_info *known = roster_service(roster, number);
	size_t services;
	int err;

	if (event->change != LISTENER_OPENED)
		return 0;
	if (event->flags & LISTENER_UNWATCHED)
		log_info("pid %u listens on port %u, and there is no room to watch it: "
			 "its stop is not recorded",
			 event->process.tgid, event->port);
	if (known && has_new_program(known, &event->process))
		return roster_seed(roster, &services);
	if (known || number < SERVICE_FROM_KERNEL)
		return 0;
	roster->adopting = number;
	err = roster_seed_one(roster, event);
	roster->adopting = 0;
	if (err < 0 && err != -ENOENT)
		return err;
	if (!err && roster_service(roster, number))
		return 0;
	if (err == -ENOENT && is_wanted_unseen(roster, event->port))
		return enter_unseen(roster, event);
	if (err == -ENOENT && roster->options.selectors->count)
		log_info("pid %u listened on port %u and was gone before it could be looked at: "
			 "whether it is a target is not known, its stop is not recorded",
			 event->process.tgid, event->port);
	let_go(roster, event, err == 1);
	return 0;
}

bool roster_wants_arguments(const struct roster *roster)
{
	return roster->options.rules && roster->options.rules->records_arguments;
}

size_t roster_count(const struct roster *roster)
{
	return roster->count;
}

void roster_remove(struct roster *roster, uint64_t service)
{
	struct service_info *info = roster_service(roster, service);

	if (!info)
		return;
	probe_remove_service(roster->probe, service);
	roster_drop(roster, info);
}
