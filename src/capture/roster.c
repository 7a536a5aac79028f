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
#include "src/capture/census.h"
#include "src/capture/procfs.h"

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
	if (!roster)
		return;
	free(roster->services);
	free(roster);
}

struct service_info *roster_service(const struct roster *roster, uint64_t number)
{
	size_t i;

	for (i = 0; i < roster->count; i++) {
		if (roster->services[i].number == number)
			return &roster->services[i];
	}
	return NULL;
}

const struct service_info *roster_find(const struct roster *roster, uint64_t service)
{
	return roster_service(roster, service);
}

int roster_enter(struct roster *roster, uint64_t number, struct service_info **ret_info)
{
	int err;

	err = array_reserve((void **)&roster->services, &roster->capacity, roster->count,
			    sizeof(*roster->services));
	if (err)
		return err;
	if (!number) {
		err = probe_add_service(roster->probe, &number);
		if (err)
			return err;
	}
	*ret_info = &roster->services[roster->count++];
	memset(*ret_info, 0, sizeof(**ret_info));
	(*ret_info)->number = number;
	return 0;
}

/* The number under which members of this root are entered already; 0: none. */
static uint64_t known_number(const struct census *census, size_t root)
{
	size_t i;

	if (census->processes[root].service)
		return census->processes[root].service;
	for (i = 0; i < census->n_processes; i++) {
		if (census->processes[i].root == root && census->processes[i].service)
			return census->processes[i].service;
	}
	return 0;
}

static void describe(struct service_info *info, const struct census_process *root)
{
	info->root = root->id;
	if (procfs_exe(root->id.tgid, info->exe, sizeof(info->exe)))
		info->exe[0] = '\0';
	if (root->has_identity) {
		info->identity = root->identity;
		return;
	}
	info->identity.kind = SERVICE_TREE;
	memcpy(info->identity.name, root->comm, sizeof(root->comm));
	procfs_cgroup(root->id.tgid, info->identity.cgroup, sizeof(info->identity.cgroup));
}

static size_t ports_of(const struct census *census, size_t root, uint16_t *ports, size_t max)
{
	size_t i, count = 0;

	for (i = 0; i < census->n_listeners && count < max; i++) {
		const struct census_process *holder =
			census_find(census, &census->listeners[i].process);

		if (holder && holder->root == root && census->listeners[i].port)
			ports[count++] = census->listeners[i].port;
	}
	return count;
}

/* What the configuration knows better. Returns 0 or -errno. */
static int follow_rule(struct roster *roster, const struct census *census, size_t root,
		       struct service_info *info)
{
	uint16_t ports[64];
	struct rule_subject subject = {
		.unit = info->identity.unit,
		.cgroup = info->identity.cgroup,
		.exe = info->exe,
		.ports = ports,
	};
	const struct service_rule *rule;

	if (!info->is_configured && (!roster->options.rules || !roster->options.rules->count))
		return 0;
	subject.n_ports = ports_of(census, root, ports, ARRAY_SIZE(ports));
	rule = rules_find(roster->options.rules, &subject);
	if (rule && rule->name)
		snprintf(info->identity.name, sizeof(info->identity.name), "%s", rule->name);
	info->grace_ns = rule ? rule->grace_ns : 0;
	info->is_configured = rule;
	return probe_configure_service(roster->probe, info->number, rule ? rule->stop_signals : 0,
				       rule && rule->is_multiplexed);
}

static void tell_entered(const struct roster *roster, const struct service_info *info)
{
	struct event_service service = {
		.header = { .type = EVENT_SERVICE,
			    .size = sizeof(service),
			    .service = info->number },
	};
	struct event_program root = {
		.header = { .type = EVENT_PROGRAM, .size = sizeof(root), .service = info->number },
		.process = info->root,
	};

	if (!roster->options.on_entered)
		return;
	cgroup_service_tell(&info->identity, &service);
	service.grace_ns = info->grace_ns;
	memcpy(root.exe, info->exe, sizeof(root.exe));
	roster->options.on_entered(roster->options.context, &service, &root);
}

static int enter_members(struct roster *roster, const struct census *census, size_t root,
			 uint64_t number)
{
	size_t i;
	int err;

	for (i = 0; i < census->n_processes; i++) {
		const struct census_process *process = &census->processes[i];

		if (process->root != root || process->service == number)
			continue;
		err = probe_set_member(roster->probe, &process->id, number);
		if (err)
			return err;
	}
	return 0;
}

static int enter_listener(struct roster *roster, const struct event_listener *listener,
			  uint64_t number)
{
	struct listener_key key = {};

	memcpy(key.address, listener->address, sizeof(key.address));
	key.netns = listener->netns;
	key.port = listener->port;
	return probe_add_listener(roster->probe, &key, number, roster->adopting);
}

static int enter_listeners(struct roster *roster, const struct census *census, size_t root,
			   uint64_t number)
{
	size_t i;
	int err;

	for (i = 0; i < census->n_listeners; i++) {
		const struct event_listener *listener = &census->listeners[i];
		const struct census_process *holder = census_find(census, &listener->process);

		if (!listener->port || !holder || holder->root != root)
			continue;
		err = enter_listener(roster, listener, number);
		if (err)
			return err;
	}
	return 0;
}

static int enter_service(struct roster *roster, const struct census *census, size_t root)
{
	uint64_t number = known_number(census, root);
	struct service_info *info = number ? roster_service(roster, number) : NULL;
	int err;

	if (!info) {
		err = roster_enter(roster, number, &info);
		if (err)
			return err;
	}
	info->seeding = roster->seedings;
	describe(info, &census->processes[root]);
	err = follow_rule(roster, census, root, info);
	if (err)
		return err;
	tell_entered(roster, info);
	err = enter_members(roster, census, root, info->number);
	if (err)
		return err;
	return enter_listeners(roster, census, root, info->number);
}

static const struct selector *find_unmatched(const struct roster *roster,
					     const struct census *census)
{
	size_t i;

	for (i = 0; i < roster->options.selectors->count; i++) {
		if (!census_matches(census, &roster->options.selectors->items[i]))
			return &roster->options.selectors->items[i];
	}
	return NULL;
}

int roster_seed(struct roster *roster, size_t *ret_services)
{
	struct census census;
	size_t i;
	int err = census_take(&census, roster->probe);

	roster->seedings++;
	if (!err) {
		census_group(&census, roster->options.selectors, roster->options.exclusions);
		roster->unmatched = find_unmatched(roster, &census);
	}
	for (i = 0; !err && i < census.n_processes; i++) {
		if (census.processes[i].root == i)
			err = enter_service(roster, &census, i);
	}
	census_fini(&census);
	if (!err)
		*ret_services = roster->count;
	return err;
}

int roster_reconfigure(struct roster *roster, const struct selectors *selectors,
		       const struct selectors *exclusions, const struct service_rules *rules,
		       bool (*is_needed)(void *context, uint64_t service), void *context)
{
	size_t i, services;
	int err;

	roster->options.selectors = selectors;
	roster->options.exclusions = exclusions;
	roster->options.rules = rules;
	err = roster_seed(roster, &services);
	for (i = 0; !err && i < roster->count; i++) {
		const struct service_info *info = &roster->services[i];

		if (info->seeding == roster->seedings || is_needed(context, info->number))
			continue;
		probe_remove_service(roster->probe, info->number);
		roster->services[i--] = roster->services[--roster->count];
	}
	return err;
}

const struct selector *roster_unmatched(const struct roster *roster)
{
	return roster->unmatched;
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
	return enter_listener(inherited->roster, listener, inherited->number);
}

int roster_add_command(struct roster *roster, uint32_t pid, const char *name)
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
	err = probe_set_member(roster->probe, &search.id, info->number);
	if (err)
		return err;
	/* Listening sockets that it got from whoever started us. */
	inherited.number = info->number;
	return probe_list_listeners(roster->probe, pid, enter_inherited, &inherited);
}

int roster_on_listener(struct roster *roster, const struct event_listener *event)
{
	uint64_t number = event->header.service;
	size_t services;
	int err;

	if (event->change != LISTENER_OPENED || number < SERVICE_FROM_KERNEL ||
	    roster_service(roster, number))
		return 0;
	roster->adopting = number;
	err = roster_seed(roster, &services);
	roster->adopting = 0;
	if (err || roster_service(roster, number))
		return err;
	probe_remove_member(roster->probe, &event->process, number);
	probe_remove_service(roster->probe, number);
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
	*info = roster->services[--roster->count];
}
