// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives the probe. Invariants: every event passes session_take(), is in the journal before it
 * leaves its ring, and is applied once, in the order in which it came, so that a recording
 * replays to the same bytes. Taking an event is quick; the slow work (snapshots) is done between
 * the events, and the rings are emptied in between.
 */
#include "src/capture/session_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/poll.h"

#define STEP_NS 50000000ULL /* then whoever drives us may see to other things */
#define QUEUE_MAX_BYTES (64 << 20)

/* --- taking events in ----------------------------------------------------------------------- */

static int queue_add(struct event_queue *queue, const union event *event)
{
	size_t wanted = queue->capacity ? queue->capacity : 65536;
	char *grown;

	while (wanted - queue->size < event->header.size)
		wanted *= 2;
	if (wanted != queue->capacity) {
		grown = realloc(queue->bytes, wanted);
		if (!grown)
			return -ENOMEM;
		queue->bytes = grown;
		queue->capacity = wanted;
	}
	memcpy(queue->bytes + queue->size, event, event->header.size);
	queue->size += event->header.size;
	return 0;
}

static bool queue_next(struct event_queue *queue, union event *ret_event)
{
	struct event_header header;

	if (queue->at == queue->size) {
		queue->at = queue->size = 0;
		return false;
	}
	memcpy(&header, queue->bytes + queue->at, sizeof(header));
	memcpy(ret_event, queue->bytes + queue->at, header.size);
	queue->at += header.size;
	return true;
}

/* What the next collector cannot find out by itself. */
static bool is_for_journal(const union event *event)
{
	return event->header.generation || event->header.type == EVENT_LISTENER;
}

int session_take(void *context, const void *bytes, size_t size)
{
	struct session *session = context;
	union event event;

	if (decode_event(bytes, size, &event)) {
		log_error("the kernel sent %zu bytes that are no event; they are skipped", size);
		return 0;
	}
	session->events++;
	if (session->journal) {
		if (session_is_repeated(session, &event))
			return 0;
		if (is_for_journal(&event))
			journal_add(session->journal, &event);
	}
	return queue_add(&session->queue, &event);
}

/* --- applying them -------------------------------------------------------------------------- */

static bool is_arming(const union event *event)
{
	return (event->header.type == EVENT_SIGNAL && event->signal.flags & SIGNAL_ARMED) ||
	       (event->header.type == EVENT_EXIT && event->exit.flags & EXIT_ARMED) ||
	       (event->header.type == EVENT_LISTENER && event->listener.flags & LISTENER_ARMED);
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

static bool is_acknowledgement(const union event *event)
{
	return event->header.type == EVENT_ENDED && event->ended.flags & ENDED_STORED;
}

static int apply(struct session *session, const union event *event)
{
	struct target target = { .service = event->header.service,
				 .generation = event->header.generation };
	int err = 0;

	if (is_acknowledgement(event))
		return model_find(session->model, target.generation)
			       ? model_apply(session->model, event)
			       : 0;
	if (event->header.type == EVENT_LISTENER && !session->is_replaying)
		err = roster_on_listener(session->roster, &event->listener);
	if (err || is_foreign(session, event))
		return err;
	if (event->header.type == EVENT_SIGNAL)
		note_signal(session, &event->signal);
	if (session->options.recording)
		recording_add(session->options.recording, event);
	err = model_apply(session->model, event);
	if (!err && is_arming(event) && !session->is_replaying &&
	    model_find(session->model, target.generation))
		err = session_begin(session, &target, event->header.at_ns);
	return err;
}

/* Returns 1 when the time was over first. */
static int apply_until(struct session *session, uint64_t deadline_ns)
{
	union event event;
	bool is_late = false;
	int err = 0;

	do {
		while (!err && !is_late && queue_next(&session->queue, &event)) {
			err = apply(session, &event);
			is_late = deadline_ns != UINT64_MAX && clock_boot_ns() > deadline_ns;
		}
		if (err || !session->n_begun)
			break;
		err = session_end_begun(session);
	} while (!is_late);
	return err ? err : is_late && session->queue.at < session->queue.size;
}

int session_apply_queued(struct session *session)
{
	return apply_until(session, UINT64_MAX);
}

/* Of those who flood us the ring may overflow: it is counted, and memory is not. */
static int take_more(struct session *session)
{
	if (session->queue.size - session->queue.at > QUEUE_MAX_BYTES)
		return 0;
	return probe_dispatch(session->probe);
}

int session_drain_for(struct session *session, uint64_t limit_ns)
{
	uint64_t deadline_ns = clock_boot_ns() + limit_ns;
	int err = apply_until(session, deadline_ns);

	if (err >= 0) {
		int more_err = take_more(session);

		if (more_err)
			return more_err;
	}
	return err ? err : apply_until(session, deadline_ns);
}

int session_drain(struct session *session)
{
	int err = session_apply_queued(session);

	if (!err)
		err = probe_dispatch(session->probe);
	return err ? err : session_apply_queued(session);
}

/* --- steps ---------------------------------------------------------------------------------- */

/* A record is made when all that was told before is in it. */
static int finish_step(struct session *session)
{
	int err = session_recover(session);

	if (!err)
		err = session_hear_graces(session);
	if (!err)
		err = session_finish_due(session);
	if (session->journal)
		journal_trim(session->journal, session_is_idle(session) && !session->n_unsafe);
	return err;
}

int session_step(struct session *session)
{
	uint64_t expirations;
	bool has_more;
	int err;

	if (read(session->timer_fd, &expirations, sizeof(expirations)) < 0)
		expirations = 0; /* not expired: events woke us */
	err = session_drain_for(session, STEP_NS);
	has_more = err == 1;
	if (err >= 0)
		session_look(session);
	if (!err)
		err = finish_step(session);
	session_set_timer(session, has_more);
	return has_more ? 0 : err;
}

bool session_is_idle(const struct session *session)
{
	return !model_first(session->model) && session->queue.at == session->queue.size;
}

size_t session_in_progress(const struct session *session)
{
	size_t count = 0;

	while (model_at(session->model, count))
		count++;
	return count;
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

/* The roster names a service: the journal keeps the name. */
static void on_entered(void *context, const struct event_service *service,
		       const struct event_program *root)
{
	struct session *session = context;
	union event event;

	if (session->options.on_service)
		session->options.on_service(session->options.context, service->name);
	if (!session->journal)
		return;
	event.service = *service;
	journal_add(session->journal, &event);
	event.program = *root;
	journal_add(session->journal, &event);
}

static int open_parts(struct session *session)
{
	struct roster_options roster = session->options.roster;
	int err;

	roster.on_entered = on_entered;
	roster.context = session;
	session->model = model_new(&session->options.model);
	session->roster = roster_new(session->probe, &roster);
	err = session->model && session->roster ? open_fds(session) : -ENOMEM;
	if (!err && session->options.journal)
		err = session_open_journal(session);
	return err;
}

int session_open(const struct session_options *options, struct session **ret_session)
{
	struct session *session = calloc(1, sizeof(*session));
	struct probe_options probe_options = {
		.follow_listeners = options->follow_listeners,
		.forwarder_pid = options->forwards_signals ? (uint32_t)getpid() : 0,
		.detail_ring_bytes = options->detail_ring_bytes,
		.pins = options->pins,
		.sink = session_take,
		.context = session,
	};
	int err;

	if (!session) {
		log_error("cannot start watching: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	session->options = *options;
	session->epoll_fd = session->timer_fd = -1;
	err = probe_open(&probe_options, &session->probe);
	if (err)
		goto fail;
	err = open_parts(session);
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
	graces_free(session->graces);
	session_forget_begun(session);
	if (session->timer_fd >= 0)
		close(session->timer_fd);
	if (session->epoll_fd >= 0)
		close(session->epoll_fd);
	roster_free(session->roster);
	model_free(session->model);
	journal_close(session->journal);
	probe_close(session->probe);
	free(session->queue.bytes);
	free(session->unsafe);
	session_forget_waits(session);
	free(session);
}

struct roster *session_roster(struct session *session)
{
	return session->roster;
}

struct probe *session_probe(struct session *session)
{
	return session->probe;
}

int session_fd(const struct session *session)
{
	return session->epoll_fd;
}

struct session_stats session_stats(const struct session *session)
{
	struct session_stats stats = { .events = session->events,
				       .services = roster_count(session->roster) };

	if (session->journal)
		stats.journal = journal_stats(session->journal);
	return stats;
}
