// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks at the threads of services that drain, now and then, and adds up what they do; and owns the
 * one timer of the session. Nothing is looked at, and no wake-up remains, once a service has ended
 * or its first record is made.
 *
 * A look comes after a hundredth of the time since T0, between INTERVAL_MIN_NS and INTERVAL_MAX_NS:
 * what a drain of any length was spent on is then right within about one per cent, and a service
 * that will not stop is looked at twice a second. A look that took long, by the processor's time,
 * puts the next one off, so that all looks together take at most a COST_SHARE-th of one processor,
 * however many threads and services there are.
 *
 * The lookouts are kept in the order of their generations.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

#include "src/base/array.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/capture/session_internal.h"
#include "src/capture/wait_sample.h"

#define INTERVAL_MIN_NS 20000000ULL
#define INTERVAL_MAX_NS 500000000ULL
#define INTERVAL_SHARE 100
#define COST_SHARE 100
/* Up to so many processes are looked at one by one; of more, all the host's. */
#define PROCESSES_ONE_BY_ONE 16

struct lookout {
	uint64_t generation;
	uint64_t last_ns; /* until then all is accounted for */
	uint64_t next_ns;
	uint64_t span_ns;    /* what each sample of this look stands for */
	uint64_t served_ns;  /* until then it had clients or a listener, as far as is known */
	uint64_t cleanup_ns; /* of span_ns: since then */
	struct waits waits;
};

static bool is_draining(const struct session *session, const struct shutdown *shutdown)
{
	return !session->is_blind && probe_has_waits(session->probe) && !shutdown->has_ended &&
	       !shutdown->is_provisional && shutdown_living(shutdown);
}

/* The index of the first one that did not begin before this generation. */
static size_t lower_bound(const struct session *session, uint64_t generation)
{
	size_t low = 0, high = session->n_lookouts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (session->lookouts[middle].generation < generation)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct lookout *lookout_find(struct session *session, uint64_t generation)
{
	size_t at = lower_bound(session, generation);

	if (at == session->n_lookouts || session->lookouts[at].generation != generation)
		return NULL;
	return &session->lookouts[at];
}

/* Returns NULL when there is no memory. */
static struct lookout *lookout_of(struct session *session, const struct shutdown *shutdown)
{
	struct lookout *found = lookout_find(session, shutdown->generation);
	uint64_t now_ns = clock_boot_ns();
	size_t at;

	if (found)
		return found;
	if (array_reserve((void **)&session->lookouts, &session->lookouts_capacity,
			  session->n_lookouts, sizeof(*session->lookouts)))
		return NULL;
	at = lower_bound(session, shutdown->generation);
	found = &session->lookouts[at];
	memmove(found + 1, found, (session->n_lookouts++ - at) * sizeof(*found));
	memset(found, 0, sizeof(*found));
	found->generation = shutdown->generation;
	/* One that began before this collector did: what it did until now nobody knows. */
	found->last_ns =
		now_ns - shutdown->armed_ns < INTERVAL_MAX_NS ? shutdown->armed_ns : now_ns;
	found->next_ns = now_ns + INTERVAL_MIN_NS;
	return found;
}

static void lookout_drop(struct session *session, struct lookout *lookout)
{
	size_t behind = (size_t)(session->lookouts + --session->n_lookouts - lookout);

	waits_fini(&lookout->waits);
	memmove(lookout, lookout + 1, behind * sizeof(*lookout));
}

/* --- looking -------------------------------------------------------------------------------- */

static int take_sample(void *context, const void *bytes, size_t size)
{
	struct lookout *lookout = context;
	struct wait_sample sample = {};
	struct event_wait event;

	if (size != sizeof(sample) && size != WAIT_SAMPLE_SHORT_BYTES)
		return -EBADMSG;
	memcpy(&sample, bytes, size);
	wait_sample_tell(&sample, lookout->span_ns, &event);
	event.flags = WAIT_TELLS_CLEANUP;
	event.cleanup_ns = lookout->cleanup_ns;
	return waits_add(&lookout->waits, &event);
}

static int look_at(struct session *session, const struct shutdown *shutdown,
		   struct lookout *lookout)
{
	bool is_by_process = shutdown_living(shutdown) <= PROCESSES_ONE_BY_ONE;
	struct target target = target_of(shutdown);
	size_t i;
	int err = 0;

	if (!is_by_process)
		return probe_sample_waits(session->probe, &target, 0, take_sample, lookout);
	for (i = 0; !err && i < shutdown->n_processes; i++) {
		const struct process *process = &shutdown->processes[i];

		if (process->has_ended)
			continue;
		err = probe_sample_waits(session->probe, &target, process->id.tgid, take_sample,
					 lookout);
		if (err == -ESRCH || err == -ENOENT)
			err = 0; /* it has ended */
	}
	return err;
}

/* `lookouts`: how many share the processor's time that looks may take. */
static uint64_t interval_ns(uint64_t elapsed_ns, uint64_t cost_ns, size_t lookouts)
{
	uint64_t interval = elapsed_ns / INTERVAL_SHARE;
	uint64_t affordable = cost_ns * COST_SHARE * lookouts;

	if (interval < INTERVAL_MIN_NS)
		interval = INTERVAL_MIN_NS;
	if (interval > INTERVAL_MAX_NS)
		interval = INTERVAL_MAX_NS;
	return interval > affordable ? interval : affordable;
}

/*
 * How much of a look's span came after the last client. A later one may leave yet: what was counted
 * so before was no clean-up then.
 */
static void split_span(const struct shutdown *shutdown, struct lookout *lookout)
{
	uint64_t since_ns = shutdown->last_served_ns, now_ns = lookout->last_ns;

	if (since_ns > lookout->served_ns) {
		lookout->served_ns = since_ns;
		waits_restart_cleanup(&lookout->waits);
	}
	if (now_ns - since_ns < lookout->span_ns)
		lookout->cleanup_ns = now_ns > since_ns ? now_ns - since_ns : 0;
	else
		lookout->cleanup_ns = lookout->span_ns;
}

static int look(struct session *session, const struct shutdown *shutdown, struct lookout *lookout)
{
	uint64_t now_ns = clock_boot_ns();
	uint64_t cost_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int err;

	lookout->span_ns = now_ns - lookout->last_ns;
	lookout->last_ns = now_ns;
	split_span(shutdown, lookout);
	err = look_at(session, shutdown, lookout);
	cost_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cost_ns;
	lookout->next_ns =
		now_ns + interval_ns(now_ns - shutdown->armed_ns, cost_ns, session->n_lookouts);
	return err;
}

/* No record depends on it: an error is no reason to stop watching. */
void session_look(struct session *session)
{
	const struct shutdown *shutdown;
	size_t i;
	int err = 0;

	for (i = 0; (shutdown = model_at(session->model, i)); i++) {
		struct lookout *lookout;

		if (!is_draining(session, shutdown))
			continue;
		lookout = lookout_of(session, shutdown);
		if (lookout && clock_boot_ns() >= lookout->next_ns)
			err = look(session, shutdown, lookout);
		if (!err)
			continue;
		log_error(
			"cannot look at what the threads of a stopping service wait for: %s; going "
			"on without",
			strerror(-err));
		session->is_blind = true;
		return;
	}
}

/* --- telling -------------------------------------------------------------------------------- */

int session_tell_waits(struct session *session, const struct shutdown *shutdown)
{
	struct lookout *lookout = lookout_find(session, shutdown->generation);
	uint64_t now_ns = clock_boot_ns();
	size_t i;
	int err = 0;

	if (!lookout)
		return 0;
	if (shutdown->last_served_ns > lookout->served_ns)
		waits_restart_cleanup(&lookout->waits);
	for (i = 0; !err && i < lookout->waits.count; i++) {
		lookout->waits.items[i].header.at_ns = now_ns;
		err = session_take(session, &lookout->waits.items[i], sizeof(struct event_wait));
	}
	if (!err && lookout->waits.overflow.samples) {
		lookout->waits.overflow.header.at_ns = now_ns;
		err = session_take(session, &lookout->waits.overflow, sizeof(struct event_wait));
	}
	lookout_drop(session, lookout);
	return err;
}

void session_forget_waits(struct session *session)
{
	while (session->n_lookouts)
		lookout_drop(session, session->lookouts);
	free(session->lookouts);
	session->lookouts = NULL;
}

/* --- the timer ------------------------------------------------------------------------------ */

static uint64_t next_look_ns(struct session *session)
{
	const struct shutdown *shutdown;
	uint64_t first = UINT64_MAX;
	size_t i;

	for (i = 0; (shutdown = model_at(session->model, i)); i++) {
		const struct lookout *lookout =
			is_draining(session, shutdown) ? lookout_of(session, shutdown) : NULL;

		if (lookout && lookout->next_ns < first)
			first = lookout->next_ns;
	}
	return first;
}

/* One timer for the next deadline; off while nothing stops: an idle watcher sleeps. */
void session_set_timer(struct session *session, bool has_more)
{
	uint64_t deadline_ns = has_more ? 1 : model_deadline_ns(session->model);
	uint64_t look_ns = next_look_ns(session);
	struct itimerspec timer = {};

	if (look_ns < deadline_ns)
		deadline_ns = look_ns;
	if (deadline_ns != UINT64_MAX) {
		timer.it_value.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC);
		timer.it_value.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC);
	}
	timerfd_settime(session->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}
