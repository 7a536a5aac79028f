/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel drift: where the kernels that we run on (6.1 and later) differ, what detects it, and when
 * the fallback can go. By BTF or by a trial load, never by a version number.
 *
 * - sched_process_exit has an argument group_dead since 6.16. is_last_thread() is right on all.
 * - tcp_send_reset has an argument reason since 6.10, and is told without a socket as well. Before:
 *   is_reset_tracepoint_partial() (features.c), and fentry on the functions that send resets
 *   (reset.bpf.c). Can go with support for kernels before 6.10.
 * - At LISTEN->SYN_RECV a child has the cookie of its listener before 6.18, and no peer: who it is
 *   is read at SYN_RECV->ESTABLISHED, right on all (socket.bpf.c).
 * - The value of an iterator is no key of a map on 6.1: copied to the stack, right on all
 *   (connection.bpf.c).
 * - Without CONFIG_MPTCP there is neither tcp_sock.is_mptcp nor mptcp_sock.first: see below.
 * - Some hosts refuse iterators over the values of maps: none is used (snapshot.bpf.c).
 */
#ifndef SHUTWATCH_COMPAT_BPF_H
#define SHUTWATCH_COMPAT_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/*
 * Is this thread, which ends, the last one of its process? Two threads may both see 0, which
 * group_dead would not: it can take the place of this when no kernel before 6.16 is supported.
 */
static __always_inline bool is_last_thread(const struct task_struct *task)
{
	return task->signal->live.counter == 0;
}

/* Is it the TCP socket inside of an MPTCP one? Never where the kernel is built without. */
static __always_inline bool is_mptcp_inside(const struct tcp_sock *tp)
{
	return bpf_core_field_exists(tp->is_mptcp) && tp->is_mptcp;
}

/* The TCP socket inside of an MPTCP listener; NULL where the kernel is built without. */
static __always_inline const struct sock *mptcp_inside(const struct mptcp_sock *mptcp)
{
	return bpf_core_field_exists(mptcp->first) ? BPF_CORE_READ(mptcp, first) : NULL;
}

#endif
