/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Watching: kernel -> snapshot -> recording -> model -> shutdowns. What `run`, `watch`, `record`
 * and `daemon` have in common; they differ in who is watched and in what is done with a shutdown.
 */
#ifndef SHUTWATCH_SESSION_H
#define SHUTWATCH_SESSION_H

#include <stdbool.h>

#include "src/capture/journal.h"
#include "src/capture/recording.h"
#include "src/capture/roster.h"
#include "src/model/model.h"

struct session;

struct session_options {
	struct model_options model;
	bool follow_listeners;
	bool forwards_signals;	  /* signals to this process are told, for their senders */
	size_t detail_ring_bytes; /* 0: default */
	struct roster_options roster;
	struct recording_writer *recording; /* NULL: none; the caller's */
	/*
	 * A record is due: the last one of this shutdown, unless it is provisional. Returns 0, or
	 * what session_step() shall return.
	 */
	int (*on_shutdown)(void *context, const struct shutdown *shutdown);
	/* A shutdown has begun, and its snapshot is taken; 0: it was taken before. May be NULL. */
	void (*on_begun)(void *context, const struct shutdown *shutdown, uint64_t snapshot_ns);
	/* A service is watched, under this name (NAME_BYTES). May be NULL. */
	void (*on_service)(void *context, const char *name);
	void *context;

	/* To outlive this process: all of these or none. */
	const char *pins;    /* a directory on bpffs */
	const char *journal; /* a file */
	const struct host *host;
	uint64_t journal_bytes_max;
};

/* Loads and attaches the programs. Returns 0, or -errno after a line in the log. */
int session_open(const struct session_options *options, struct session **ret_session);
void session_close(struct session *session);

/* Other spans and other services from now on. The pointers as in roster_options. 0 or -errno. */
int session_reconfigure(struct session *session, const struct model_options *spans,
			const struct selectors *targets, const struct selectors *exclusions,
			const struct service_rules *rules);

/* How many shutdowns are under way. */
size_t session_in_progress(const struct session *session);

/* Goes on with what the journal and the kernel know; after the roster is seeded. 0 or -errno. */
int session_resume(struct session *session);

struct roster *session_roster(struct session *session);
struct probe *session_probe(struct session *session);

/* Readable when session_step() has work: events wait, or a deadline has come. */
int session_fd(const struct session *session);
/* Handles what waits. Returns 0 or -errno: of the kernel, or what on_shutdown returned. */
int session_step(struct session *session);

/* Is no shutdown under way? */
bool session_is_idle(const struct session *session);

/* Makes the records of all shutdowns under way, with what is known so far. 0 or -errno. */
int session_wind_up(struct session *session);
/*
 * Makes provisional records of all shutdowns under way; kernel and journal stay as they are, for
 * the next session. Nothing but session_close() may follow. 0 or -errno.
 */
int session_suspend(struct session *session);

/* A record of this generation is safe. If it is the last one the journal may forget the rest. */
void session_acknowledge(struct session *session, uint64_t generation, bool is_last);

struct session_stats {
	uint64_t events;
	struct journal_stats journal;
	size_t services;
};
struct session_stats session_stats(const struct session *session);

/* Did the service get this signal from this sender (pid) directly, at or after `since_ns`? */
bool session_saw_signal(const struct session *session, int signal, uint32_t sender_pid,
			uint64_t since_ns);

#endif
