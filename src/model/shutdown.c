// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collects what the events say of one shutdown. Owns its processes, listeners and details. Does
 * no arithmetic on them: that is analysis. Events may come in any order within a few
 * milliseconds (two rings, iterators), so nothing here rests on their order.
 */
#include "src/model/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"

#define PROCESSES_MAX 20000
#define LISTENERS_MAX 4096

struct shutdown *shutdown_new(__u64 service, __u64 generation, __u64 armed_ns, size_t details_limit)
{
	struct shutdown *shutdown = calloc(1, sizeof(*shutdown));

	if (!shutdown)
		return NULL;
	shutdown->service = service;
	shutdown->generation = generation;
	shutdown->armed_ns = armed_ns;
	shutdown->last_step_ns = armed_ns;
	shutdown->details_limit = details_limit;
	details_init(&shutdown->details,
		     details_limit > DETAILS_DEFAULT ? details_limit : DETAILS_DEFAULT);
	return shutdown;
}

void shutdown_free(struct shutdown *shutdown)
{
	size_t i;

	if (!shutdown)
		return;
	for (i = 0; i < shutdown->n_processes; i++)
		process_fini(&shutdown->processes[i]);
	free(shutdown->processes);
	free(shutdown->listeners);
	details_fini(&shutdown->details);
	waits_fini(&shutdown->waits);
	free(shutdown);
}

struct process *shutdown_process(const struct shutdown *shutdown, const struct process_id *id)
{
	size_t i;

	for (i = 0; i < shutdown->n_processes; i++) {
		if (process_id_equal(&shutdown->processes[i].id, id))
			return &shutdown->processes[i];
	}
	return NULL;
}

static __u64 latest(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* T0 is the time of what armed it, whichever event is read first. */
static void set_trigger(struct shutdown *shutdown, const union event *event)
{
	if (shutdown->has_trigger)
		return;
	shutdown->trigger = *event;
	shutdown->has_trigger = true;
	shutdown->armed_ns = event->header.at_ns;
}

/*
 * The process, entered if it is new. Returns 0; 1: there are too many, which is counted as a
 * loss; -ENOMEM.
 */
static int process_of(struct shutdown *shutdown, const struct process_id *id,
		      struct process **ret_process)
{
	struct process *found = shutdown_process(shutdown, id);
	int err;

	if (!found) {
		if (shutdown->n_processes >= PROCESSES_MAX) {
			shutdown->losses[LOSS_MEMBERS_FULL]++;
			return 1;
		}
		err = array_reserve((void **)&shutdown->processes, &shutdown->processes_capacity,
				    shutdown->n_processes, sizeof(*shutdown->processes));
		if (err)
			return err;
		found = &shutdown->processes[shutdown->n_processes++];
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it was reserved */
		*found = (struct process){};
		found->id = *id;
	}
	*ret_process = found;
	return 0;
}

static struct listener *listener_find(struct shutdown *shutdown, __u64 cookie)
{
	size_t i;

	for (i = 0; i < shutdown->n_listeners; i++) {
		if (shutdown->listeners[i].cookie == cookie)
			return &shutdown->listeners[i];
	}
	return NULL;
}

/* As process_of(). */
static int listener_of(struct shutdown *shutdown, const struct event_listener *event,
		       struct listener **ret_listener)
{
	struct listener *found = listener_find(shutdown, event->cookie);
	int err;

	if (!found) {
		if (shutdown->n_listeners >= LISTENERS_MAX) {
			shutdown->losses[LOSS_LISTENERS_FULL]++;
			return 1;
		}
		err = array_reserve((void **)&shutdown->listeners, &shutdown->listeners_capacity,
				    shutdown->n_listeners, sizeof(*shutdown->listeners));
		if (err)
			return err;
		found = &shutdown->listeners[shutdown->n_listeners++];
		memset(found, 0, sizeof(*found));
		found->cookie = event->cookie;
		memcpy(found->address, event->address, ADDRESS_BYTES);
		found->netns = event->netns;
		found->port = event->port;
		found->family = event->family;
		found->queued = event->queued;
	}
	*ret_listener = found;
	return 0;
}

static int apply_signal(struct shutdown *shutdown, const union event *event)
{
	struct process *process;
	int err = process_of(shutdown, &event->signal.target, &process);

	if (err)
		return err;
	if (event->signal.flags & SIGNAL_ARMED)
		set_trigger(shutdown, event);
	shutdown->last_step_ns = latest(shutdown->last_step_ns, event->header.at_ns);
	return process_add_signal(process, &event->signal);
}

static int apply_exit(struct shutdown *shutdown, const union event *event)
{
	struct process *process;
	int err = process_of(shutdown, &event->exit.process, &process);

	if (err)
		return err;
	if (event->exit.flags & EXIT_ARMED)
		set_trigger(shutdown, event);
	shutdown->last_step_ns = latest(shutdown->last_step_ns, event->header.at_ns);
	process_set_exit(process, &event->exit);
	return 0;
}

static int apply_listener(struct shutdown *shutdown, const union event *event)
{
	struct listener *listener;
	struct process *holder;
	int err;

	if (event->listener.change == LISTENER_OPENED) {
		shutdown->listens_again = true;
		return 0; /* after T0: none of those that the stop has to close */
	}
	err = listener_of(shutdown, &event->listener, &listener);
	if (err)
		return err;
	if (event->listener.flags & LISTENER_ARMED)
		set_trigger(shutdown, event);
	holder = shutdown_process(shutdown, &event->listener.process);
	if (holder && event->listener.change == LISTENER_LISTED)
		holder->has_listener = true;
	if (event->listener.change == LISTENER_CLOSED) {
		listener->closed_ns = event->header.at_ns;
		shutdown->last_step_ns = latest(shutdown->last_step_ns, event->header.at_ns);
		shutdown->last_served_ns = latest(shutdown->last_served_ns, event->header.at_ns);
	}
	return 0;
}

/* As the kernel counts them in first_closed_ns, which is read at the end only. */
static bool is_closed_by_service(const struct event_connection *event)
{
	bool is_by_app =
		event->closed_by == CLOSED_BY_APP && !(event->flags & CONNECTION_PEER_FIRST);

	return (is_by_app || event->closed_by == CLOSED_BY_EXIT) &&
	       event->at_signal != AT_SIGNAL_NEW && event->outcome != OUTCOME_HANDED_OVER;
}

static void note_left(struct shutdown *shutdown, const struct event_connection *event)
{
	__u64 at_ns = event->header.at_ns;

	shutdown->last_connection_ns = latest(shutdown->last_connection_ns, at_ns);
	if (event->direction == DIRECTION_INBOUND)
		shutdown->last_served_ns = latest(shutdown->last_served_ns, at_ns);
}

static int apply_connection(struct shutdown *shutdown, const struct event_connection *event)
{
	shutdown->has_closed_one |= is_closed_by_service(event);
	if (event->at_signal == AT_SIGNAL_NEW && event->direction == DIRECTION_INBOUND)
		shutdown->last_arrival_ns = latest(shutdown->last_arrival_ns, event->arrived_ns);
	if (!(event->flags & CONNECTION_REVISED)) {
		shutdown->details_seen++;
		if (event->outcome != OUTCOME_OPEN && event->outcome != OUTCOME_HANDED_OVER)
			note_left(shutdown, event);
	}
	return details_add(&shutdown->details, event);
}

static void add_counts(struct counts *sum, const struct counts *c)
{
	int direction, outcome;

	for (direction = 0; direction < DIRECTIONS; direction++) {
		sum->open[direction] += c->open[direction];
		sum->in_flight[direction] += c->in_flight[direction];
		sum->late[direction] += c->late[direction];
		for (outcome = 0; outcome < OUTCOME_SLOTS; outcome++)
			sum->outcomes[direction][outcome] += c->outcomes[direction][outcome];
		sum->last_left_ns[direction] =
			latest(sum->last_left_ns[direction], c->last_left_ns[direction]);
	}
	sum->refused += c->refused;
	sum->refused_handshakes += c->refused_handshakes;
	sum->late_closes += c->late_closes;
	if (c->first_closed_ns &&
	    (!sum->first_closed_ns || c->first_closed_ns < sum->first_closed_ns))
		sum->first_closed_ns = c->first_closed_ns;
	sum->last_in_flight_ns = latest(sum->last_in_flight_ns, c->last_in_flight_ns);
	sum->last_exit_close_ns = latest(sum->last_exit_close_ns, c->last_exit_close_ns);
	sum->last_refused_ns = latest(sum->last_refused_ns, c->last_refused_ns);
}

/* All that are read at one time are one reading, and the last reading counts. */
static void apply_counts(struct shutdown *shutdown, const struct event_counts *event)
{
	if (event->header.at_ns != shutdown->counts_at_ns)
		memset(&shutdown->counts, 0, sizeof(shutdown->counts));
	shutdown->counts_at_ns = event->header.at_ns;
	add_counts(&shutdown->counts, &event->counts);
}

static void apply_ended(struct shutdown *shutdown, const struct event_ended *event)
{
	if (event->flags & ENDED_STORED) {
		shutdown->is_told = true;
		shutdown->is_stored = !(event->flags & ENDED_PROVISIONAL);
		return;
	}
	shutdown->is_provisional = event->flags & ENDED_PROVISIONAL;
	shutdown->are_resets_unseen = event->flags & ENDED_RESETS_UNSEEN;
	shutdown->has_ended = !shutdown->is_provisional;
	shutdown->reason = event->reason;
	shutdown->ended_ns = event->header.at_ns;
	details_sort(&shutdown->details);
}

static int apply(struct shutdown *shutdown, const union event *event)
{
	struct process *process;
	int err = 0;

	switch (event->header.type) {
	case EVENT_SIGNAL:
		return apply_signal(shutdown, event);
	case EVENT_DELIVERED:
		err = process_of(shutdown, &event->delivered.process, &process);
		if (!err)
			process_set_delivered(process, &event->delivered);
		return err;
	case EVENT_PROCESS:
		err = process_of(shutdown, &event->process.process, &process);
		if (!err)
			process_set_identity(process, &event->process);
		return err;
	case EVENT_EXIT:
		return apply_exit(shutdown, event);
	case EVENT_PROGRAM:
		err = process_of(shutdown, &event->program.process, &process);
		return err ? err : process_set_program(process, &event->program);
	case EVENT_KNOWN:
		err = process_of(shutdown, &event->known.process, &process);
		if (!err)
			process_set_known(process, &event->known);
		return err;
	case EVENT_ARGUMENTS:
		err = process_of(shutdown, &event->arguments.process, &process);
		return err ? err : process_set_arguments(process, &event->arguments);
	case EVENT_LISTENER:
		return apply_listener(shutdown, event);
	case EVENT_CONNECTION:
		return apply_connection(shutdown, &event->connection);
	case EVENT_SERVICE:
		shutdown->identity = event->service;
		shutdown->has_identity = true;
		return 0;
	case EVENT_COUNTS:
		apply_counts(shutdown, &event->counts);
		return 0;
	case EVENT_LOSS:
		shutdown->losses[event->loss.cause] += event->loss.events;
		return 0;
	case EVENT_WAIT:
		return waits_add(&shutdown->waits, &event->wait);
	case EVENT_ENDED:
		apply_ended(shutdown, &event->ended);
		return 0;
	default:
		return 0;
	}
}

int shutdown_apply(struct shutdown *shutdown, const union event *event)
{
	int err = apply(shutdown, event);

	return err > 0 ? 0 : err;
}

void shutdown_note_reopened(struct shutdown *shutdown, const struct event_listener *event)
{
	size_t i;

	for (i = 0; i < shutdown->n_listeners; i++) {
		struct listener *listener = &shutdown->listeners[i];

		if (listener->closed_ns && !listener->reopened_ns &&
		    listener->port == event->port && listener->netns == event->netns &&
		    !memcmp(listener->address, event->address, ADDRESS_BYTES))
			listener->reopened_ns = event->header.at_ns;
	}
}

size_t shutdown_living(const struct shutdown *shutdown)
{
	size_t i, living = 0;

	for (i = 0; i < shutdown->n_processes; i++)
		living += !shutdown->processes[i].has_ended;
	return living;
}

bool shutdown_is_by_itself(const struct shutdown *shutdown)
{
	return shutdown->has_trigger && shutdown->trigger.header.type == EVENT_LISTENER;
}

bool shutdown_is_listening(const struct shutdown *shutdown)
{
	size_t i;

	for (i = 0; i < shutdown->n_listeners; i++) {
		if (!shutdown->listeners[i].closed_ns)
			return true;
	}
	return shutdown->listens_again;
}

static bool is_trigger(const struct shutdown *shutdown, size_t listener)
{
	return shutdown_is_by_itself(shutdown) &&
	       shutdown->listeners[listener].cookie == shutdown->trigger.listener.cookie;
}

bool shutdown_has_acted(const struct shutdown *shutdown)
{
	return shutdown_living(shutdown) < shutdown->n_processes || shutdown_has_closed(shutdown);
}

bool shutdown_has_closed(const struct shutdown *shutdown)
{
	size_t i;

	if (shutdown->counts.first_closed_ns || shutdown->has_closed_one)
		return true;
	for (i = 0; i < shutdown->n_listeners; i++) {
		if (shutdown->listeners[i].closed_ns && !is_trigger(shutdown, i))
			return true;
	}
	return false;
}
