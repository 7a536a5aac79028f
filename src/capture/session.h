/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watching: kernel -> snapshot -> recording -> model -> shutdowns. What `run`, `watch` and
 * `record` have in common; they differ in who is watched and in what is done with a shutdown.
 */
#ifndef SHUTWATCH_SESSION_H
#define SHUTWATCH_SESSION_H

#include <stdbool.h>

#include "src/capture/recording.h"
#include "src/capture/roster.h"
#include "src/model/model.h"

struct session;

struct session_options {
	struct model_options model;
	bool follow_listeners;
	bool forwards_signals;		   /* signals to this process are told, for their senders */
	size_t detail_ring_bytes;	   /* 0: default */
	const struct selectors *selectors; /* the caller's; must outlive the session */
	struct recording_writer *recording; /* NULL: none; the caller's */
	/* Takes over a shutdown that has ended. Returns 0, or what session_step() shall return. */
	int (*on_shutdown)(void *context, struct shutdown *shutdown);
	void *context;
};

/* Loads and attaches the programs. Returns 0, or -errno after a line in the log. */
int session_open(const struct session_options *options, struct session **ret_session);
void session_close(struct session *session);

struct roster *session_roster(struct session *session);

/* Readable when session_step() has work: events wait, or a deadline has come. */
int session_fd(const struct session *session);
/* Handles what waits. Returns 0 or -errno: of the kernel, or what on_shutdown returned. */
int session_step(struct session *session);

/* Is no shutdown under way? */
bool session_is_idle(const struct session *session);

/* Makes the records of all shutdowns under way, with what is known so far. 0 or -errno. */
int session_wind_up(struct session *session);

/* Did the service get this signal from this sender (pid) directly, at or after `since_ns`? */
bool session_saw_signal(const struct session *session, int signal, uint32_t sender_pid,
			uint64_t since_ns);

#endif
