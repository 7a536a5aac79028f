/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's capture thread: rings, snapshots, journal, and the signals to the daemon. It waits
 * for nobody: not for the disk, not for HTTP, not for the main thread. What it finds out reaches
 * the main thread as messages.
 */
#ifndef SHUTWATCH_WATCHER_H
#define SHUTWATCH_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "src/analysis/record.h"
#include "src/capture/session.h"
#include "src/config/config.h"

struct watcher;

enum message_kind {
	MESSAGE_SERVICE, /* a service is watched */
	MESSAGE_BEGUN,	 /* a shutdown has begun */
	MESSAGE_RECORD,	 /* a record, the last one of its shutdown unless it is provisional */
	MESSAGE_NONE,	 /* it was no shutdown after all */
	MESSAGE_RELOAD,	 /* SIGHUP */
	MESSAGE_STOP,	 /* SIGTERM or SIGINT; nothing comes after it */
	MESSAGE_FAILED,	 /* the capture broke; nothing comes after it */
};

struct message {
	struct message *next;
	enum message_kind kind;
	uint64_t generation;
	bool was_told;		 /* MESSAGE_RECORD: a daemon before us has stored a record of it */
	double snapshot_seconds; /* MESSAGE_BEGUN; 0: it was taken before */
	char service[NAME_BYTES + 1]; /* MESSAGE_SERVICE, MESSAGE_BEGUN */
	struct record record;	      /* MESSAGE_RECORD */
	int err;		      /* MESSAGE_FAILED */
};

/* Frees the message and what it holds. */
void message_free(struct message *message);

struct watcher_options {
	const struct config *config; /* the caller's, until watcher_reload() or the end */
	const struct host *host;
	const char *pins;    /* NULL: nothing is to outlive the process */
	const char *journal; /* NULL likewise */
	size_t detail_ring_bytes;
};

/* Loads, seeds, resumes; the thread does not run yet. 0, or -errno after a log line. */
int watcher_open(const struct watcher_options *options, struct watcher **ret_watcher);
/* Starts the thread. 0 or -errno. */
int watcher_start(struct watcher *watcher);
/* After MESSAGE_STOP or MESSAGE_FAILED, or before watcher_start(). NULL is fine. */
void watcher_close(struct watcher *watcher);

/* Readable when messages wait. */
int watcher_fd(const struct watcher *watcher);
/* The oldest message, the caller's; NULL: none waits. */
struct message *watcher_take(struct watcher *watcher);

/* A record of this shutdown is safe, perhaps the last one. */
void watcher_acknowledge(struct watcher *watcher, uint64_t generation, bool is_last);

/* Takes over another configuration; the old one is no longer used when this returns. 0 or -errno */
int watcher_reload(struct watcher *watcher, const struct config *config);

struct watcher_stats {
	struct session_stats session;
	size_t in_progress;
	uint64_t dropped; /* records that the main thread did not take; the journal has them */
};
struct watcher_stats watcher_stats(struct watcher *watcher);

/* For figures about maps and programs only: these are safe to read from any thread. */
struct probe *watcher_probe(struct watcher *watcher);

#endif
