// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is there: a census of the host becomes services, members and listening addresses, in the
 * roster and in the kernel's maps. What is known already stays what it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/base/cleanup.h"
#include "src/capture/census.h"
#include "src/capture/procfs.h"
#include "src/capture/recognise.h"
#include "src/capture/roster_internal.h"
#include "src/model/process.h"

static void describe(struct service_info *info, const struct census_process *root)
{
	char exe[PATH_BYTES] = "";

	if (procfs_exe(root->id.tgid, exe, sizeof(exe)))
		exe[0] = '\0';
	/* Of one that has ended by now, what was known stays. */
	if (!process_id_equal(&info->root, &root->id) || (exe[0] && strcmp(exe, info->exe))) {
		info->program = PROGRAM_UNKNOWN;
		recognise(root->id.tgid, &info->program);
		memcpy(info->exe, exe, sizeof(info->exe));
	}
	info->root = root->id;
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

int roster_enter_listener(struct roster *roster, const struct event_listener *listener,
			  uint64_t number)
{
	struct listener_key key = {};

	memcpy(key.address, listener->address, sizeof(key.address));
	key.netns = listener->netns;
	key.port = listener->port;
	return probe_add_listener(roster->probe, &key, number, roster->adopting,
				  listener->header.at_ns);
}

static int enter_service(struct roster *roster, struct census *census, size_t root)
{
	uint64_t number = census->processes[root].number;
	struct service_info *info = number ? roster_service(roster, number) : NULL;
	struct service_info before = {};
	int err;

	if (info) {
		before = *info;
	} else {
		err = roster_enter(roster, number, &info);
		if (err)
			return err;
	}
	census->processes[root].number = info->number;
	describe(info, &census->processes[root]);
	err = follow_rule(roster, census, root, info);
	before.seeding = info->seeding;
	/* Both are of calloc() and copied as a whole: bytes between the fields are the same.
	 * NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	if (!err && memcmp(&before, info, sizeof(before)) != 0)
		tell_entered(roster, info);
	info->seeding = roster->seedings;
	info->n_unix_listeners = 0;
	return err;
}

/* Members that are entered already know the number of their service. */
static void find_numbers(struct census *census)
{
	size_t i;

	for (i = 0; i < census->n_processes; i++) {
		struct census_process *process = &census->processes[i];

		process->number = process->root == i ? process->service : 0;
	}
	for (i = 0; i < census->n_processes; i++) {
		const struct census_process *process = &census->processes[i];

		if (process->root != SIZE_MAX && !census->processes[process->root].number)
			census->processes[process->root].number = process->service;
	}
}

static int enter_services(struct roster *roster, struct census *census)
{
	size_t i;
	int err = 0;

	find_numbers(census);
	for (i = 0; !err && i < census->n_processes; i++) {
		if (census->processes[i].root == i)
			err = enter_service(roster, census, i);
	}
	return err;
}

static int enter_members(struct roster *roster, const struct census *census)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < census->n_processes; i++) {
		const struct census_process *process = &census->processes[i];
		uint64_t number;

		if (process->root == SIZE_MAX)
			continue;
		number = census->processes[process->root].number;
		if (process->service != number)
			err = probe_set_member(roster->probe, &process->id, &process->parent,
					       number);
	}
	return err;
}

static void keep_unix_listener(struct roster *roster, const struct event_listener *listener,
			       uint64_t number)
{
	struct service_info *info = roster_service(roster, number);

	if (info && info->n_unix_listeners < UNIX_LISTENERS_MAX)
		info->unix_listeners[info->n_unix_listeners++] = *listener;
}

static int enter_listeners(struct roster *roster, const struct census *census)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < census->n_listeners; i++) {
		const struct event_listener *listener = &census->listeners[i];
		const struct census_process *holder = census_find(census, &listener->process);
		uint64_t number;

		if (!holder || holder->root == SIZE_MAX)
			continue;
		number = census->processes[holder->root].number;
		if (listener->family == AF_UNIX)
			keep_unix_listener(roster, listener, number);
		else if (listener->port)
			err = roster_enter_listener(roster, listener, number);
	}
	return err;
}

static int enter_all(struct roster *roster, struct census *census)
{
	int err = enter_services(roster, census);

	if (!err)
		err = enter_members(roster, census);
	return err ? err : enter_listeners(roster, census);
}

/* A cgroup or a tree has others that belong to it: the host is looked at as a whole. */
static bool stands_alone(const struct census_process *process)
{
	return !process->has_identity && !procfs_has_children(process->id.tgid);
}

/* It may end between the look at it and that at all: then the first is what there is of it. */
static int enter_one(struct roster *roster, struct census *census, uint64_t number)
{
	const struct census_process *process = &census->processes[0];
	size_t services;

	if (!stands_alone(process)) {
		int err = roster_seed(roster, &services);

		if (err || roster_service(roster, number) || !census_is_gone(process->id.tgid))
			return err;
	}
	return enter_all(roster, census);
}

int roster_seed_one(struct roster *roster, const struct event_listener *event)
{
	struct census census;
	int err = census_take_one(&census, event);

	if (!err) {
		census_group(&census, roster->options.selectors, roster->options.exclusions);
		if (census.processes[0].root != SIZE_MAX)
			err = enter_one(roster, &census, event->header.service);
		else
			err = census_is_gone(event->process.tgid) ? -ENOENT : 1;
	}
	census_fini(&census);
	return err;
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

/* In nobody's list: not in that one, and the kernel knew no parent of it as a member. */
static int adopt_missed(struct roster *roster, const struct census *then, const struct census *now,
			size_t *ret_adopted)
{
	size_t i, adopted = 0;
	int err = 0;

	for (i = 0; !err && i < now->n_processes; i++) {
		const struct census_process *process = &now->processes[i];
		const struct census_process *parent = census_find(now, &process->parent);

		if (process->service || !parent || !parent->service ||
		    census_find(then, &process->id))
			continue;
		err = probe_set_member(roster->probe, &process->id, &process->parent,
				       parent->service);
		adopted++;
	}
	if (!err)
		*ret_adopted = adopted;
	return err;
}

/*
 * Who was forked after the census, but before its parent became a member. Its own children may be
 * as young: until there are none.
 */
static int adopt_newborn(struct roster *roster, const struct census *census)
{
	size_t adopted = 1;
	int err = 0;

	while (!err && adopted) {
		struct census now;

		err = census_list(&now, roster->probe);
		if (!err)
			err = adopt_missed(roster, census, &now, &adopted);
		census_fini(&now);
	}
	return err;
}

int roster_seed(struct roster *roster, size_t *ret_services)
{
	struct census census;
	int err = census_take(&census, roster->probe);

	roster->seedings++;
	if (!err) {
		census_group(&census, roster->options.selectors, roster->options.exclusions);
		roster->unmatched = find_unmatched(roster, &census);
	}
	if (!err)
		err = enter_all(roster, &census);
	if (!err)
		err = adopt_newborn(roster, &census);
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
	for (i = roster->count; !err && i-- > 0;) {
		struct service_info *info = roster->services[i];

		if (info->seeding == roster->seedings || is_needed(context, info->number))
			continue;
		probe_remove_service(roster->probe, info->number);
		roster_drop(roster, info);
	}
	return err;
}

const struct selector *roster_unmatched(const struct roster *roster)
{
	return roster->unmatched;
}
