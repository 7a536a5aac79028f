// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a shutdown, and what was lost on the way. The kernel is disarmed before the counts of
 * a shutdown are read for the last time, so they are final; it forgets them when the end is in the
 * journal.
 */
#include <errno.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/clock.h"
#include "src/capture/reconcile.h"
#include "src/capture/session_internal.h"
#include "src/capture/snapshot.h"

#define SUSPEND_NS 300000000ULL

static struct event_header header_of(uint16_t type, size_t size, const struct target *target,
				     uint64_t now_ns)
{
	return (struct event_header){
		.type = type,
		.size = (uint16_t)size,
		.at_ns = now_ns,
		.service = target->service,
		.generation = target->generation,
	};
}

/* Nothing of it is seen any more, except what becomes of its ports. */
static bool is_frozen(const struct shutdown *shutdown)
{
	return shutdown->is_provisional && shutdown->reason == ENDED_SETTLED;
}

/* To every shutdown under way but `except`: any of them may have lost it. */
static int tell_loss(struct session *session, uint32_t cause, uint64_t events, uint64_t except)
{
	struct event_loss event = { .cause = cause, .events = events };
	const struct shutdown *shutdown;
	size_t i;
	int err = 0;

	for (i = 0; !err && (shutdown = model_at(session->model, i)); i++) {
		struct target target = target_of(shutdown);

		if (shutdown->generation == except || shutdown->has_ended || is_frozen(shutdown))
			continue;
		event.header = header_of(EVENT_LOSS, sizeof(event), &target, clock_boot_ns());
		err = session_take(session, &event, sizeof(event));
	}
	return err;
}

/*
 * Full maps and rings are a matter of shutdowns only: what was lost since the last one ended is a
 * loss of all that are under way. Who that is shows when the ring has been read to its end, which
 * it is before one of them ends and not when one begins. Nested runs happen at any time: those
 * before it began are nobody's.
 */
int session_tell_losses(struct session *session, uint64_t except_generation)
{
	uint64_t *told = probe_told_losses(session->probe);
	uint64_t losses[LOSS_CAUSES];
	bool is_alone = except_generation && !model_at(session->model, 1);
	uint32_t cause = except_generation ? LOSS_NESTED_PACKET : 0;
	int err = 0;

	probe_losses(session->probe, losses);
	for (; !err && cause < LOSS_CAUSES; cause++) {
		if (losses[cause] > told[cause] && !is_alone)
			err = tell_loss(session, cause, losses[cause] - told[cause],
					except_generation);
		told[cause] = losses[cause];
	}
	return err;
}

static int tell_ended(struct session *session, const struct target *target,
		      enum ended_reason reason, uint32_t flags)
{
	struct event_ended event = {
		.header = header_of(EVENT_ENDED, sizeof(event), target, clock_boot_ns()),
		.reason = reason,
		.flags = flags | (probe_sees_all_resets(session->probe) ? 0 : ENDED_RESETS_UNSEEN),
	};

	return session_take(session, &event, sizeof(event));
}

/* Makes the next record of a shutdown; the last one, unless it goes on. */
static int finish(struct session *session, const struct shutdown *shutdown,
		  enum ended_reason reason, bool goes_on)
{
	bool is_alive = shutdown_living(shutdown) > 0;
	struct target target = {
		.service = shutdown->service,
		.generation = shutdown->generation,
		.leftover = is_alive ? OUTCOME_OPEN : OUTCOME_HANDED_OVER,
	};
	int err = 0;

	if (!is_frozen(shutdown) && !(goes_on && is_alive))
		err = reconcile(session->probe, shutdown, &target);
	if (!err)
		err = session_drain(session);
	if (!err && !goes_on && probe_disarm(session->probe, &target) == 0)
		err = session_drain(session);
	if (!err && !shutdown->has_identity) /* without it there is no date */
		err = snapshot_tell_service(roster_find(session->roster, target.service), &target,
					    session_take, session);
	if (!err)
		err = probe_tell_counts(session->probe, &target, clock_boot_ns());
	if (!err)
		err = session_tell_losses(session, 0);
	if (!err)
		err = session_tell_waits(session, shutdown);
	if (!err)
		err = tell_ended(session, &target, reason, goes_on ? ENDED_PROVISIONAL : 0);
	if (!err)
		err = session_drain(session);
	if (goes_on)
		return err ? err : session->options.on_shutdown(session->options.context, shutdown);
	probe_forget(session->probe, &target);
	if (!is_alive)
		roster_remove(session->roster, target.service);
	return err;
}

/* The journal keeps it until the record is safe. */
static int note_unsafe(struct session *session, uint64_t generation)
{
	int err;

	if (!session->journal)
		return 0;
	err = array_reserve((void **)&session->unsafe, &session->unsafe_capacity, session->n_unsafe,
			    sizeof(*session->unsafe));
	if (!err)
		session->unsafe[session->n_unsafe++] = generation;
	return err;
}

/* In the journal only: the model has handed it out. */
static void journal_stored(struct session *session, uint64_t generation, bool is_last)
{
	union event event = {};

	event.ended.header.type = EVENT_ENDED;
	event.ended.header.size = sizeof(event.ended);
	event.ended.header.generation = generation;
	event.ended.header.at_ns = clock_boot_ns();
	event.ended.reason = ENDED_SETTLED;
	event.ended.flags = ENDED_STORED | (is_last ? 0 : ENDED_PROVISIONAL);
	if (session->journal)
		journal_add(session->journal, &event);
}

void session_acknowledge(struct session *session, uint64_t generation, bool is_last)
{
	size_t i;

	journal_stored(session, generation, is_last);
	for (i = 0; is_last && i < session->n_unsafe; i++) {
		if (session->unsafe[i] == generation)
			session->unsafe[i--] = session->unsafe[--session->n_unsafe];
	}
}

int session_hand_out(struct session *session)
{
	struct shutdown *shutdown;
	int err = 0;

	while (!err && (shutdown = model_take_ended(session->model))) {
		if (!shutdown->is_stored)
			err = note_unsafe(session, shutdown->generation);
		if (!err && !shutdown->is_stored)
			err = session->options.on_shutdown(session->options.context, shutdown);
		shutdown_free(shutdown);
	}
	return err;
}

int session_finish_due(struct session *session)
{
	const struct shutdown *shutdown;
	enum ended_reason reason;
	int err = 0;

	while (!err && (shutdown = model_due(session->model, clock_boot_ns(), &reason))) {
		err = finish(session, shutdown, reason,
			     shutdown_goes_on(shutdown, &session->options.model, reason));
		if (!err)
			err = session_hand_out(session);
	}
	return err;
}

int session_wind_up(struct session *session)
{
	const struct shutdown *shutdown;
	int err = session_drain(session);

	while (!err && (shutdown = model_first(session->model))) {
		err = finish(session, shutdown,
			     shutdown_living(shutdown) ? ENDED_INTERRUPTED : ENDED_SETTLED, false);
		if (!err)
			err = session_hand_out(session);
	}
	return err;
}

/*
 * Only the model is told, and it dies with this process. From the end of the journal on nothing is
 * taken from the rings: the next session finds it there.
 */
int session_suspend(struct session *session)
{
	const struct shutdown *shutdown;
	size_t i;
	/* All of it is in the journal already: what takes longer is for the next one. */
	int err = session_drain_for(session, SUSPEND_NS);

	err = err > 0 ? 0 : err;
	session->queue.at = session->queue.size;
	for (i = 0; !err && (shutdown = model_at(session->model, i)); i++)
		err = session_tell_waits(session, shutdown);
	journal_close(session->journal);
	session->journal = NULL;
	for (i = 0; !err && (shutdown = model_at(session->model, i)); i++) {
		struct target target = target_of(shutdown);

		if (is_frozen(shutdown))
			continue;
		err = probe_tell_counts(session->probe, &target, clock_boot_ns());
		if (!err && !shutdown->has_identity)
			err = snapshot_tell_service(roster_find(session->roster, target.service),
						    &target, session_take, session);
		if (!err)
			err = tell_ended(session, &target, ENDED_INTERRUPTED, ENDED_PROVISIONAL);
		if (!err)
			err = session_apply_queued(session);
		if (!err)
			err = session->options.on_shutdown(session->options.context, shutdown);
	}
	return err;
}
