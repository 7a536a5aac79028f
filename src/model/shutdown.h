/* SPDX-License-Identifier: GPL-2.0-only */
/* One shutdown of one service, as the events tell it; and when it is over. */
#ifndef SHUTWATCH_SHUTDOWN_H
#define SHUTWATCH_SHUTDOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/events.h"
#include "src/model/decode.h"
#include "src/model/details.h"
#include "src/model/process.h"
#include "src/model/waits.h"

struct listener {
	__u64 cookie;
	__u8 address[ADDRESS_BYTES];
	__u32 netns;
	__u16 port;
	__u8 family;
	__u32 queued;
	__u64 closed_ns;   /* 0: open */
	__u64 reopened_ns; /* 0: not seen */
};

struct shutdown {
	__u64 service;
	__u64 generation;
	__u64 armed_ns; /* T0 */
	bool has_trigger;
	union event trigger; /* the signal, the exit or the listener's close that began it */
	bool has_identity;
	struct event_service identity;

	struct process *processes;
	size_t n_processes;
	size_t processes_capacity;

	struct listener *listeners;
	size_t n_listeners;
	size_t listeners_capacity;
	bool listens_again; /* a member opened another one after T0 */

	struct details details;
	size_t details_limit; /* of them in the record; findings look at all */
	__u64 details_seen;   /* connections told, each once */
	bool has_closed_one;  /* of those that were open at T0 */
	struct counts counts; /* summed over the processes; zero until the end */
	__u64 counts_at_ns;   /* when they were read */
	__u64 losses[LOSS_CAUSES];
	struct waits waits;

	__u64 last_step_ns;	  /* the last signal, exit or listener event */
	__u64 last_connection_ns; /* the last connection that left */
	__u64 last_served_ns;	  /* the last inbound one that left, or listener that was closed */
	__u64 last_arrival_ns;	  /* the last inbound one that came after T0; 0: none was told */
	bool has_ended;
	bool is_provisional;	/* a record was due, and more will come */
	bool are_resets_unseen; /* those without a socket: refused connections */
	bool is_told;		/* a record of it is in the store, from a collector before us */
	bool is_stored;		/* and that is the last one */
	enum ended_reason reason;
	__u64 ended_ns; /* when the record was made */
};

/*
 * NULL: out of memory. `details_limit` bounds the details that a record tells; at least
 * DETAILS_DEFAULT are kept, so that what is found does not depend on what is told.
 */
struct shutdown *shutdown_new(__u64 service, __u64 generation, __u64 armed_ns,
			      size_t details_limit);
void shutdown_free(struct shutdown *shutdown);

/* Takes in one event of this shutdown. Returns 0 or -ENOMEM. */
int shutdown_apply(struct shutdown *shutdown, const union event *event);

/* A listener opened, of whatever service: perhaps one of ours came back. */
void shutdown_note_reopened(struct shutdown *shutdown, const struct event_listener *event);

/* How many of its processes live. */
size_t shutdown_living(const struct shutdown *shutdown);

/* Did it begin with the close of the last listener, nobody having told the service to stop? */
bool shutdown_is_by_itself(const struct shutdown *shutdown);

/* Has the service done anything about the signal: lost a member or a listener, closed something? */
bool shutdown_has_acted(const struct shutdown *shutdown);

/* Has it closed a listener (not the one that began it), or a connection that was open at T0? */
bool shutdown_has_closed(const struct shutdown *shutdown);

/* Does it listen, as far as it is known? */
bool shutdown_is_listening(const struct shutdown *shutdown);

/* NULL: not of this shutdown. */
struct process *shutdown_process(const struct shutdown *shutdown, const struct process_id *id);

#endif
