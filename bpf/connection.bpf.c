// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is read from a socket, when it is counted, and how its outcome is decided. Knows no hook:
 * callers say how they came to see the connection, and how it left.
 */
#include "connection.bpf.h"

#include <bpf/bpf_endian.h>

static __always_inline void address_mapped(u8 *address, u32 ipv4)
{
	__builtin_memset(address, 0, ADDRESS_BYTES);
	address[10] = 0xff;
	address[11] = 0xff;
	__builtin_memcpy(address + 12, &ipv4, sizeof(ipv4));
}

static __always_inline void address_local(const struct sock *sk, u8 *address)
{
	if (sk->__sk_common.skc_family == AF_INET)
		address_mapped(address, sk->__sk_common.skc_rcv_saddr);
	else
		bpf_core_read(address, ADDRESS_BYTES, &sk->__sk_common.skc_v6_rcv_saddr);
}

static __always_inline void address_peer(const struct sock *sk, u8 *address)
{
	if (sk->__sk_common.skc_family == AF_INET)
		address_mapped(address, sk->__sk_common.skc_daddr);
	else
		bpf_core_read(address, ADDRESS_BYTES, &sk->__sk_common.skc_v6_daddr);
}

static __always_inline u16 port_local(const struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

static __always_inline bool address_is_any(const u8 *address)
{
	const u32 *words = (const u32 *)address;

	return !words[0] && !words[1] &&
	       ((!words[2] && !words[3]) || (words[2] == bpf_htonl(0xffff) && !words[3]));
}

__hidden void connection_local(const struct sock *sk, struct listener_key *key)
{
	address_local(sk, key->address);
	if (address_is_any(key->address))
		__builtin_memset(key->address, 0, ADDRESS_BYTES);
	key->netns = sk->__sk_common.skc_net.net->ns.inum;
	key->port = port_local(sk);
	key->pad = 0;
}

/*
 * Is it proven that data of the peer came after the last of ours? All of ours is acknowledged, and
 * nothing that came after the peer's data brought that acknowledgement: the last segment with any
 * news (snd_wl1) began before the end of that data. An answer of ours would have been acknowledged
 * by a later one. The contrary is no proof: a FIN or a larger window are news as well.
 */
static __always_inline bool is_received_last(const struct tcp_sock *tp, const struct facts *f,
					     bool peer_fin)
{
	return !f->unacked_bytes && f->sent_bytes && tp->snd_wl1 != tp->rcv_nxt - peer_fin;
}

/*
 * For how long has data of ours been unacknowledged, without a break? At most this long, where the
 * kernel does not tell; meaningless if all is acknowledged.
 */
static __always_inline u32 since_unacked(const struct tcp_sock *tp, u32 jiffies)
{
	if (BPF_CORE_READ_BITFIELD(tp, chrono_type) != TCP_CHRONO_BUSY)
		return SINCE_EVER;
	return jiffies - tp->chrono_start;
}

/*
 * The traffic so far. The FIN of the peer counts as one byte received, and as one unread until
 * the application has read the end of file. Our own FIN is not yet in write_seq when the first
 * transition to a closing state is traced. Returns false if this is no TCP socket.
 */
static __always_inline bool traffic_read(struct sock *sk, struct facts *f, bool peer_fin)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	u32 unsent_bytes, jiffies = bpf_jiffies64();
	u8 state = sk->__sk_common.skc_state;

	if (!tp)
		return false;
	peer_fin |= state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK || state == TCP_CLOSING;
	f->received_bytes = tp->bytes_received;
	if (peer_fin && f->received_bytes)
		f->received_bytes -= 1;
	f->unread_bytes = tp->rcv_nxt - tp->copied_seq;
	if (peer_fin && f->unread_bytes)
		f->unread_bytes -= 1;
	f->unacked_bytes = tp->write_seq - tp->snd_una;
	unsent_bytes = tp->write_seq - tp->snd_nxt;
	if ((state == TCP_FIN_WAIT1 || state == TCP_LAST_ACK || state == TCP_CLOSING) &&
	    f->unacked_bytes) {
		f->unacked_bytes -= 1;
		unsent_bytes -= !!unsent_bytes;
	}
	f->sent_bytes = tp->bytes_sent - tp->bytes_retrans + unsent_bytes;
	f->is_received_last = is_received_last(tp, f, peer_fin);
	f->since_received = jiffies - tp->inet_conn.icsk_ack.lrcvtime;
	f->since_sent = jiffies - tp->lsndtime;
	f->since_unacked = since_unacked(tp, jiffies);
	return true;
}

static __always_inline void since_stop_read(struct sock *sk, const struct service_state *state,
					    struct facts *f)
{
	u64 since_us = (bpf_ktime_get_boot_ns() - state->armed_ns) / 1000;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	f->since_stop = (u32)bpf_jiffies64() - state->armed_jiffies;
	f->is_packet_since_stop = tp && bpf_ktime_get_ns() / 1000 - tp->tcp_mstamp < since_us;
}

/*
 * Global functions: the verifier looks at each once, and not again on every path that leads to it
 * (342,000 instructions, four seconds to load). For all it knows their argument may be NULL.
 */
__noinline u32 outcome_by_facts(const struct facts *f)
{
	return f ? facts_decide(f) : OUTCOME_NONE;
}

__noinline u32 pending_by_facts(const struct facts *f)
{
	return f && facts_is_pending(f);
}

/* At first sight. Data since T0: nobody knows how it was. */
__noinline u32 at_signal_by_facts(const struct facts *f)
{
	if (!f || facts_is_in_flight_since_stop(f))
		return AT_SIGNAL_IN_FLIGHT;
	return facts_has_moved(f) || facts_is_in_flight(f) ? AT_SIGNAL_UNKNOWN : AT_SIGNAL_IDLE;
}

static __always_inline void count_seen(const struct connection_tag *tag)
{
	struct counts *counts = counts_of(tag->generation, &tag->owner);
	u32 direction = tag->direction & 1;

	if (!counts)
		return;
	if (tag->at_signal == AT_SIGNAL_NEW) {
		__sync_fetch_and_add(&counts->late[direction], 1);
		return;
	}
	__sync_fetch_and_add(&counts->open[direction], 1);
	if (tag->at_signal == AT_SIGNAL_IN_FLIGHT)
		__sync_fetch_and_add(&counts->in_flight[direction], 1);
}

static __always_inline void connection_count(struct connection_tag *tag)
{
	if (__sync_val_compare_and_swap(&tag->is_counted, 0, 1) == 0)
		count_seen(tag);
}

/*
 * A connection that arrived after T0 counts once its whole service is stopping, when it is in the
 * hands of a process that is, or when it goes down with its listener. One that a survivor serves,
 * or a successor, belongs to no shutdown.
 */
static __always_inline bool is_of_shutdown(const struct connection_tag *tag,
					   const struct service_state *state, bool is_queued)
{
	struct process_id owner = tag->owner; /* an iterator's value is no map key on 6.1 */
	struct member *member;

	if (tag->is_counted || is_queued || state->flags & SERVICE_WHOLE)
		return true;
	member = member_find(&owner);
	return member && member->flags & (MEMBER_SIGNALLED | MEMBER_EXITING);
}

static __always_inline u8 direction_of(const struct sock *sk)
{
	struct listener_key key = {};

	connection_local(sk, &key);
	return listener_find(&key) ? DIRECTION_INBOUND : DIRECTION_OUTBOUND;
}

/* `old`: its tag of a shutdown that is over, or NULL. */
static __always_inline struct connection_tag *
see_first(struct sock *sk, const struct sighting *sighting, const struct connection_tag *old)
{
	struct service_state *state = service_find(sighting->service);
	struct connection_tag *found, tag = {};
	struct facts facts = {};

	if (!state || state->flags & SERVICE_FROZEN ||
	    !traffic_read(sk, &facts, sighting->peer_fin))
		return NULL;
	if (old)
		connection_tag_delete(sk);
	tag.service = sighting->service;
	tag.generation = sighting->generation;
	tag.owner = sighting->owner;
	tag.arrived_ns = sighting->arrived_ns;
	tag.direction = direction_of(sk);
	tag.at_signal = sighting->at_signal;
	tag.has_baseline = sighting->has_baseline || sighting->at_signal == AT_SIGNAL_NEW;
	if (sighting->has_baseline) {
		tag.baseline_received = facts.received_bytes;
		tag.baseline_sent = facts.sent_bytes;
	}
	if (tag.at_signal == AT_SIGNAL_UNKNOWN) {
		facts.is_outbound = tag.direction == DIRECTION_OUTBOUND;
		facts.is_multiplexed = state->flags & SERVICE_MULTIPLEXED;
		since_stop_read(sk, state, &facts);
		tag.at_signal = at_signal_by_facts(&facts);
		if (tag.at_signal == AT_SIGNAL_UNKNOWN)
			tag.has_baseline = false; /* nor how much data there was */
	}
	if (sighting->is_provisional)
		__sync_fetch_and_or(&state->flags, SERVICE_UNCOUNTED);
	found = connection_tag_create(sk, &tag);
	if (found && !sighting->is_provisional)
		connection_count(found);
	return found;
}

__hidden struct connection_tag *connection_see(struct sock *sk, const struct sighting *sighting)
{
	struct connection_tag *found = connection_tag_find(sk);

	if (!found || found->generation != sighting->generation)
		return see_first(sk, sighting, found);
	if (!found->owner.tgid)
		found->owner = sighting->owner;
	return found;
}

/* When the request that was in flight at T0 was answered; else it ends now, unanswered. */
static __always_inline u64 in_flight_end(const struct facts *f, u64 now_ns, u64 armed_ns)
{
	u64 sent_ns = now_ns - f->since_sent * jiffy_ns;

	if (pending_by_facts(f) || !f->sent_bytes)
		return now_ns;
	if (f->unacked_bytes && f->since_unacked >= f->since_stop)
		return now_ns; /* its client did not take it: all of it never went out */
	return sent_ns > armed_ns ? sent_ns : armed_ns;
}

static __always_inline void keep_latest(u64 *kept_ns, u64 at_ns)
{
	if (*kept_ns < at_ns)
		*kept_ns = at_ns;
}

static __always_inline void count_left(const struct connection_tag *tag, const struct facts *f,
				       u32 outcome, u64 now_ns, u64 in_flight_end_ns,
				       bool is_after_exit)
{
	struct counts *counts = counts_of(tag->generation, &tag->owner);
	u32 direction = tag->direction & 1;

	if (!counts)
		return;
	__sync_fetch_and_add(&counts->outcomes[direction][outcome & (OUTCOME_SLOTS - 1)], 1);
	if (outcome == OUTCOME_OPEN || outcome == OUTCOME_HANDED_OVER)
		return;
	keep_latest(&counts->last_left_ns[direction], now_ns);
	/*
	 * An accept queue goes down with its listener, which the exit may have closed; and what we
	 * looked at when it was closed is over when we let go of it.
	 */
	if (f->closed_by == CLOSED_BY_EXIT || outcome == OUTCOME_UNACCEPTED || is_after_exit)
		keep_latest(&counts->last_exit_close_ns, now_ns);
	/* Serving and closing an arrival is no answer to the signal, nor is following the peer. */
	if ((f->closed_by == CLOSED_BY_EXIT ||
	     (f->closed_by == CLOSED_BY_APP && !f->peer_closed_first)) &&
	    tag->at_signal != AT_SIGNAL_NEW && !counts->first_closed_ns)
		counts->first_closed_ns = now_ns;
	if (direction == DIRECTION_INBOUND && tag->at_signal == AT_SIGNAL_IN_FLIGHT)
		keep_latest(&counts->last_in_flight_ns, in_flight_end_ns);
}

static __always_inline void describe_ends(const struct sock *sk, struct event_connection *event)
{
	event->cookie = bpf_get_socket_cookie((void *)sk);
	address_local(sk, event->local);
	address_peer(sk, event->peer);
	event->local_port = port_local(sk);
	event->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	event->netns = sk->__sk_common.skc_net.net->ns.inum;
	event->family = sk->__sk_common.skc_family;
}

static __always_inline void facts_complete(struct facts *f, const struct connection_tag *tag,
					   const struct service_state *state,
					   const struct departure *departure)
{
	f->baseline_received_bytes = tag->baseline_received;
	f->baseline_sent_bytes = tag->baseline_sent;
	f->has_baseline = tag->has_baseline;
	f->is_outbound = tag->direction == DIRECTION_OUTBOUND;
	f->is_queued = departure->is_queued;
	f->is_multiplexed = state->flags & SERVICE_MULTIPLEXED;
	f->was_in_flight = tag->at_signal == AT_SIGNAL_IN_FLIGHT;
	f->peer_closed_first = departure->peer_closed_first;
	f->closed_by = departure->closed_by;
	f->wire = departure->wire;
	f->error = departure->error;
}

static __always_inline void describe_facts(struct event_connection *event, const struct facts *f,
					   u64 now_ns)
{
	event->received_bytes = f->received_bytes;
	event->sent_bytes = f->sent_bytes;
	event->unread_bytes = f->unread_bytes;
	event->unacked_bytes = f->unacked_bytes;
	event->closed_by = f->closed_by;
	event->wire = f->wire;
	if (f->sent_bytes)
		event->last_data_ns = now_ns - f->since_sent * jiffy_ns;
	if (f->sent_bytes && !pending_by_facts(f))
		event->flags |= CONNECTION_ANSWERED;
	if (f->peer_closed_first)
		event->flags |= CONNECTION_PEER_FIRST;
}

__hidden bool connection_describe(struct sock *sk, struct event_connection *event)
{
	u64 now_ns = bpf_ktime_get_boot_ns();
	struct facts facts = {};

	if (!traffic_read(sk, &facts, false))
		return false;
	event->direction = direction_of(sk);
	facts.is_outbound = event->direction == DIRECTION_OUTBOUND;
	event->at_signal = facts_is_in_flight(&facts) ? AT_SIGNAL_IN_FLIGHT : AT_SIGNAL_IDLE;
	header_init(&event->header, EVENT_CONNECTION, sizeof(*event), now_ns, 0, 0);
	describe_ends(sk, event);
	describe_facts(event, &facts, now_ns);
	return true;
}

__hidden bool connection_leave(struct sock *sk, struct connection_tag *tag,
			       const struct departure *departure, struct event_connection *event)
{
	struct service_state *state = service_find(tag->service);
	u64 now_ns = bpf_ktime_get_boot_ns();
	struct facts facts = {};
	u32 outcome;

	if (!state || state->generation != tag->generation || tag->outcome)
		return false;
	if (!traffic_read(sk, &facts, departure->peer_fin))
		return false;
	if (departure->owner.tgid)
		tag->owner = departure->owner;
	if (!is_of_shutdown(tag, state, departure->is_queued))
		return false;
	connection_count(tag);
	since_stop_read(sk, state, &facts);
	facts_complete(&facts, tag, state, departure);
	outcome = departure->outcome ? departure->outcome : outcome_by_facts(&facts);
	if (__sync_val_compare_and_swap(&tag->outcome, OUTCOME_NONE, outcome) != OUTCOME_NONE)
		return false;
	count_left(tag, &facts, outcome, now_ns, in_flight_end(&facts, now_ns, state->armed_ns),
		   departure->is_after_exit);

	header_init(&event->header, EVENT_CONNECTION, sizeof(*event), now_ns, tag->service,
		    tag->generation);
	event->process = tag->owner;
	event->arrived_ns = tag->arrived_ns;
	event->direction = tag->direction;
	event->at_signal = tag->at_signal;
	event->outcome = outcome;
	describe_ends(sk, event);
	describe_facts(event, &facts, now_ns);
	return true;
}
