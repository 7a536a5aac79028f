// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: connections that arrive and leave; listeners are told from here (listener.bpf.c).
 *
 * The state tracepoint has two programs. The kernel drops a nested run of a program on a CPU; a
 * packet that interrupts a process inside the one would be lost if it needed the same one.
 */
#include "call.bpf.h"
#include "connection.bpf.h"
#include "listener.bpf.h"
#include "look.bpf.h"
#include "state.bpf.h"

/* --- who is it ------------------------------------------------------------------------------ */

/* Whose shutdown a connection is in that has no tag, by its listener or by its local address. */
static __always_inline u64 service_by_listener(struct sock *sk)
{
	struct listener_tag *tag = listener_tag_find(sk);
	struct listener_entry *entry;
	struct listener_key key = {};

	if (tag && service_is_in(tag->service, tag->generation))
		return tag->service;
	connection_local(sk, &key);
	entry = listener_find(&key);
	return entry && !entry->is_shared ? entry->service : 0;
}

/*
 * Closed on behalf of a process that has ended: by itself, or by whoever held it last. Where nobody
 * has seen who had it, the end of any member tells: it is held for an instant only.
 */
static __always_inline bool is_exiting(const struct process_id *id, u64 service)
{
	struct member *member = member_find(id);

	return member ? member->flags & MEMBER_EXITING
		      : !id->tgid && members_doing(service) & MEMBERS_EXIT;
}

/* Held the last reference for an instant, as a collector or lsof does; or is a kernel thread. */
static __noinline bool is_bystander(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call call;

	if ((u32)(bpf_get_current_pid_tgid() >> 32) == collector_tgid || task->flags & PF_KTHREAD)
		return true;
	call_read(task, &call);
	return call_is_look(&call);
}

/*
 * Who closes the tagged connection now? The current process, unless that is a bystander. A process
 * outside the service got it handed over; unless it is one that began to end before T0 (it is no
 * member any more), and its sockets close only now: then nobody has seen who holds the connection.
 */
static __always_inline void departure_by_owner(struct departure *departure, const struct sock *sk,
					       const struct connection_tag *tag)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct process_id id = process_id_at_hook(task);
	struct member *member = member_find(&id);
	bool is_by_exit;

	departure->owner = tag->owner;
	if (member && member->service == tag->service) {
		departure->owner = id;
		is_by_exit = member->flags & MEMBER_EXITING;
	} else if (!tag->owner.tgid && task->flags & PF_EXITING) {
		is_by_exit = true;
	} else {
		if (!is_bystander())
			departure->outcome = OUTCOME_HANDED_OVER;
		is_by_exit = is_exiting(&tag->owner, tag->service);
	}
	departure->is_after_exit = is_by_exit;
	if (is_by_exit && look_is_closed(sk, &departure->owner))
		is_by_exit = false;
	departure->closed_by = is_by_exit ? CLOSED_BY_EXIT : CLOSED_BY_APP;
}

/*
 * The application has closed it, but somebody who only looked at the file held it for longer, and
 * closes it now. Of an inbound one the listener tells whose it was; it was open at T0, since what
 * arrives later is tagged at once. Who had it nobody can say: it counts if no member serves on.
 */
static __noinline u64 service_by_bystander(struct sock *sk)
{
	struct service_state *state;
	u64 service;

	if (!is_bystander())
		return 0;
	service = service_by_listener(sk);
	state = service ? service_find(service) : NULL;
	if (!state || !state->generation)
		return 0;
	return state->flags & SERVICE_WHOLE || !(members_doing(service) & MEMBERS_SERVE) ? service
											 : 0;
}

/* A member that goes on serving closes connections that are nobody's loss. */
static __always_inline u64 service_by_member(const struct member *member)
{
	struct service_state *state = service_find(member->service);

	if (!state || !state->generation)
		return 0;
	return state->flags & SERVICE_WHOLE || member->flags & (MEMBER_SIGNALLED | MEMBER_EXITING)
		       ? member->service
		       : 0;
}

/* One that has no tag is closed: it came or goes before the snapshot saw it. */
static __always_inline struct connection_tag *see_closing(struct sock *sk, bool peer_fin)
{
	struct sighting sighting = { .peer_fin = peer_fin };
	struct service_state *state;
	struct member *member = NULL;
	struct process_id id = {};

	if (!is_stranger(bpf_get_current_pid_tgid() >> 32)) {
		id = process_id_current();
		member = member_find(&id);
	}
	sighting.service = member ? service_by_member(member) : service_by_bystander(sk);
	state = sighting.service ? service_find(sighting.service) : NULL;
	if (!state)
		return NULL;
	sighting.generation = state->generation;
	if (member) {
		sighting.owner = id;
		/* Open at T0 it was seen: by descriptor or, of who ended first, by listener. */
		if (state->flags & SERVICE_SNAPSHOT_DONE && listener_tells(sk, sighting.service))
			sighting.at_signal = AT_SIGNAL_NEW;
	}
	return connection_see(sk, &sighting);
}

/* --- leaving -------------------------------------------------------------------------------- */

/* What a process's own transition put on the wire. */
static __always_inline u8 wire_by_owner(struct sock *sk, int old_state, int new_state)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (new_state != TCP_CLOSE)
		return WIRE_FIN;
	if (is_established(old_state))
		return WIRE_RST;
	/* After our FIN: the peer's FIN, taken from the backlog, or a close with data unread. */
	return tp && tp->rcv_nxt - tp->copied_seq > 1 ? WIRE_RST : WIRE_FIN;
}

/* Like service_by_bystander() not inlined: a chain of calls must do with 512 bytes of stack. */
static __noinline int tell_departure(struct sock *sk, struct connection_tag *tag,
				     const struct departure *departure)
{
	struct event_connection event = {};

	if (!connection_leave(sk, tag, departure, &event))
		return 0;
	if (event.wire == WIRE_FIN)
		closed_remember(&event);
	detail_emit(&event);
	return 0;
}

/* Is this transition, made from inside the socket, the end of the connection for the service? */
static __always_inline bool is_end_by_owner(const struct sock *sk, int old_state, int new_state)
{
	if (!is_established(old_state) && !is_fin_sent(old_state))
		return false;
	if (new_state == TCP_CLOSE)
		return true;
	return is_fin_sent(new_state) && (sk->sk_shutdown & SHUTDOWN_MASK) == SHUTDOWN_MASK;
}

static __noinline int on_changed_by_owner(struct sock *sk, int old_state, int new_state)
{
	struct departure departure = {};
	struct connection_tag *tag;

	if (!is_end_by_owner(sk, old_state, new_state))
		return 0;
	tag = connection_tag_find(sk);
	if (!tag || !service_is_in(tag->service, tag->generation))
		tag = see_closing(sk, new_state == TCP_CLOSE && is_fin_sent(old_state) &&
					      !socket_error_of(sk));
	if (!tag)
		return 0;
	departure_by_owner(&departure, sk, tag);
	departure.wire = wire_by_owner(sk, old_state, new_state);
	departure.peer_closed_first = old_state == TCP_CLOSE_WAIT || old_state == TCP_LAST_ACK;
	if (new_state == TCP_CLOSE) {
		departure.error = socket_error_of(sk);
		departure.peer_fin = departure.wire == WIRE_FIN;
	}
	if (departure.error) { /* a packet from the backlog */
		departure.closed_by =
			departure.error == ERROR_PEER_RESET ? CLOSED_BY_PEER : CLOSED_BY_KERNEL;
		departure.wire = WIRE_NONE;
		departure.outcome = OUTCOME_NONE;
	}
	tell_departure(sk, tag, &departure);
	return 0;
}

/* It sends a FIN and reads on: a packet will end it, and that does not tell whose it was. */
static __noinline int on_half_closed_by_owner(struct sock *sk)
{
	struct process_id id = process_id_current();
	struct connection_tag *tag = connection_tag_find(sk);
	struct member *member;

	if (!tag || !service_is_in(tag->service, tag->generation))
		tag = see_closing(sk, false);
	member = member_find(&id);
	if (tag && !tag->owner.tgid && member && member->service == tag->service)
		tag->owner = id;
	return 0;
}

/* A child of a listener is established: late, if its whole service is stopping. */
static __noinline int on_arrived(struct sock *sk)
{
	struct sighting sighting = { .at_signal = AT_SIGNAL_NEW };
	struct service_state *state;

	sighting.service = service_by_listener(sk);
	state = sighting.service ? service_find(sighting.service) : NULL;
	if (!state || !state->generation)
		return 0;
	sighting.generation = state->generation;
	sighting.arrived_ns = bpf_ktime_get_boot_ns();
	sighting.is_provisional = !(state->flags & SERVICE_WHOLE);
	connection_see(sk, &sighting);
	return 0;
}

/*
 * A packet ends a connection that has no tag: one that waits in an accept queue and goes down with
 * its listener, or one that the snapshot has not come to yet. What is in nobody's hands was closed
 * before T0. Whose it was, once accepted, cannot be told here: it counts if all of its service is
 * stopping.
 */
static __always_inline struct connection_tag *see_ending(struct sock *sk, int old_state,
							 bool is_queued)
{
	struct sighting sighting = {};
	struct service_state *state;

	if (!is_queued && !sk->sk_socket)
		return NULL;
	sighting.service = service_by_listener(sk);
	state = sighting.service ? service_find(sighting.service) : NULL;
	if (!state || !state->generation)
		return NULL;
	if (state->flags & SERVICE_SNAPSHOT_DONE) {
		if (!is_queued)
			return NULL;
		sighting.at_signal = AT_SIGNAL_NEW;
	} else if (is_queued) {
		sighting.at_signal = AT_SIGNAL_QUEUED;
	}
	sighting.generation = state->generation;
	sighting.peer_fin = !is_queued && is_fin_sent(old_state) && !socket_error_of(sk);
	sighting.is_provisional = !is_queued && !(state->flags & SERVICE_WHOLE);
	return connection_see(sk, &sighting);
}

/*
 * Data for a socket that we have closed makes the kernel reset it: sk_err is as if the peer had
 * done it. Seen here only when the close itself was not recorded.
 */
static __always_inline bool is_reset_by_late_data(const struct sock *sk, int old_state, u8 error)
{
	return error == ERROR_PEER_RESET && is_fin_sent(old_state) &&
	       (sk->sk_shutdown & SHUTDOWN_MASK) == SHUTDOWN_MASK;
}

/* A packet, a timer or the end of a listener closed it. */
static __noinline int on_closed_by_packet(struct sock *sk, int old_state)
{
	struct departure departure = { .closed_by = CLOSED_BY_KERNEL };
	struct connection_tag *tag = connection_tag_find(sk);

	departure.is_queued = is_in_queue(sk, old_state);
	if (!tag || !service_is_in(tag->service, tag->generation))
		tag = see_ending(sk, old_state, departure.is_queued);
	if (!tag)
		return 0;
	if (!departure.is_queued ||
	    !is_fin_sent(old_state)) /* else its listener's end, or late data */
		departure.error = socket_error_of(sk);
	if (is_reset_by_late_data(sk, old_state, departure.error)) {
		departure.closed_by = CLOSED_BY_APP;
		departure.wire = WIRE_RST;
		departure.outcome = OUTCOME_LATE_RESET;
	} else if (departure.error == ERROR_PEER_RESET)
		departure.closed_by = CLOSED_BY_PEER;
	else if (departure.is_queued)
		departure.wire = WIRE_RST;
	else if (is_fin_sent(old_state)) {
		departure.closed_by = CLOSED_BY_APP; /* half closed by us, now by the peer too */
		departure.wire = WIRE_FIN;
		departure.peer_fin = true;
	}
	tell_departure(sk, tag, &departure);
	return 0;
}

/* --- hooks ---------------------------------------------------------------------------------- */

/*
 * Hook:    tp_btf/inet_sock_set_state, changes made from inside the socket (sk_lock.owned)
 * Kernel:  since 5.5; (sk, old, new). Traced before sk_state is written.
 * Context: the process that holds the socket, or a packet from its backlog (sk_err tells).
 * Emits:   EVENT_LISTENER for members; EVENT_CONNECTION when a connection leaves a service. A
 *          member that closes the last listener of its service arms it.
 * Rate:    every TCP state change on the host; one load and two compares unless something stops.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state_by_owner, struct sock *sk, int old_state, int new_state)
{
	if (!shared.armed_services && new_state != TCP_LISTEN && old_state != TCP_LISTEN)
		return 0;
	if (!sk->sk_lock.owned || is_retired())
		return 0;
	if (new_state == TCP_LISTEN || old_state == TCP_LISTEN)
		return listener_changed(sk, old_state, new_state);
	if (!is_tcp(sk))
		return 0;
	if (is_established(old_state) && new_state == TCP_FIN_WAIT1 &&
	    (sk->sk_shutdown & SHUTDOWN_MASK) != SHUTDOWN_MASK)
		return on_half_closed_by_owner(sk);
	return on_changed_by_owner(sk, old_state, new_state);
}

/*
 * Hook:    tp_btf/inet_sock_set_state, changes made by packets and timers (not sk_lock.owned)
 * Kernel:  as above. At LISTEN->SYN_RECV a child has the cookie of its listener before 6.18:
 *          its identity is taken at SYN_RECV->ESTABLISHED.
 * Context: softirq: the current process is a stranger. For an accept queue that goes down with
 *          its listener: the closer, with softirqs disabled.
 * Emits:   EVENT_CONNECTION when a connection leaves a service.
 * Rate:    as above.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_tcp_state_by_packet, struct sock *sk, int old_state, int new_state)
{
	if (!shared.armed_services)
		return 0;
	if (sk->sk_lock.owned || !is_tcp(sk) || is_retired())
		return 0;
	if (old_state == TCP_SYN_RECV && new_state == TCP_ESTABLISHED)
		return on_arrived(sk);
	if (new_state == TCP_CLOSE && (is_established(old_state) || is_fin_sent(old_state)))
		return on_closed_by_packet(sk, old_state);
	return 0;
}

/*
 * Hook:    tp_btf/tcp_destroy_sock
 * Kernel:  since 5.5 as a BTF tracepoint; (sk).
 * Context: any: the last breath of a socket; its tag is still there.
 * Emits:   EVENT_CONNECTION for a tagged connection whose transition was lost to a nested run.
 * Rate:    every TCP socket's end; leaves after one load unless something stops.
 */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_tcp_destroyed, struct sock *sk)
{
	struct departure departure = { .closed_by = CLOSED_BY_PEER };
	struct connection_tag *tag;

	if (!shared.armed_services || is_retired())
		return 0;
	tag = connection_tag_find(sk);
	if (!tag || tag->outcome || !service_is_in(tag->service, tag->generation))
		return 0;
	departure.error = socket_error_of(sk);
	if (!departure.error)
		departure.error = ERROR_PEER_RESET; /* sk_err was read by the application */
	if (departure.error == ERROR_TIMED_OUT)
		departure.closed_by = CLOSED_BY_KERNEL;
	tell_departure(sk, tag, &departure);
	return 0;
}
