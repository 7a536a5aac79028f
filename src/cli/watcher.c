// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the session, one thread, and the two lists between that thread and the main one. The lock
 * is held for list operations only.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "src/base/array.h"
#include "src/base/log.h"
#include "src/cli/watcher_internal.h"

void message_free(struct message *message)
{
	if (!message)
		return;
	record_fini(&message->record);
	free(message);
}

static int open_session(struct watcher *watcher, const struct watcher_options *options)
{
	const struct config *config = options->config;
	struct session_options session = {
		.model = watcher_spans(config),
		.follow_listeners = true,
		.detail_ring_bytes = options->detail_ring_bytes,
		.roster = { .selectors = &config->targets,
			    .exclusions = &config->exclusions,
			    .rules = &config->services },
		.on_shutdown = watcher_on_shutdown,
		.on_begun = watcher_on_begun,
		.on_service = watcher_on_service,
		.context = watcher,
		.pins = options->pins,
		.journal = options->journal,
		.host = &watcher->host,
		.journal_bytes_max = 64 << 20,
	};
	size_t services;
	int err = session_open(&session, &watcher->session);

	if (err)
		return err;
	err = roster_seed(session_roster(watcher->session), &services);
	if (!err)
		err = session_resume(watcher->session);
	if (err)
		log_error("cannot take over what is there: %s", strerror(-err));
	else
		watcher_note_stats(watcher);
	return err;
}

static int open_fds(struct watcher *watcher)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread is there */
	watcher->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	watcher->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watcher->message_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watcher->closing_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return watcher->signal_fd < 0 || watcher->request_fd < 0 || watcher->message_fd < 0 ||
			       watcher->closing_fd < 0
		       ? -errno
		       : 0;
}

int watcher_open(const struct watcher_options *options, struct watcher **ret_watcher)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	int err;

	if (!watcher)
		return -ENOMEM;
	watcher->host = *options->host;
	watcher->is_pinned = options->pins;
	watcher->signal_fd = watcher->request_fd = watcher->message_fd = watcher->closing_fd = -1;
	watcher->last = &watcher->first;
	pthread_mutex_init(&watcher->lock, NULL);
	pthread_cond_init(&watcher->reloaded, NULL);
	err = open_fds(watcher);
	if (!err)
		err = open_session(watcher, options);
	if (err) {
		watcher_close(watcher);
		return err;
	}
	*ret_watcher = watcher;
	return 0;
}

int watcher_start(struct watcher *watcher)
{
	int err = pthread_create(&watcher->thread, NULL, watcher_capture, watcher);

	watcher->is_started = !err;
	return -err;
}

void watcher_close(struct watcher *watcher)
{
	struct message *message;

	if (!watcher)
		return;
	if (watcher->is_started) {
		wake(watcher->closing_fd);
		pthread_join(watcher->thread, NULL);
	}
	while ((message = watcher_take(watcher)))
		message_free(message);
	session_close(watcher->session);
	close(watcher->signal_fd);
	close(watcher->request_fd);
	close(watcher->message_fd);
	close(watcher->closing_fd);
	pthread_mutex_destroy(&watcher->lock);
	pthread_cond_destroy(&watcher->reloaded);
	free(watcher->acknowledged);
	free(watcher);
}

int watcher_fd(const struct watcher *watcher)
{
	return watcher->message_fd;
}

struct message *watcher_take(struct watcher *watcher)
{
	struct message *message;

	pthread_mutex_lock(&watcher->lock);
	message = watcher->first;
	if (message) {
		watcher->first = message->next;
		watcher->n_records -= message->kind == MESSAGE_RECORD;
		if (!watcher->first)
			watcher->last = &watcher->first;
	} else {
		silence(watcher->message_fd);
	}
	pthread_mutex_unlock(&watcher->lock);
	return message;
}

void watcher_acknowledge(struct watcher *watcher, uint64_t generation, bool is_last)
{
	pthread_mutex_lock(&watcher->lock);
	if (!array_reserve((void **)&watcher->acknowledged, &watcher->acknowledged_capacity,
			   watcher->n_acknowledged, sizeof(*watcher->acknowledged)))
		watcher->acknowledged[watcher->n_acknowledged++] =
			(struct acknowledgement){ generation, is_last };
	pthread_mutex_unlock(&watcher->lock);
	wake(watcher->request_fd);
}

int watcher_reload(struct watcher *watcher, const struct config *config)
{
	int err;

	pthread_mutex_lock(&watcher->lock);
	if (!watcher->is_leaving)
		watcher->wanted = config;
	wake(watcher->request_fd);
	while (watcher->wanted)
		pthread_cond_wait(&watcher->reloaded, &watcher->lock);
	err = watcher->reload_err;
	pthread_mutex_unlock(&watcher->lock);
	return err;
}

struct watcher_stats watcher_stats(struct watcher *watcher)
{
	struct watcher_stats stats;

	pthread_mutex_lock(&watcher->lock);
	stats = watcher->stats;
	pthread_mutex_unlock(&watcher->lock);
	return stats;
}

struct probe *watcher_probe(struct watcher *watcher)
{
	return session_probe(watcher->session);
}
