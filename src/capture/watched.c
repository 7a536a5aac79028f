// SPDX-License-Identifier: GPL-2.0-only
/* The maps that say who is watched: services, members, listening addresses. */
#include "src/capture/probe_internal.h"

#include <errno.h>
#include <string.h>

#include "src/capture/sweep.h"

int probe_add_service(struct probe *probe, uint64_t *ret_service)
{
	uint64_t service = ++probe->skeleton->data_shared->shared.user_services;
	struct service_state state = {};

	if (bpf_map_update_elem(bpf_map__fd(probe->skeleton->maps.services), &service, &state,
				BPF_NOEXIST))
		return -errno;
	*ret_service = service;
	return 0;
}

int probe_configure_service(struct probe *probe, uint64_t service, uint64_t stop_signals,
			    bool is_multiplexed)
{
	struct target target = {
		.service = service,
		.stop_signals = stop_signals,
		.flags = is_multiplexed ? SERVICE_MULTIPLEXED : 0,
	};

	return probe_run_syscall(probe, probe->skeleton->progs.configure_service, &target);
}

struct services_sweep {
	probe_service_visit visit;
	void *context;
};

static int visit_service(void *context, const void *key, const void *value)
{
	const struct services_sweep *sweeping = context;
	const struct service_state *state = value;
	uint64_t service;
	int err;

	memcpy(&service, key, sizeof(service));
	err = sweeping->visit(sweeping->context, service, state->generation, state->armed_ns);
	return err > 0 ? 0 : err;
}

int probe_list_services(struct probe *probe, probe_service_visit visit, void *context)
{
	struct services_sweep sweeping = { .visit = visit, .context = context };

	return sweep(probe->skeleton->maps.services, visit_service, &sweeping);
}

static uint32_t *member_slot(struct probe *probe, const struct process_id *id)
{
	return &probe->skeleton->data_shared->shared.member_slots[id->tgid % MEMBER_SLOTS];
}

int probe_set_member(struct probe *probe, const struct process_id *id,
		     const struct process_id *parent, uint64_t service)
{
	struct member member = { .service = service };
	int fd = bpf_map__fd(probe->skeleton->maps.members);
	int err;

	if (parent)
		member.parent = *parent;
	__atomic_fetch_add(member_slot(probe, id), 1, __ATOMIC_SEQ_CST);
	err = bpf_map_update_elem(fd, id, &member, BPF_NOEXIST) ? -errno : 0;
	if (err)
		__atomic_fetch_sub(member_slot(probe, id), 1, __ATOMIC_SEQ_CST);
	if (err == -EEXIST)
		err = bpf_map_update_elem(fd, id, &member, BPF_EXIST) ? -errno : 0;
	return err;
}

void probe_ignore_member(struct probe *probe, const struct process_id *id)
{
	const struct member of_none = {};

	bpf_map_update_elem(bpf_map__fd(probe->skeleton->maps.members), id, &of_none, BPF_EXIST);
}

void probe_remove_member(struct probe *probe, const struct process_id *id, uint64_t service)
{
	int fd = bpf_map__fd(probe->skeleton->maps.members);
	struct member member;

	if (!bpf_map_lookup_elem(fd, id, &member) && member.service == service &&
	    !bpf_map_delete_elem(fd, id))
		__atomic_fetch_sub(member_slot(probe, id), 1, __ATOMIC_SEQ_CST);
}

int probe_add_listener(struct probe *probe, const struct listener_key *key, uint64_t service,
		       uint64_t instead, uint64_t seen_ns)
{
	struct listener_entry entry = { .service = service, .open = 1 };
	struct listener_entry known;
	int fd = bpf_map__fd(probe->skeleton->maps.listeners);

	if (!bpf_map_lookup_elem(fd, key, &known)) {
		if (known.service == service)
			return 0;
		/* Who was seen there before that has ended: it is the other one's by now. */
		if (known.service != instead && known.opened_ns > seen_ns)
			return 0;
		entry.opened_ns = known.opened_ns;
		entry.is_shared = known.service != instead && known.open > 0;
		entry.open = entry.is_shared ? known.open + 1 : 1;
	}
	return bpf_map_update_elem(fd, key, &entry, BPF_ANY) ? -errno : 0;
}

/* A stop may have armed it meanwhile: what was counted then goes too. */
void probe_remove_service(struct probe *probe, uint64_t service)
{
	struct target target = { .service = service };

	if (probe_run_syscall(probe, probe->skeleton->progs.remove_service, &target))
		return;
	target.generation = probe->skeleton->bss->target.generation;
	if (target.generation)
		probe_forget(probe, &target);
}
