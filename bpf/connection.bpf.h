/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a connection in a shutdown: seen once (and counted open or late), left once (and
 * counted by its outcome). Both ends are claimed by compare-and-swap, so that an event and an
 * iterator may race and the sums stay exact.
 */
#ifndef SHUTWATCH_CONNECTION_BPF_H
#define SHUTWATCH_CONNECTION_BPF_H

#include "core.bpf.h"

/* How and when a connection is first seen. */
struct sighting {
	u64 service;
	u64 generation;
	struct process_id owner; /* tgid 0: not known */
	u64 arrived_ns;		 /* 0: it was there at T0, or nobody saw it come */
	u8 at_signal;		 /* AT_SIGNAL_UNKNOWN: in flight or idle, by its traffic */
	u8 has_baseline;	 /* its traffic of now is that of T0 */
	u8 is_provisional;	 /* tagged, but counted only when it leaves, if ever */
	u8 peer_fin;		 /* the peer's FIN has just come: not yet in the socket's state */
	u8 pad[4];
};

/* How a connection leaves. */
struct departure {
	struct process_id owner; /* tgid 0: as the tag says */
	u8 closed_by;
	u8 wire;
	u8 error;
	u8 is_queued;
	u8 peer_closed_first;
	u8 outcome;	  /* OUTCOME_NONE: to be decided by the facts */
	u8 peer_fin;	  /* the FIN that ends a half-closed connection has just been counted */
	u8 is_after_exit; /* its process has ended, whoever closes it */
};

/* The error with which a transition to TCP_CLOSE came. */
static __always_inline u8 socket_error_of(const struct sock *sk)
{
	switch (sk->sk_err) {
	case ECONNRESET:
	case EPIPE: /* a reset in CLOSE_WAIT */
		return ERROR_PEER_RESET;
	case ETIMEDOUT:
	case EHOSTUNREACH:
		return ERROR_TIMED_OUT;
	default:
		return ERROR_NONE;
	}
}

/* The local end as a key of the listening addresses. */
__hidden void connection_local(const struct sock *sk, struct listener_key *key);

/*
 * Tags the connection at first sight and counts it. Returns its tag, which is of this shutdown;
 * NULL: no memory (a loss), or the record is being made.
 */
__hidden struct connection_tag *connection_see(struct sock *sk, const struct sighting *sighting);

/* What it would be at a T0 of now, untagged. `event` is zeroed. False: it is no TCP socket. */
__hidden bool connection_describe(struct sock *sk, struct event_connection *event);

/*
 * The connection leaves: decides and counts its outcome and fills `event`. Returns false when it
 * had left before, or its shutdown is over: then there is nothing to tell.
 */
__hidden bool connection_leave(struct sock *sk, struct connection_tag *tag,
			       const struct departure *departure, struct event_connection *event);

#endif
