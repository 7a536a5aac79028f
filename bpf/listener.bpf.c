// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listening sockets that open and close: who begins to listen becomes a member, and who closes the
 * last listener of its service begins a shutdown.
 */
#include "listener.bpf.h"

static __always_inline void tell_listener(struct sock *sk, const struct listener_key *key,
					  const struct process_id *id, u64 service, u64 generation,
					  u64 now_ns, u8 change, u32 flags)
{
	struct event_listener event = {};

	header_init(&event.header, EVENT_LISTENER, sizeof(event), now_ns, service, generation);
	event.process = *id;
	event.cookie = listener_cookie(sk);
	__builtin_memcpy(event.address, key->address, ADDRESS_BYTES);
	event.netns = key->netns;
	event.queued = listener_queued(sk);
	event.port = key->port;
	event.family = sk->__sk_common.skc_family;
	event.change = change;
	event.flags = flags;
	event_emit(&event, sizeof(event));
}

/* A service of its own, if there is room for it: else 0. */
static __always_inline u64 enter_newcomer(const struct process_id *id)
{
	struct process_id unknown = {};
	struct member *member;
	u64 service = service_add();

	if (!service || !member_add(id, &unknown, service, 0))
		return service;
	service_delete(service);
	member = member_find(id); /* another thread may have been faster */
	return member ? member->service : 0;
}

/* Somebody starts to listen: a member already, or a new service if we follow listeners. */
static __noinline int on_listener_opened(struct sock *sk)
{
	struct process_id id = process_id_current();
	struct member *member = member_find(&id);
	struct service_state *state;
	struct listener_key key = {};
	u64 service = member ? member->service : 0;
	bool is_known;
	u32 flags = 0;

	if (!member && follow_listeners && id.tgid != collector_tgid) {
		service = enter_newcomer(&id);
		if (!service)
			flags |= LISTENER_UNWATCHED;
	}
	connection_local(sk, &key);
	is_known = service || listener_find(&key);
	if (!is_known && !flags)
		return 0; /* neither a member's nor an address that was a member's */
	connection_local(sk, &key);
	if (is_known)
		listener_opened(&key, service); /* a stranger's: the port tells nothing any more */
	connection_local(sk, &key);
	state = service_find(service);
	tell_listener(sk, &key, &id, service, state ? state->generation : 0,
		      bpf_ktime_get_boot_ns(), LISTENER_OPENED, flags);
	return 0;
}

/*
 * A service that closes its last listener, while it lives and was not told to, stops by itself. Or
 * it has something else in mind: what follows will tell. Does this close begin it?
 */
static __always_inline bool arm_by_close(const struct member *member, u64 service,
					 struct service_state *state, u64 now_ns)
{
	if (state->generation || !member || member->service != service ||
	    member->flags & MEMBER_EXITING || service_listens(service))
		return false;
	if (!service_arm(state, now_ns))
		return false;
	__sync_fetch_and_or(&state->flags, SERVICE_WHOLE);
	return true;
}

/* The last descriptor of a listening socket is gone. */
static __noinline int on_listener_closed(struct sock *sk)
{
	struct process_id id = process_id_current();
	struct listener_tag *tag = listener_tag_find(sk);
	struct member *member = member_find(&id);
	struct service_state *state;
	struct listener_key key = {};
	u64 service = tag ? tag->service : member ? member->service : 0;
	u64 now_ns = bpf_ktime_get_boot_ns();
	bool has_entry;
	u32 flags = 0;

	connection_local(sk, &key);
	has_entry = listener_closed(&key);
	if (!service)
		return 0;
	state = service_find(service);
	if (!state)
		return 0;
	if (arm_by_close(member, service, state, now_ns))
		flags |= LISTENER_ARMED;
	if (state->generation && !has_entry) /* it made room for another one: see enter_again() */
		loss_count(LOSS_LISTENERS_FULL);
	if (state->generation)
		tell_listener(sk, &key, &id, service, state->generation, now_ns, LISTENER_CLOSED,
			      flags);
	return 0;
}

__hidden bool listener_tells(struct sock *sk, u64 service)
{
	struct listener_entry *entry;
	struct listener_key key = {};

	connection_local(sk, &key);
	entry = listener_find(&key);
	return !entry || (entry->service == service && !entry->is_shared);
}

/*
 * Of an MPTCP listener the outer socket tells of the opening (and traces LISTEN->LISTEN after it),
 * the inner one of the closing: its queue is reset before the outer one changes.
 */
__hidden int listener_changed(struct sock *sk, int old_state, int new_state)
{
	u16 family = sk->__sk_common.skc_family;

	if (old_state == new_state || (family != AF_INET && family != AF_INET6))
		return 0;
	if (sk->sk_protocol == IPPROTO_MPTCP)
		return new_state == TCP_LISTEN ? on_listener_opened(sk) : 0;
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new_state != TCP_LISTEN)
		return on_listener_closed(sk);
	return mptcp_around(sk) ? 0 : on_listener_opened(sk);
}
