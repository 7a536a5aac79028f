/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon knows, on a tmpfs, so that it survives the daemon: a recording without an end.
 * Every event is in it before it leaves the ring buffer; events of generation 0 say which
 * services there are (EVENT_SERVICE, and EVENT_PROGRAM with the root). It is rewritten without
 * what is over when it has grown.
 */
#ifndef SHUTWATCH_JOURNAL_H
#define SHUTWATCH_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/capture/recording.h"

struct journal;

struct journal_options {
	const char *path;
	const struct host *host; /* a journal of another boot is begun anew */
	uint64_t bytes_max;	 /* connections are left out beyond this; the counts are exact */
	/* Is this event still needed? Asked when the journal is rewritten. */
	bool (*is_needed)(void *context, const union event *event);
	void *context;
};

struct journal_stats {
	uint64_t bytes;
	uint64_t errors; /* events that could not be written */
};

/* Feeds what is there to the sink, then goes on behind it. Returns 0 or -errno. */
int journal_open(const struct journal_options *options, recording_sink sink, void *context,
		 struct journal **ret_journal);
/* The file stays. NULL is fine. */
void journal_close(struct journal *journal);

/* Never fails: an error is counted, and logged when it is the first. */
void journal_add(struct journal *journal, const union event *event);

/*
 * Rewrites the journal if it has doubled since the last time. While nothing is under way its size
 * is compared with what it was when that was so before: a peak is given back.
 */
void journal_trim(struct journal *journal, bool is_idle);

struct journal_stats journal_stats(const struct journal *journal);

#endif
