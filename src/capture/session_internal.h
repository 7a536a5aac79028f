/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files that implement session.h share: session.c, session_….c. */
#ifndef SHUTWATCH_SESSION_INTERNAL_H
#define SHUTWATCH_SESSION_INTERNAL_H

#include "src/capture/grace.h"
#include "src/capture/session.h"

struct last_signal {
	uint32_t sender_pid;
	uint64_t at_ns;
};

/* Events in the order in which they came, not yet applied. */
struct event_queue {
	char *bytes;
	size_t size;
	size_t capacity;
	size_t at; /* what stands before is done */
};

struct session {
	struct session_options options;
	struct probe *probe;
	struct roster *roster;
	struct model *model;
	struct journal *journal; /* NULL: none */
	int epoll_fd;
	int timer_fd;
	struct event_queue queue;
	bool is_replaying;		/* the journal: nothing is asked yet */
	union event last_journalled[2]; /* of the journal, from each ring */
	uint64_t known_ring_losses;
	uint64_t events;
	struct begun *begun; /* whose snapshot has not ended */
	size_t n_begun;
	size_t begun_capacity;
	uint64_t *unsafe; /* generations whose last record is not acknowledged */
	size_t n_unsafe;
	size_t unsafe_capacity;
	struct lookout *lookouts; /* one for each shutdown whose threads are looked at */
	size_t n_lookouts;
	size_t lookouts_capacity;
	struct graces *graces;				 /* NULL: systemd was not asked yet */
	bool is_blind;					 /* looking has failed: no more of it */
	struct last_signal last_signals[SIGNAL_MAX + 1]; /* to the roots of services */
};

/* What the probe calls a shutdown. */
static inline struct target target_of(const struct shutdown *shutdown)
{
	return (struct target){ .service = shutdown->service, .generation = shutdown->generation };
}

/* session.c: takes in one event; applies what waits; the same, and what the rings hold. */
int session_take(void *context, const void *bytes, size_t size);
int session_apply_queued(struct session *session);
int session_drain(struct session *session);
/* The same for at most that long: returns 1 when events wait that are not applied. */
int session_drain_for(struct session *session, uint64_t limit_ns);

/*
 * session_begin.c: a service is stopping: looks at what it holds; what waits in the queues of all
 * that have begun, and who they are, comes when the events that wait are applied. 0 or -errno.
 */
int session_begin(struct session *session, const struct target *target, uint64_t armed_ns);
int session_end_begun(struct session *session);
void session_forget_begun(struct session *session);

/* session_end.c */
int session_tell_losses(struct session *session, uint64_t except_generation);
int session_finish_due(struct session *session);
int session_hand_out(struct session *session);

/* session_waits.c: looks at the threads of services that drain, if it is time. */
void session_look(struct session *session);
/* Tells what was seen since it was last told. 0 or -errno. */
int session_tell_waits(struct session *session, const struct shutdown *shutdown);
void session_forget_waits(struct session *session);
/* For the next deadline or look; `has_more`: at once. */
void session_set_timer(struct session *session, bool has_more);

/* session_grace.c: asks systemd, unless it is known; takes the answers. 0 or -errno. */
void session_ask_grace(struct session *session, const struct service_info *service,
		       uint64_t generation);
int session_hear_graces(struct session *session);

/* session_resume.c: the ring of events was full: what do we miss? 0 or -errno. */
int session_recover(struct session *session);
int session_open_journal(struct session *session);
/* Was this event, of a ring, in the journal already when the last collector died? */
bool session_is_repeated(struct session *session, const union event *event);

#endif
