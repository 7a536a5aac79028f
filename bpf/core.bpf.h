/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hook files share: who is watched, which service is stopping, exact counts, tags on
 * sockets, and the two ways out to user space. core.bpf.c owns every map behind it.
 *
 * All of it may run in any context the hooks run in: interrupts off, siglock held, softirq.
 */
#ifndef SHUTWATCH_CORE_BPF_H
#define SHUTWATCH_CORE_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "maps.h"

/* While shared.armed_services is 0 the socket programs return after this one load. */
extern struct shared shared;

/* Set before loading. */
extern const volatile __u64 instance;	     /* of these programs; see is_retired() */
extern const volatile bool follow_listeners; /* whoever starts to listen becomes a member */
extern const volatile __u32 collector_tgid;
extern const volatile __u32 forwarder_tgid; /* 0: none; signals to it are told as well */
extern const volatile __u64 jiffy_ns;

/* What the iterators and end_shutdown work on; set by user space before it runs them. */
extern struct target target;

/* Newer programs have taken over, or are not yet to take over: they alone do the work. */
static __always_inline bool is_retired(void)
{
	return shared.active_instance != instance;
}

/* One connection of a stopping service. Lives with the socket. */
struct connection_tag {
	u64 service;
	u64 generation;
	struct process_id owner; /* who holds it, as far as known; tgid 0: nobody yet */
	u64 arrived_ns;		 /* after T0, else 0 */
	u64 baseline_received;
	u64 baseline_sent;
	u32 is_counted; /* as open or late; set once. 0: came while others serve on */
	u32 outcome;	/* set once, when it leaves */
	u8 direction;
	u8 at_signal;
	u8 has_baseline;
	u8 pad[5];
};

/* Which shutdown a listening socket is in; copied to every child, before it is accepted. */
struct listener_tag {
	u64 service;
	u64 generation;
};

/* Counts one loss, by cause. */
__hidden void loss_count(u32 cause);

/* --- who is watched ------------------------------------------------------------------------- */

static __always_inline struct process_id process_id_of(const struct task_struct *task)
{
	struct process_id id = {};

	id.tgid = BPF_CORE_READ(task, tgid);
	id.started_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	return id;
}

/* The same of a task that a hook hands over: by plain loads, which elsewhere are not allowed. */
static __always_inline struct process_id process_id_at_hook(const struct task_struct *task)
{
	struct process_id id = {};

	id.tgid = task->tgid;
	id.started_ns = task->group_leader->start_boottime;
	return id;
}

/* The current process. */
static __always_inline struct process_id process_id_current(void)
{
	return process_id_at_hook(bpf_get_current_task_btf());
}

/*
 * Certainly not watched, as most of the host: a small table says so, and neither the large one nor
 * more of the task has to come into the caches.
 */
static __always_inline bool is_stranger(u32 tgid)
{
	return !shared.member_slots[tgid % MEMBER_SLOTS];
}

/* NULL: not watched. */
__hidden struct member *member_find(const struct process_id *id);
__hidden int member_add(const struct process_id *id, const struct process_id *parent, u64 service,
			u32 flags);
__hidden void member_remove(const struct process_id *id);
enum {
	MEMBERS_SERVE = 1 << 0, /* at least one has not been told to stop, and lives */
	MEMBERS_EXIT = 1 << 1,	/* at least one ends or has ended */
};
/* What the members of the service do: MEMBERS_*. Looks at all members there are. */
__hidden u32 members_doing(u64 service);
/* The shutdown is over: members that live on have not been signalled yet. */
__hidden void members_forgive(u64 service);

/* Is the parent of the process outside its service? */
static __always_inline bool member_is_root(const struct task_struct *task, u64 service)
{
	struct task_struct *parent = BPF_CORE_READ(task, group_leader, real_parent);
	struct process_id id = process_id_of(parent);
	struct member *member = member_find(&id);

	return !member || member->service != service;
}

/* --- services and their shutdowns ----------------------------------------------------------- */

/* A new service of its own: for whoever starts to listen. Returns its number; 0: no room. */
__hidden u64 service_add(void);
/* NULL: no such service. */
__hidden struct service_state *service_find(u64 service);
__hidden void service_delete(u64 service);
/* Begins a shutdown. Returns true for the one caller that did. */
__hidden bool service_arm(struct service_state *state, u64 now_ns);

static __always_inline bool service_is_in(u64 service, u64 generation)
{
	struct service_state *state = service_find(service);

	return state && generation && state->generation == generation;
}

/* The exact counts of a process in a shutdown; NULL (and a loss): no room. */
__hidden struct counts *counts_of(u64 generation, const struct process_id *id);
/* How many connections were counted when they were seen, and not yet as having left. */
__hidden s64 counts_staying(u64 generation);

/* --- listening addresses -------------------------------------------------------------------- */

/* By exact address, else by the wildcard. NULL: nobody we know listens or listened there. */
__hidden struct listener_entry *listener_find(struct listener_key *key);
/* Has the service a listening address that is open, as far as it is known? */
__hidden bool service_listens(u64 service);
__hidden void listener_opened(struct listener_key *key, u64 service);
/* Returns false if it had no entry (any more). */
__hidden bool listener_closed(struct listener_key *key);

/* --- tags on sockets ------------------------------------------------------------------------ */

/* NULL: none. The tag may be of a shutdown that is over: see connection.bpf.h. */
__hidden struct connection_tag *connection_tag_find(struct sock *sk);
/* The tag there is, else a copy of this one. NULL (and a loss): no memory. */
__hidden struct connection_tag *connection_tag_create(struct sock *sk, struct connection_tag *tag);
__hidden void connection_tag_delete(struct sock *sk);

__hidden struct listener_tag *listener_tag_find(struct sock *sk);
__hidden void listener_tag_set(struct sock *sk, struct listener_tag *tag);

/* Connections that our FIN closed, for the resets that may come late. */
__hidden void closed_remember(const struct event_connection *event);
__hidden struct event_connection *closed_find(const struct ends *ends);

/* --- the way out ---------------------------------------------------------------------------- */

static __always_inline void header_init(struct event_header *header, u16 type, u16 size, u64 at_ns,
					u64 service, u64 generation)
{
	header->type = type;
	header->size = size;
	header->pad = 0;
	header->at_ns = at_ns;
	header->service = service;
	header->generation = generation;
}

/* Rare events, and connections: two rings, so that a flood of the latter drowns no signal. */
__hidden void event_emit(const void *event, u32 size);
__hidden void detail_emit(const struct event_connection *event);

#endif
