// SPDX-License-Identifier: GPL-2.0-only
/* Each function is one row of the table of times. All are pure. */
#include "src/analysis/timing.h"

int64_t timing_since_stop(const struct shutdown *shutdown, __u64 at_ns)
{
	if (!at_ns)
		return TIME_UNKNOWN;
	return at_ns > shutdown->armed_ns ? (int64_t)(at_ns - shutdown->armed_ns) : 0;
}

/* 0 means unknown on either side. */
static __u64 earliest(__u64 a, __u64 b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

static __u64 latest(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* A stop signal from outside the service reached a handler. */
static __u64 reacted_at(const struct shutdown *s)
{
	__u64 first = 0;
	size_t p, i;

	for (p = 0; p < s->n_processes; p++) {
		for (i = 0; i < s->processes[p].n_signals; i++) {
			const struct process_signal *signal = &s->processes[p].signals[i];

			if (!(signal->event.flags & SIGNAL_FROM_MEMBER) ||
			    process_id_equal(&signal->event.sender, &signal->event.target))
				first = earliest(first, signal->delivered_ns);
		}
	}
	return first;
}

/* A member signalled another one. */
static __u64 passed_on_at(const struct shutdown *s)
{
	__u64 first = 0;
	size_t p, i;

	for (p = 0; p < s->n_processes; p++) {
		for (i = 0; i < s->processes[p].n_signals; i++) {
			const struct event_signal *signal = &s->processes[p].signals[i].event;

			if (signal->flags & SIGNAL_FROM_MEMBER &&
			    !process_id_equal(&signal->sender, &signal->target))
				first = earliest(first, signal->header.at_ns);
		}
	}
	return first;
}

static __u64 first_action_at(const struct shutdown *s)
{
	__u64 first = earliest(s->counts.first_closed_ns, passed_on_at(s));
	size_t i;

	for (i = 0; i < s->n_listeners; i++)
		first = earliest(first, s->listeners[i].closed_ns);
	for (i = 0; i < s->n_processes; i++)
		first = earliest(first, s->processes[i].ended_ns);
	return first;
}

static __u64 last_listener_closed_at(const struct shutdown *s)
{
	__u64 last = 0;
	size_t i;

	for (i = 0; i < s->n_listeners; i++)
		last = latest(last, s->listeners[i].closed_ns);
	return last;
}

/* The service takes no new connections: 0 while a listener is open. */
static __u64 not_accepting_at(const struct shutdown *s)
{
	size_t i;

	for (i = 0; i < s->n_listeners; i++) {
		if (!s->listeners[i].closed_ns)
			return 0;
	}
	return last_listener_closed_at(s);
}

static __u64 drained_at(const struct shutdown *s)
{
	const __u32 *outcomes = s->counts.outcomes[DIRECTION_INBOUND];

	if (outcomes[OUTCOME_OPEN] || outcomes[OUTCOME_HANDED_OVER])
		return 0;
	return s->counts.last_left_ns[DIRECTION_INBOUND];
}

/*
 * The last request in flight at T0 was answered, or its connection left: what left the kernel has
 * counted, of what is open the details tell. 0: none was, or one has no answer yet.
 */
static __u64 answered_at(const struct shutdown *s)
{
	__u64 last = s->counts.last_in_flight_ns;
	size_t i;

	for (i = 0; i < s->details.count; i++) {
		const struct event_connection *e = &s->details.items[i];

		if (e->outcome != OUTCOME_OPEN || e->direction != DIRECTION_INBOUND ||
		    e->at_signal != AT_SIGNAL_IN_FLIGHT)
			continue;
		if (!(e->flags & CONNECTION_ANSWERED) || e->unacked_bytes)
			return 0;
		last = latest(last, e->last_data_ns);
	}
	return last;
}

/* The last process ended and its sockets are closed; 0 while a process lives. */
static __u64 over_at(const struct shutdown *s)
{
	__u64 last = 0;
	size_t i;

	for (i = 0; i < s->n_processes; i++) {
		if (!s->processes[i].has_ended)
			return 0;
		last = latest(last, s->processes[i].ended_ns);
	}
	if (!last)
		return 0;
	return latest(last, latest(s->counts.last_exit_close_ns, last_listener_closed_at(s)));
}

/* From the last listener's close until each closed address was open again. */
static int64_t dark(const struct shutdown *s)
{
	__u64 closed = last_listener_closed_at(s);
	__u64 reopened = 0;
	size_t i;

	for (i = 0; i < s->n_listeners; i++)
		reopened = latest(reopened, s->listeners[i].reopened_ns);
	if (!closed || !reopened)
		return TIME_UNKNOWN;
	return reopened > closed ? (int64_t)(reopened - closed) : 0;
}

static int64_t cleanup(const struct record_timing *timing)
{
	int64_t last = 0;

	if (timing->total_ns == TIME_UNKNOWN)
		return TIME_UNKNOWN;
	if (timing->accepting_ns > last)
		last = timing->accepting_ns;
	if (timing->drain_ns > last)
		last = timing->drain_ns;
	return timing->total_ns > last ? timing->total_ns - last : 0;
}

struct record_timing timing_of(const struct shutdown *s)
{
	struct record_timing timing = {
		.react_ns = timing_since_stop(s, reacted_at(s)),
		.first_action_ns = timing_since_stop(s, first_action_at(s)),
		.accepting_ns = timing_since_stop(s, not_accepting_at(s)),
		.in_flight_ns = timing_since_stop(s, answered_at(s)),
		.drain_ns = timing_since_stop(s, drained_at(s)),
		.total_ns = timing_since_stop(s, over_at(s)),
		.dark_ns = dark(s),
		.grace_ns = s->has_identity && s->identity.grace_ns ? (int64_t)s->identity.grace_ns
								    : TIME_UNKNOWN,
	};

	timing.cleanup_ns = cleanup(&timing);
	return timing;
}
