// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the session, one thread, and the two lists between that thread and the main one. The lock
 * is held for list operations only. After a stop signal the process ends within STOP_LIMIT_MS,
 * whatever the main thread is waiting for: what it has not stored is in the journal.
 */
#include "src/cli/watcher.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/analysis/build.h"
#include "src/analysis/verdict.h"
#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/cli/status.h"

#define STOP_LIMIT_MS 850

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
	uint64_t *acknowledged;
	size_t n_acknowledged;
	size_t acknowledged_capacity;
	const struct config *wanted; /* NULL: no reload is asked for */
	bool is_leaving;	     /* the capture thread answers no requests any more */
	int reload_err;
	struct watcher_stats stats;
};

void message_free(struct message *message)
{
	if (!message)
		return;
	record_fini(&message->record);
	free(message);
}

static void wake(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

static void silence(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; /* it was silent already */
}

/* --- capture thread ------------------------------------------------------------------------- */

static void post(struct watcher *watcher, struct message *message)
{
	pthread_mutex_lock(&watcher->lock);
	*watcher->last = message;
	watcher->last = &message->next;
	pthread_mutex_unlock(&watcher->lock);
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

static int on_shutdown(void *context, const struct shutdown *shutdown)
{
	struct watcher *watcher = context;
	struct message *message = calloc(1, sizeof(*message));
	int err = message ? record_build(shutdown, &watcher->host, &message->record) : -ENOMEM;

	if (err) {
		free(message);
		return err;
	}
	message->generation = shutdown->generation;
	message->kind =
		verdict_is_no_shutdown(shutdown, &message->record) ? MESSAGE_NONE : MESSAGE_RECORD;
	post(watcher, message);
	return 0;
}

static void on_service(void *context, const char *name)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return;
	message->kind = MESSAGE_SERVICE;
	memcpy(message->service, name, NAME_BYTES);
	post(context, message);
}

static void on_begun(void *context, const struct shutdown *shutdown, uint64_t snapshot_ns)
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

static struct model_options spans_of(const struct config *config)
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
	struct model_options spans = spans_of(config);
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
		session_acknowledge(watcher->session, watcher->acknowledged[i]);
	watcher->n_acknowledged = 0;
	wanted = watcher->wanted;
	pthread_mutex_unlock(&watcher->lock);
	if (wanted)
		reload(watcher, wanted);
}

static void note_stats(struct watcher *watcher)
{
	struct watcher_stats stats = { .session = session_stats(watcher->session) };

	stats.in_progress = session_in_progress(watcher->session);
	pthread_mutex_lock(&watcher->lock);
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

static void *capture(void *context)
{
	struct watcher *watcher = context;
	_cleanup_close_ int epoll = open_epoll(watcher);
	int err = epoll < 0 ? -errno : session_step(watcher->session);

	while (!err && !watcher->has_stopped) {
		struct epoll_event events[3];
		int i, count;

		note_stats(watcher);
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

/* --- main thread ---------------------------------------------------------------------------- */

static int open_session(struct watcher *watcher, const struct watcher_options *options)
{
	const struct config *config = options->config;
	struct session_options session = {
		.model = spans_of(config),
		.follow_listeners = true,
		.detail_ring_bytes = options->detail_ring_bytes,
		.roster = { .selectors = &config->targets,
			    .exclusions = &config->exclusions,
			    .rules = &config->services },
		.on_shutdown = on_shutdown,
		.on_begun = on_begun,
		.on_service = on_service,
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
		note_stats(watcher);
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
	int err = pthread_create(&watcher->thread, NULL, capture, watcher);

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
		if (!watcher->first)
			watcher->last = &watcher->first;
	} else {
		silence(watcher->message_fd);
	}
	pthread_mutex_unlock(&watcher->lock);
	return message;
}

void watcher_acknowledge(struct watcher *watcher, uint64_t generation)
{
	pthread_mutex_lock(&watcher->lock);
	if (!array_reserve((void **)&watcher->acknowledged, &watcher->acknowledged_capacity,
			   watcher->n_acknowledged, sizeof(*watcher->acknowledged)))
		watcher->acknowledged[watcher->n_acknowledged++] = generation;
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
