/* SPDX-License-Identifier: GPL-2.0-only */
/* What a socket says of itself: its kind, its state, whether anybody has taken it. */
#ifndef SHUTWATCH_STATE_BPF_H
#define SHUTWATCH_STATE_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

static __always_inline bool is_tcp(const struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP && (family == AF_INET || family == AF_INET6);
}

static __always_inline bool is_established(int state)
{
	return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT;
}

static __always_inline bool is_fin_sent(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

/*
 * Nobody has taken it from the accept queue. One that is born while its listener closes inherits
 * sk_shutdown and sends a FIN at once, before the end of the queue resets it; what somebody took
 * and closed has no socket either, and is dead.
 */
static __always_inline bool is_in_queue(const struct sock *sk, int old_state)
{
	if (sk->sk_socket)
		return false;
	return is_established(old_state) || !(sk->__sk_common.skc_flags & 1UL << SOCK_DEAD);
}

#endif
