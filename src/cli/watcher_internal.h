/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two sides of the watcher share: watcher.c and watcher_capture.c. */
#ifndef SHUTWATCH_WATCHER_INTERNAL_H
#define SHUTWATCH_WATCHER_INTERNAL_H

#include <pthread.h>
#include <unistd.h>

#include "src/cli/watcher.h"

struct acknowledgement {
	uint64_t generation;
	bool is_last;
};

struct watcher {
	struct host host;
	bool is_pinned;
	struct session *session;
	pthread_t thread;
	bool is_started;
	bool has_stopped; /* capture thread only */
	int signal_fd;
	int request_fd; /* main to capture: look at the requests */
	int message_fd; /* capture to main: messages wait */
	int closing_fd; /* main to capture: all is stored */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t reloaded;
	struct message *first;
	struct message **last;
	size_t n_records; /* that wait: the main thread does not come for them */
	uint64_t dropped; /* records that found no room; the journal has them */
	struct acknowledgement *acknowledged;
	size_t n_acknowledged;
	size_t acknowledged_capacity;
	const struct config *wanted; /* NULL: no reload is asked for */
	bool is_leaving;	     /* the capture thread answers no requests any more */
	int reload_err;
	struct watcher_stats stats;
};

/* Makes an eventfd readable. */
static inline void wake(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

static inline void silence(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; /* it was silent already */
}

/* watcher_capture.c: what the session calls, and the body of the thread. */
int watcher_on_shutdown(void *context, const struct shutdown *shutdown);
void watcher_on_begun(void *context, const struct shutdown *shutdown, uint64_t snapshot_ns);
void watcher_on_service(void *context, const char *name);
void *watcher_capture(void *context);
struct model_options watcher_spans(const struct config *config);
void watcher_note_stats(struct watcher *watcher);

#endif
