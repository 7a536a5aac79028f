/* SPDX-License-Identifier: GPL-2.0-only */
/* Listening sockets, TCP and MPTCP: how they are described, and what their changes mean. */
#ifndef SHUTWATCH_LISTENER_BPF_H
#define SHUTWATCH_LISTENER_BPF_H

#include "compat.bpf.h"
#include "connection.bpf.h"

/*
 * An MPTCP listener has a TCP listener inside, of the same address, which no process holds: the
 * outer one stands for both. Returns it; NULL: this one is on its own.
 */
static __always_inline const struct sock *mptcp_around(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct mptcp_subflow_context *subflow;

	if (!tp || !is_mptcp_inside(tp))
		return NULL;
	subflow = BPF_CORE_READ(tp, inet_conn.icsk_ulp_data);
	return BPF_CORE_READ(subflow, conn);
}

static __always_inline u64 listener_cookie(struct sock *sk)
{
	const struct sock *outer = mptcp_around(sk);

	/* It has one since it was listed, or opened. */
	return outer ? BPF_CORE_READ(outer, __sk_common.skc_cookie.counter)
		     : bpf_get_socket_cookie(sk);
}

/* How many wait to be accepted; those of an MPTCP listener wait at the TCP listener inside. */
static __always_inline u32 listener_queued(const struct sock *sk)
{
	const struct sock *inner;

	if (sk->sk_protocol != IPPROTO_MPTCP)
		return sk->sk_ack_backlog;
	inner = mptcp_inside((const struct mptcp_sock *)sk);
	return inner ? BPF_CORE_READ(inner, sk_ack_backlog) : 0;
}

/*
 * Does the address of a connection tell that it is no other service's than this one's? An outbound
 * one has no listener. Not inlined: a chain of calls must do with 512 bytes of stack.
 */
__hidden __noinline bool listener_tells(struct sock *sk, u64 service);

/* A socket begins or ceases to listen, by its owner's hand. Returns 0. */
__hidden int listener_changed(struct sock *sk, int old_state, int new_state);

#endif
