// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a gap: a collector died and left its journal, or the ring of events was full. The kernel
 * knows who is stopping and who lives; what nobody knows any more makes a record incomplete.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/capture/session_internal.h"

/* --- what the kernel knows and we do not ---------------------------------------------------- */

struct stopping {
	struct target *items;
	uint64_t *armed_ns;
	size_t count;
	size_t capacity;
	size_t times_capacity;
};

static int add_stopping(void *context, uint64_t service, uint64_t generation, uint64_t armed_ns)
{
	struct stopping *stopping = context;
	int err;

	if (!generation)
		return 0;
	err = array_reserve((void **)&stopping->items, &stopping->capacity, stopping->count,
			    sizeof(*stopping->items));
	if (!err)
		err = array_reserve((void **)&stopping->armed_ns, &stopping->times_capacity,
				    stopping->count, sizeof(*stopping->armed_ns));
	if (err)
		return err;
	stopping->items[stopping->count] =
		(struct target){ .service = service, .generation = generation };
	stopping->armed_ns[stopping->count++] = armed_ns;
	return 0;
}

static int take_loss(struct session *session, const struct target *target, uint64_t at_ns,
		     enum loss_cause cause)
{
	struct event_loss event = {
		.header = { .type = EVENT_LOSS,
			    .size = sizeof(event),
			    .at_ns = at_ns,
			    .service = target->service,
			    .generation = target->generation },
		.cause = cause,
		.events = 1,
	};
	int err = session_take(session, &event, sizeof(event));

	return err ? err : session_drain(session);
}

/* Shutdowns whose beginning was lost. */
static int adopt_stopping(struct session *session)
{
	struct stopping stopping = {};
	size_t i;
	int err = probe_list_services(session->probe, add_stopping, &stopping);

	for (i = 0; !err && i < stopping.count; i++) {
		const struct target *target = &stopping.items[i];

		if (model_find(session->model, target->generation) ||
		    !roster_find(session->roster, target->service))
			continue;
		err = take_loss(session, target, stopping.armed_ns[i], LOSS_EVENT_RING_FULL);
		if (!err && model_find(session->model, target->generation))
			err = session_begin(session, target, stopping.armed_ns[i]);
	}
	free(stopping.items);
	free(stopping.armed_ns);
	return err;
}

/* --- processes that ended unseen ------------------------------------------------------------ */

struct living {
	struct process_id *items;
	size_t count;
	size_t capacity;
};

static int add_living(void *context, const void *bytes, size_t size)
{
	struct living *living = context;
	const struct event_process *event = bytes;
	int err;

	if (size != sizeof(*event) || event->flags & PROCESS_ENDED)
		return 0;
	err = array_reserve((void **)&living->items, &living->capacity, living->count,
			    sizeof(*living->items));
	if (!err)
		living->items[living->count++] = event->process;
	return err;
}

static int compare_ids(const void *a, const void *b)
{
	const struct process_id *x = a, *y = b;

	if (x->tgid != y->tgid)
		return x->tgid > y->tgid ? 1 : -1;
	return x->started_ns == y->started_ns ? 0 : x->started_ns > y->started_ns ? 1 : -1;
}

static int tell_gone(struct session *session, const struct shutdown *shutdown,
		     const struct living *living)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < shutdown->n_processes; i++) {
		const struct process *process = &shutdown->processes[i];
		struct event_process event = {
			.header = { .type = EVENT_PROCESS,
				    .size = sizeof(event),
				    .at_ns = clock_boot_ns(),
				    .service = shutdown->service,
				    .generation = shutdown->generation },
			.process = process->id,
			.parent = process->parent,
			.ns_pid = process->ns_pid,
			.flags = PROCESS_ENDED,
		};

		if (process->has_ended ||
		    (living->count && bsearch(&process->id, living->items, living->count,
					      sizeof(process->id), compare_ids)))
			continue;
		memcpy(event.comm, process->comm, COMM_BYTES);
		err = session_take(session, &event, sizeof(event));
	}
	return err;
}

/* Who is no longer there has ended, though nobody saw when and how. */
static int note_gone(struct session *session)
{
	struct living living = {};
	const struct shutdown *shutdown;
	size_t i;
	int err;

	err = session_drain(session);
	if (!err)
		err = probe_list_processes(session->probe, add_living, &living);
	/* An exit that came with the listing tells more. */
	if (!err)
		err = session_drain(session);
	if (living.count)
		qsort(living.items, living.count, sizeof(*living.items), compare_ids);
	for (i = 0; !err && (shutdown = model_at(session->model, i)); i++)
		err = tell_gone(session, shutdown, &living);
	free(living.items);
	return err ? err : session_drain(session);
}

int session_recover(struct session *session)
{
	uint64_t losses = probe_ring_losses(session->probe);
	int err;

	if (losses == session->known_ring_losses)
		return 0;
	log_error("the ring of events was full: %llu events are lost; shutdowns under way are "
		  "looked at again, their records will say that they are incomplete",
		  (unsigned long long)(losses - session->known_ring_losses));
	session->known_ring_losses = losses;
	err = adopt_stopping(session);
	/* Others may have come to be known meanwhile, by what their connections told. */
	if (!err)
		err = session_tell_losses(session, 0);
	return err ? err : note_gone(session);
}

/* --- the journal ---------------------------------------------------------------------------- */

static bool is_from_kernel(const union event *event)
{
	switch (event->header.type) {
	case EVENT_SIGNAL:
	case EVENT_DELIVERED:
	case EVENT_EXIT:
	case EVENT_CONNECTION:
		return true;
	case EVENT_PROCESS:
		return event->process.flags & PROCESS_FORKED;
	case EVENT_LISTENER:
		return event->listener.change != LISTENER_LISTED;
	default:
		return false;
	}
}

static union event *last_of_ring(struct session *session, const union event *event)
{
	return &session->last_journalled[event->header.type == EVENT_CONNECTION];
}

/* An event leaves its ring after it is in the journal: at most one is in both. */
bool session_is_repeated(struct session *session, const union event *event)
{
	union event *last;

	if (!is_from_kernel(event))
		return false;
	last = last_of_ring(session, event);
	if (last->header.type == EVENT_NONE)
		return false;
	if (last->header.size == event->header.size && !memcmp(last, event, last->header.size)) {
		last->header.type = EVENT_NONE;
		return true;
	}
	last->header.type = EVENT_NONE; /* only the first one can be it */
	return false;
}

static int replay(void *context, const union event *event)
{
	struct session *session = context;

	if (is_from_kernel(event))
		memcpy(last_of_ring(session, event), event, event->header.size);
	if (!event->header.generation && event->header.type == EVENT_SERVICE)
		return roster_restore_service(session->roster, &event->service);
	if (!event->header.generation && event->header.type == EVENT_PROGRAM)
		return roster_restore_root(session->roster, &event->program);
	return session_take(session, event, event->header.size);
}

static bool is_unsafe(const struct session *session, uint64_t generation)
{
	size_t i;

	for (i = 0; i < session->n_unsafe; i++) {
		if (session->unsafe[i] == generation)
			return true;
	}
	return false;
}

static bool is_needed(void *context, const union event *event)
{
	const struct session *session = context;

	if (event->header.generation)
		return model_find(session->model, event->header.generation) ||
		       is_unsafe(session, event->header.generation);
	if (event->header.type == EVENT_LISTENER)
		return !session_is_idle(session);
	return roster_find(session->roster, event->header.service);
}

/* While it is read, session->journal is NULL: nothing is written twice. */
int session_open_journal(struct session *session)
{
	struct journal_options options = {
		.path = session->options.journal,
		.host = session->options.host,
		.bytes_max = session->options.journal_bytes_max,
		.is_needed = is_needed,
		.context = session,
	};
	struct journal *journal = NULL;
	int err = journal_open(&options, replay, session, &journal);

	session->journal = journal;
	session->events = 0;
	return err;
}

static int apply_replayed(struct session *session)
{
	int err;

	session->is_replaying = true;
	err = session_apply_queued(session);
	session->is_replaying = false;
	return err;
}

/* The programs are new: nobody counted in between. */
static int tell_recorder_gone(struct session *session)
{
	const struct shutdown *shutdown;
	size_t i;
	int err = 0;

	for (i = 0; !err && (shutdown = model_at(session->model, i)); i++) {
		struct target target = target_of(shutdown);

		if (!shutdown->has_ended)
			err = take_loss(session, &target, clock_boot_ns(), LOSS_RECORDER_GONE);
	}
	return err;
}

/* The last collector may not have lived to hear it. */
static void ask_again(struct session *session, const struct shutdown *shutdown)
{
	const struct service_info *service = roster_find(session->roster, shutdown->service);

	if (service && shutdown->has_identity && !shutdown->identity.grace_ns)
		session_ask_grace(session, service, shutdown->generation);
}

/* Those whose snapshot the last collector did not live to take; the others go on. */
static int begin_again(struct session *session)
{
	const struct shutdown *shutdown;
	size_t i;
	int err = 0;

	for (i = 0; !err && (shutdown = model_at(session->model, i)); i++) {
		struct target target = target_of(shutdown);

		if (shutdown->has_ended)
			continue;
		ask_again(session, shutdown);
		if (!shutdown->has_identity)
			err = session_begin(session, &target, shutdown->armed_ns);
		else if (shutdown->is_provisional) /* the store shall know that it still is */
			err = session->options.on_shutdown(session->options.context, shutdown);
		else if (session->options.on_begun)
			session->options.on_begun(session->options.context, shutdown, 0);
	}
	return err;
}

/* Those that the last collector ended, but did not live to forget. */
static void forget_ended(struct session *session)
{
	const struct shutdown *shutdown;
	size_t i;

	for (i = 0; (shutdown = model_at(session->model, i)); i++) {
		struct target target = target_of(shutdown);

		if (!shutdown->has_ended)
			continue;
		probe_disarm(session->probe, &target);
		probe_forget(session->probe, &target);
		if (!shutdown_living(shutdown))
			roster_remove(session->roster, target.service);
	}
}

static bool is_stopping(void *context, uint64_t service)
{
	const struct session *session = context;
	const struct shutdown *shutdown;
	size_t i;

	for (i = 0; (shutdown = model_at(session->model, i)); i++) {
		if (shutdown->service == service)
			return true;
	}
	return false;
}

int session_reconfigure(struct session *session, const struct model_options *spans,
			const struct selectors *targets, const struct selectors *exclusions,
			const struct service_rules *rules)
{
	model_set_options(session->model, spans);
	return roster_reconfigure(session->roster, targets, exclusions, rules, is_stopping,
				  session);
}

int session_resume(struct session *session)
{
	int err = apply_replayed(session);

	forget_ended(session);
	session->known_ring_losses = probe_ring_losses(session->probe);
	if (!err && !probe_is_resumed(session->probe))
		err = tell_recorder_gone(session);
	if (!err)
		err = begin_again(session);
	if (!err)
		err = session_drain(session);
	if (!err)
		err = adopt_stopping(session);
	if (!err)
		err = note_gone(session);
	if (!err)
		err = roster_prune(session->roster, is_stopping, session);
	return err ? err : session_hand_out(session);
}
