// SPDX-License-Identifier: GPL-2.0-only
/*
 * The capture thread. After a stop signal the process ends within STOP_LIMIT_MS, whatever the main
 * thread is waiting for: what it has not stored is in the journal.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "src/analysis/build.h"
#include "src/analysis/verdict.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/cli/status.h"
#include "src/cli/watcher_internal.h"

#define STOP_LIMIT_MS 850
#define RECORDS_MAX 4096

/* A record that finds no room is not lost: it stays in the journal, for the next daemon. */
static bool has_room(struct watcher *watcher, const struct message *message)
{
	if (message->kind != MESSAGE_RECORD)
		return true;
	if (watcher->n_records >= RECORDS_MAX) {
		watcher->dropped++;
		return false;
	}
	watcher->n_records++;
	return true;
}

static void post(struct watcher *watcher, struct message *message)
{
	pthread_mutex_lock(&watcher->lock);
	if (has_room(watcher, message)) {
		*watcher->last = message;
		watcher->last = &message->next;
		message = NULL;
	}
	pthread_mutex_unlock(&watcher->lock);
	message_free(message);
	wake(watcher->message_fd);
}

static int post_plain(struct watcher *watcher, enum message_kind kind, uint64_t generation)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return -ENOMEM;
	message->kind = kind;
	message->generation = generation;
	post(watcher, message);
	return 0;
}

int watcher_on_shutdown(void *context, const struct shutdown *shutdown)
{
	struct watcher *watcher = context;
	struct message *message = calloc(1, sizeof(*message));
	int err = message ? record_build(shutdown, &watcher->host, &message->record) : -ENOMEM;

	if (err) {
		free(message);
		return err;
	}
	message->generation = shutdown->generation;
	message->was_told = shutdown->is_told;
	message->kind =
		verdict_is_no_shutdown(shutdown, &message->record) ? MESSAGE_NONE : MESSAGE_RECORD;
	post(watcher, message);
	return 0;
}

void watcher_on_service(void *context, const char *name)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return;
	message->kind = MESSAGE_SERVICE;
	memcpy(message->service, name, NAME_BYTES);
	post(context, message);
}

void watcher_on_begun(void *context, const struct shutdown *shutdown, uint64_t snapshot_ns)
{
	struct watcher *watcher = context;
	const struct service_info *service =
		roster_find(session_roster(watcher->session), shutdown->service);
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return;
	message->kind = MESSAGE_BEGUN;
	message->generation = shutdown->generation;
	message->snapshot_seconds = (double)snapshot_ns / 1e9;
	if (service)
		memcpy(message->service, service->identity.name, NAME_BYTES);
	post(watcher, message);
}

struct model_options watcher_spans(const struct config *config)
{
	return (struct model_options){
		.settle_ns = config->settle_ns,
		.patience_ns = config->patience_ns,
		.reopen_window_ns = config->reopen_window_ns,
		.details_limit = config->details_limit,
	};
}

static void reload(struct watcher *watcher, const struct config *config)
{
	struct model_options spans = watcher_spans(config);
	int err = session_reconfigure(watcher->session, &spans, &config->targets,
				      &config->exclusions, &config->services);

	pthread_mutex_lock(&watcher->lock);
	watcher->wanted = NULL;
	watcher->reload_err = err;
	pthread_cond_signal(&watcher->reloaded);
	pthread_mutex_unlock(&watcher->lock);
}

static void serve_requests(struct watcher *watcher)
{
	const struct config *wanted;
	size_t i;

	silence(watcher->request_fd);
	pthread_mutex_lock(&watcher->lock);
	for (i = 0; i < watcher->n_acknowledged; i++)
		session_acknowledge(watcher->session, watcher->acknowledged[i].generation,
				    watcher->acknowledged[i].is_last);
	watcher->n_acknowledged = 0;
	wanted = watcher->wanted;
	pthread_mutex_unlock(&watcher->lock);
	if (wanted)
		reload(watcher, wanted);
}

void watcher_note_stats(struct watcher *watcher)
{
	struct watcher_stats stats = { .session = session_stats(watcher->session) };

	stats.in_progress = session_in_progress(watcher->session);
	pthread_mutex_lock(&watcher->lock);
	stats.dropped = watcher->dropped;
	watcher->stats = stats;
	pthread_mutex_unlock(&watcher->lock);
}

static void leave(struct watcher *watcher)
{
	watcher->has_stopped = true;
	pthread_mutex_lock(&watcher->lock);
	watcher->is_leaving = true;
	watcher->wanted = NULL;
	pthread_cond_signal(&watcher->reloaded);
	pthread_mutex_unlock(&watcher->lock);
}

/* The main thread has until then to store what there is. */
static void stop(struct watcher *watcher)
{
	struct pollfd closing = { .fd = watcher->closing_fd, .events = POLLIN };
	int err = watcher->is_pinned ? session_suspend(watcher->session)
				     : session_wind_up(watcher->session);

	if (err)
		log_error("the shutdowns under way could not be told: %s", strerror(-err));
	leave(watcher);
	if (!post_plain(watcher, MESSAGE_STOP, 0) && poll(&closing, 1, STOP_LIMIT_MS) > 0)
		return;
	log_error("stopping without waiting for the store; the journal keeps what it lacks");
	_exit(STATUS_OK);
}

static void on_signal(struct watcher *watcher)
{
	struct signalfd_siginfo info;

	while (!watcher->has_stopped &&
	       read(watcher->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			post_plain(watcher, MESSAGE_RELOAD, 0);
		else
			stop(watcher);
	}
}

static void fail(struct watcher *watcher, int err)
{
	struct message *message = calloc(1, sizeof(*message));

	leave(watcher);
	if (!message)
		_exit(STATUS_FAILED);
	message->kind = MESSAGE_FAILED;
	message->err = err;
	post(watcher, message);
}

static int open_epoll(const struct watcher *watcher)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll >= 0 &&
	    (poll_add(epoll, watcher->signal_fd) || poll_add(epoll, watcher->request_fd) ||
	     poll_add(epoll, session_fd(watcher->session)))) {
		close(epoll);
		return -1;
	}
	return epoll;
}

void *watcher_capture(void *context)
{
	struct watcher *watcher = context;
	_cleanup_close_ int epoll = open_epoll(watcher);
	int err = epoll < 0 ? -errno : session_step(watcher->session);

	while (!err && !watcher->has_stopped) {
		struct epoll_event events[3];
		int i, count;

		watcher_note_stats(watcher);
		count = epoll_wait(epoll, events, ARRAY_SIZE(events), -1);
		for (i = 0; i < count; i++) {
			if (events[i].data.fd == watcher->signal_fd)
				on_signal(watcher);
			else if (events[i].data.fd == watcher->request_fd)
				serve_requests(watcher);
		}
		if (!watcher->has_stopped)
			err = session_step(watcher->session);
	}
	if (err)
		fail(watcher, err);
	return NULL;
}
