/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What became of a connection: facts at the instant it leaves the service -> one outcome.
 *
 * Pure: no kernel types, no clock, no maps. The BPF programs decide with it, the unit tests
 * check it row by row. The words say what the kernel knows and no more: "completed" means closed
 * by the application with our bytes last, not an HTTP 200.
 */
#ifndef SHUTWATCH_OUTCOME_H
#define SHUTWATCH_OUTCOME_H

#ifndef SHUTWATCH_VMLINUX_H
#include <stdbool.h>
#include <linux/types.h>
#endif

/* Appended to, never reordered: recordings hold these numbers. */
enum connection_outcome {
	OUTCOME_NONE, /* still in the service */
	OUTCOME_COMPLETED,
	OUTCOME_IDLE,
	OUTCOME_PEER_CLOSED,
	OUTCOME_PEER_RESET,
	OUTCOME_TIMED_OUT,
	OUTCOME_HANDED_OVER,
	OUTCOME_OPEN,
	OUTCOME_LEFT_OPEN,
	OUTCOME_UNDECIDED,
	OUTCOME_RESET, /* from here on: aborted */
	OUTCOME_CUT,
	OUTCOME_ABANDONED,
	OUTCOME_UNACCEPTED,
	OUTCOME_LATE_RESET,
	OUTCOMES,
};

#define OUTCOME_SLOTS 16 /* room in the counts for outcomes to come */

/* Whose act ended it. */
enum closer {
	CLOSED_BY_NOBODY,
	CLOSED_BY_APP,	/* close() or shutdown() by a process that goes on */
	CLOSED_BY_EXIT, /* the kernel, for a process that ended */
	CLOSED_BY_PEER,
	CLOSED_BY_KERNEL, /* a listener's accept queue, a time-out, a namespace */
};

/* What we sent to end it. */
enum wire { WIRE_NONE, WIRE_FIN, WIRE_RST };

/* How the connection failed, if it did. */
enum socket_error { ERROR_NONE, ERROR_PEER_RESET, ERROR_TIMED_OUT };

#define SINCE_EVER ((__u32)-1)

/* Everything that the decision needs, read at the instant of the transition. */
struct facts {
	/* Traffic since the connection began. */
	__u64 received_bytes;
	__u64 sent_bytes;
	__u64 unread_bytes;  /* received, not yet read by the application */
	__u64 unacked_bytes; /* written by the application, not yet acknowledged by the peer */
	/* Traffic at T0, meaningful when has_baseline. */
	__u64 baseline_received_bytes;
	__u64 baseline_sent_bytes;
	/* Jiffies since the last data; they tie when both fall into one jiffy. */
	__u32 since_received;
	__u32 since_sent;
	__u32 since_unacked; /* since when some of ours always was; SINCE_EVER: nobody knows */
	__u32 since_stop;    /* since T0 */
	bool is_packet_since_stop; /* the last packet of the connection came or went after T0 */
	bool has_baseline;	   /* seen at T0, or arrived later (then from 0) */
	bool is_outbound;
	bool is_queued;	     /* never accepted */
	bool is_multiplexed; /* bytes cannot tell who waits for whom */
	bool was_in_flight;  /* at T0 */
	bool peer_closed_first;
	__u8 closed_by;	       /* enum closer */
	__u8 wire;	       /* enum wire */
	__u8 error;	       /* enum socket_error */
	bool is_received_last; /* proven: data of the peer came after the last of ours */
	__u8 pad[5];
};

/*
 * Has the last data in had no data out? Ties within one jiffy mean answered, unless the byte
 * counts since T0 or the sequence numbers prove the contrary. Never true for bytes that never
 * came.
 */
static inline __attribute__((always_inline)) bool facts_is_unanswered(const struct facts *f)
{
	bool moved_in = f->received_bytes > f->baseline_received_bytes;
	bool moved_out = f->sent_bytes > f->baseline_sent_bytes;

	if (f->received_bytes == 0)
		return false;
	if (f->sent_bytes == 0)
		return true;
	if (f->has_baseline && moved_in != moved_out)
		return moved_in;
	if (f->since_received == f->since_sent)
		return f->is_received_last;
	return f->since_received < f->since_sent;
}

/* The same the other way round: our last data has had no answer. */
static inline __attribute__((always_inline)) bool facts_is_unheeded(const struct facts *f)
{
	bool moved_in = f->received_bytes > f->baseline_received_bytes;
	bool moved_out = f->sent_bytes > f->baseline_sent_bytes;

	if (f->sent_bytes == 0)
		return false;
	if (f->received_bytes == 0)
		return true;
	if (f->has_baseline && moved_in != moved_out)
		return moved_out;
	return f->since_sent < f->since_received;
}

/* Is a request waiting for its answer? This rests on the order of data alone. */
static inline __attribute__((always_inline)) bool facts_is_pending(const struct facts *f)
{
	return f->is_outbound ? facts_is_unheeded(f) : facts_is_unanswered(f);
}

/* Data unread, or a request without its answer. */
static inline __attribute__((always_inline)) bool facts_is_owed(const struct facts *f)
{
	if (!f->is_outbound && f->unread_bytes)
		return true;
	return !f->is_multiplexed && facts_is_pending(f);
}

/* In flight: that, or data of ours not acknowledged. */
static inline __attribute__((always_inline)) bool facts_is_in_flight(const struct facts *f)
{
	return f->unacked_bytes || facts_is_owed(f);
}

/* Of data within the jiffy of T0 the last packet tells: its time is known to the microsecond. */
static inline __attribute__((always_inline)) bool facts_is_since_stop(const struct facts *f,
								      __u32 since)
{
	return since < f->since_stop || (since == f->since_stop && f->is_packet_since_stop);
}

/* Did data move after T0? Without a baseline its time must prove it. */
static inline __attribute__((always_inline)) bool facts_has_moved(const struct facts *f)
{
	if (f->has_baseline)
		return f->received_bytes > f->baseline_received_bytes ||
		       f->sent_bytes > f->baseline_sent_bytes;
	return (f->received_bytes && facts_is_since_stop(f, f->since_received)) ||
	       (f->sent_bytes && facts_is_since_stop(f, f->since_sent));
}

/*
 * In flight, and so at T0? Bytes that are not acknowledged prove nothing when all of them were
 * sent later: a farewell to an idle client.
 */
static inline __attribute__((always_inline)) bool
facts_is_in_flight_since_stop(const struct facts *f)
{
	return (f->unacked_bytes && f->since_unacked >= f->since_stop) || facts_is_owed(f);
}

/* The process ended, and the kernel closed what it had left open. */
static inline __attribute__((always_inline)) enum connection_outcome
facts_decide_exit(const struct facts *f)
{
	if (facts_is_in_flight(f))
		return OUTCOME_ABANDONED;
	if (f->wire == WIRE_RST)
		return OUTCOME_RESET;
	if (f->is_multiplexed && facts_is_pending(f))
		return OUTCOME_UNDECIDED;
	return f->peer_closed_first ? OUTCOME_PEER_CLOSED : OUTCOME_LEFT_OPEN;
}

/* The application closed it. */
static inline __attribute__((always_inline)) enum connection_outcome
facts_decide_close(const struct facts *f)
{
	if (f->wire == WIRE_RST)
		return OUTCOME_RESET;
	if (facts_is_pending(f))
		return f->is_multiplexed ? OUTCOME_UNDECIDED : OUTCOME_CUT;
	if (f->peer_closed_first)
		return OUTCOME_PEER_CLOSED;
	return facts_has_moved(f) || f->was_in_flight ? OUTCOME_COMPLETED : OUTCOME_IDLE;
}

/* The table "What became of a connection", in its order of precedence. */
static inline __attribute__((always_inline)) enum connection_outcome
facts_decide(const struct facts *f)
{
	if (f->error == ERROR_PEER_RESET)
		return OUTCOME_PEER_RESET;
	if (f->error == ERROR_TIMED_OUT)
		return OUTCOME_TIMED_OUT;
	if (f->is_queued)
		return OUTCOME_UNACCEPTED;
	if (f->closed_by == CLOSED_BY_EXIT)
		return facts_decide_exit(f);
	return facts_decide_close(f);
}

static inline __attribute__((always_inline)) bool outcome_is_aborted(enum connection_outcome o)
{
	return o >= OUTCOME_RESET && o <= OUTCOME_LATE_RESET;
}

#endif
