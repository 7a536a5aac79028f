// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives the probe. Invariants: every event passes on_event() once, in the order in which the
 * model sees it, so a recording of them replays to the same bytes; the kernel is disarmed before
 * the counts of a shutdown are read, so they are final.
 */
#include "src/capture/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "src/base/array.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/capture/snapshot.h"

/* The losses that had been counted when a shutdown began. */
struct baseline {
	struct target target;
	uint64_t losses[LOSS_CAUSES];
};

struct last_signal {
	uint32_t sender_pid;
	uint64_t at_ns;
};

struct session {
	struct session_options options;
	struct probe *probe;
	struct roster *roster;
	struct model *model;
	int epoll_fd;
	int timer_fd;
	struct baseline *baselines;
	size_t n_baselines;
	size_t baselines_capacity;
	uint64_t known_losses[LOSS_CAUSES];		 /* when the last shutdown ended */
	struct last_signal last_signals[SIGNAL_MAX + 1]; /* to the roots of services */
};

static int on_event(void *context, const void *bytes, size_t size);

static bool is_arming(const union event *event)
{
	return (event->header.type == EVENT_SIGNAL && event->signal.flags & SIGNAL_ARMED) ||
	       (event->header.type == EVENT_EXIT && event->exit.flags & EXIT_ARMED);
}

/*
 * Read after the snapshot, which is in a hurry. Full maps and rings are a matter of shutdowns
 * only: what they had lost when the last one ended is what they had lost when this one began.
 * Nested runs happen at any time.
 */
static int note_baseline(struct session *session, const struct target *target)
{
	struct baseline *baseline;
	int err;

	err = array_reserve((void **)&session->baselines, &session->baselines_capacity,
			    session->n_baselines, sizeof(*session->baselines));
	if (err)
		return err;
	baseline = &session->baselines[session->n_baselines++];
	baseline->target = *target;
	probe_losses(session->probe, baseline->losses);
	if (session->n_baselines == 1)
		memcpy(baseline->losses, session->known_losses,
		       LOSS_NESTED_PACKET * sizeof(baseline->losses[0]));
	return 0;
}

/* A service was told to stop: look at it, at once. */
static int on_armed(struct session *session, const struct event_header *header)
{
	const struct service_info *service = roster_find(session->roster, header->service);
	struct target target = { .service = header->service, .generation = header->generation };
	int err;

	if (!service)
		return 0;
	err = snapshot_take(session->probe, service, &target, on_event, session);
	if (err == -ENOMEM)
		return err;
	if (err)
		log_error("the snapshot of %s failed: %s; going on with what its closes tell",
			  service->identity.name, strerror(-err));
	return note_baseline(session, &target);
}

static void note_signal(struct session *session, const struct event_signal *event)
{
	struct last_signal *last = &session->last_signals[event->signal];

	if (!(event->flags & SIGNAL_TO_ROOT))
		return;
	last->sender_pid = event->sender.tgid;
	last->at_ns = event->header.at_ns;
}

bool session_saw_signal(const struct session *session, int signal, uint32_t sender_pid,
			uint64_t since_ns)
{
	const struct last_signal *last = &session->last_signals[signal];

	return last->at_ns >= since_ns && last->sender_pid == sender_pid;
}

/* Of services that nobody asked for: a process that listened and was let go again. */
static bool is_foreign(const struct session *session, const union event *event)
{
	return event->header.generation && !roster_find(session->roster, event->header.service);
}

static int on_event(void *context, const void *bytes, size_t size)
{
	struct session *session = context;
	union event event;
	int err = decode_event(bytes, size, &event);

	if (err) {
		log_error("the kernel sent %zu bytes that are no event; they are skipped", size);
		return 0;
	}
	if (event.header.type == EVENT_LISTENER) {
		err = roster_on_listener(session->roster, &event.listener);
		if (err)
			return err;
	}
	if (is_foreign(session, &event))
		return 0;
	if (event.header.type == EVENT_SIGNAL)
		note_signal(session, &event.signal);
	if (session->options.recording)
		recording_add(session->options.recording, &event);
	err = model_apply(session->model, &event);
	if (!err && is_arming(&event))
		err = on_armed(session, &event.header);
	return err;
}

/* --- the end of a shutdown ------------------------------------------------------------------ */

static int tell_losses(struct session *session, const struct target *target, uint64_t now_ns)
{
	uint64_t losses[LOSS_CAUSES];
	struct event_loss event = {};
	size_t i;
	int cause, err = 0;

	for (i = 0; i < session->n_baselines; i++) {
		if (session->baselines[i].target.generation == target->generation)
			break;
	}
	if (i == session->n_baselines)
		return 0;
	probe_losses(session->probe, losses);
	event.header.type = EVENT_LOSS;
	event.header.size = sizeof(event);
	event.header.at_ns = now_ns;
	event.header.service = target->service;
	event.header.generation = target->generation;
	for (cause = 0; !err && cause < LOSS_CAUSES; cause++) {
		event.cause = (uint32_t)cause;
		event.events = losses[cause] - session->baselines[i].losses[cause];
		if (event.events)
			err = on_event(session, &event, sizeof(event));
	}
	session->baselines[i] = session->baselines[--session->n_baselines];
	memcpy(session->known_losses, losses, sizeof(losses));
	return err;
}

static int tell_ended(struct session *session, const struct target *target, uint64_t now_ns,
		      enum ended_reason reason)
{
	struct event_ended event = {};

	event.header.type = EVENT_ENDED;
	event.header.size = sizeof(event);
	event.header.at_ns = now_ns;
	event.header.service = target->service;
	event.header.generation = target->generation;
	event.reason = reason;
	return on_event(session, &event, sizeof(event));
}

/* Asks the kernel for all that is left of a shutdown, disarms it and closes its record. */
static int finish(struct session *session, const struct shutdown *shutdown,
		  enum ended_reason reason)
{
	bool is_alive = shutdown_living(shutdown) > 0;
	struct target target = {
		.service = shutdown->service,
		.generation = shutdown->generation,
		.leftover = is_alive ? OUTCOME_OPEN : OUTCOME_HANDED_OVER,
	};
	uint64_t now_ns;
	int err;

	err = probe_dispatch(session->probe);
	if (!err)
		err = probe_finish(session->probe, &target);
	if (!err || err == -ENOENT)
		err = probe_dispatch(session->probe);
	now_ns = clock_boot_ns();
	if (!err)
		err = probe_take_counts(session->probe, &target, now_ns);
	if (!err)
		err = tell_losses(session, &target, now_ns);
	if (!err)
		err = tell_ended(session, &target, now_ns, reason);
	if (!is_alive)
		roster_remove(session->roster, target.service);
	return err;
}

static int hand_out(struct session *session)
{
	struct shutdown *shutdown;
	int err = 0;

	while (!err && (shutdown = model_take_ended(session->model)))
		err = session->options.on_shutdown(session->options.context, shutdown);
	return err;
}

static int finish_due(struct session *session)
{
	const struct shutdown *shutdown;
	enum ended_reason reason;
	int err = 0;

	while (!err && (shutdown = model_due(session->model, clock_boot_ns(), &reason))) {
		err = finish(session, shutdown, reason);
		if (!err)
			err = hand_out(session);
	}
	return err;
}

/* One timer for the next deadline; off while nothing stops: an idle watcher sleeps. */
static void set_timer(struct session *session)
{
	uint64_t deadline_ns = model_deadline_ns(session->model);
	struct itimerspec timer = {};

	if (deadline_ns != UINT64_MAX) {
		timer.it_value.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC);
		timer.it_value.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC);
	}
	timerfd_settime(session->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

int session_step(struct session *session)
{
	uint64_t expirations;
	int err;

	if (read(session->timer_fd, &expirations, sizeof(expirations)) < 0)
		expirations = 0; /* not expired: events woke us */
	err = probe_dispatch(session->probe);
	if (!err)
		err = finish_due(session);
	set_timer(session);
	return err;
}

bool session_is_idle(const struct session *session)
{
	return !model_first(session->model);
}

int session_wind_up(struct session *session)
{
	const struct shutdown *shutdown;
	int err = probe_dispatch(session->probe);

	while (!err && (shutdown = model_first(session->model))) {
		err = finish(session, shutdown,
			     shutdown_living(shutdown) ? ENDED_INTERRUPTED : ENDED_SETTLED);
		if (!err)
			err = hand_out(session);
	}
	return err;
}

/* --- opening and closing -------------------------------------------------------------------- */

static int open_fds(struct session *session)
{
	int err;

	session->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	session->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (session->epoll_fd < 0 || session->timer_fd < 0)
		return -errno;
	err = poll_add(session->epoll_fd, probe_fd(session->probe));
	return err ? err : poll_add(session->epoll_fd, session->timer_fd);
}

int session_open(const struct session_options *options, struct session **ret_session)
{
	struct session *session = calloc(1, sizeof(*session));
	struct probe_options probe_options = {
		.follow_listeners = options->follow_listeners,
		.forwarder_pid = options->forwards_signals ? (uint32_t)getpid() : 0,
		.detail_ring_bytes = options->detail_ring_bytes,
		.sink = on_event,
		.context = session,
	};
	int err;

	if (!session)
		return -ENOMEM;
	session->options = *options;
	session->epoll_fd = session->timer_fd = -1;
	err = probe_open(&probe_options, &session->probe);
	if (err)
		goto fail;
	session->model = model_new(&options->model);
	session->roster = roster_new(session->probe, options->selectors);
	err = session->model && session->roster ? open_fds(session) : -ENOMEM;
	if (err) {
		log_error("cannot start watching: %s", strerror(-err));
		goto fail;
	}
	*ret_session = session;
	return 0;
fail:
	session_close(session);
	return err;
}

void session_close(struct session *session)
{
	if (!session)
		return;
	if (session->timer_fd >= 0)
		close(session->timer_fd);
	if (session->epoll_fd >= 0)
		close(session->epoll_fd);
	roster_free(session->roster);
	model_free(session->model);
	probe_close(session->probe);
	free(session->baselines);
	free(session);
}

struct roster *session_roster(struct session *session)
{
	return session->roster;
}

int session_fd(const struct session *session)
{
	return session->epoll_fd;
}
