// SPDX-License-Identifier: GPL-2.0-only
/*
 * Findings on what took the time: which connections kept the drain going, and what came after.
 *
 * A drain was blocked if it took long, or until somebody killed the service, or if it goes on.
 */
#include "src/analysis/findings_rows.h"

#include "src/base/cleanup.h"

/* What kept it going: connections of one direction that had this state at T0. */
struct blocker {
	enum direction direction;
	enum at_signal at_signal;
};

struct blocked {
	int64_t waited_ns; /* TIME_UNKNOWN: it goes on */
	bool was_killed;
	uint64_t connections;
};

static uint64_t outcomes(const struct record *record, enum direction direction,
			 enum connection_outcome outcome)
{
	return record->directions[direction].outcomes[outcome];
}

/* How many of that direction and state left with that outcome, as far as the details tell. */
static uint64_t details_of(const struct record *record, struct blocker blocker,
			   enum connection_outcome outcome, int64_t since_ns)
{
	uint64_t found = 0;

	for (size_t i = 0; i < record->n_details; i++) {
		const struct record_connection *c = &record->details[i];

		found += c->direction == blocker.direction && c->at_signal == blocker.at_signal &&
			 (outcome == OUTCOME_NONE || c->outcome == outcome) &&
			 (since_ns == TIME_UNKNOWN || c->closed_at_ns >= since_ns);
	}
	return found;
}

/* Clients that nobody took until the end; those that a closing listener dropped were gone. */
static uint64_t queued_at_kill(const struct record *record, int64_t forced_ns)
{
	int64_t accepting_ns = record->timing.accepting_ns;

	if (accepting_ns != TIME_UNKNOWN && accepting_ns < forced_ns)
		return 0;
	return outcomes(record, DIRECTION_INBOUND, OUTCOME_UNACCEPTED);
}

/* It was idle by then, or had been dropped before: nobody was at work for it. */
static bool is_done_with(const struct record_connection *c)
{
	return c->outcome == OUTCOME_LEFT_OPEN || c->outcome == OUTCOME_CUT ||
	       c->outcome == OUTCOME_RESET;
}

/* Inbound ones that were in flight at T0 and went on after the kill. */
static uint64_t left_by_themselves(const struct record *record, int64_t forced_ns)
{
	uint64_t found = 0;

	for (size_t i = 0; i < record->n_details; i++) {
		const struct record_connection *c = &record->details[i];

		found += c->direction == DIRECTION_INBOUND && c->at_signal == AT_SIGNAL_IN_FLIGHT &&
			 c->closed_at_ns >= forced_ns && !is_done_with(c);
	}
	return found;
}

/*
 * What was in flight then is abandoned, what was idle is left open: the
 * outcomes say so themselves. Idle ones block only if nothing in flight does.
 */
static uint64_t held_at_kill(const struct record *record, struct blocker blocker, int64_t forced_ns)
{
	uint64_t active = outcomes(record, DIRECTION_INBOUND, OUTCOME_ABANDONED);
	uint64_t idle = outcomes(record, DIRECTION_INBOUND, OUTCOME_LEFT_OPEN);
	uint64_t queued = queued_at_kill(record, forced_ns);

	if (blocker.direction == DIRECTION_OUTBOUND)
		return active || idle || queued
			       ? 0
			       : outcomes(record, DIRECTION_OUTBOUND, OUTCOME_ABANDONED);
	/* Of who was not killed itself, as a worker, the clients stayed until they left. */
	if (!active)
		active = left_by_themselves(record, forced_ns);
	if (blocker.at_signal == AT_SIGNAL_IN_FLIGHT)
		return active;
	if (!idle)
		idle = details_of(record, blocker, OUTCOME_NONE, forced_ns);
	return active || queued ? 0 : idle;
}

/* It lives on: what is open still, as it was at T0. */
static uint64_t held_still(const struct record *record, struct blocker blocker)
{
	static const struct blocker in_flight = { DIRECTION_INBOUND, AT_SIGNAL_IN_FLIGHT };

	if (blocker.direction == DIRECTION_OUTBOUND)
		return outcomes(record, DIRECTION_INBOUND, OUTCOME_OPEN)
			       ? 0
			       : details_of(record, blocker, OUTCOME_OPEN, TIME_UNKNOWN);
	if (blocker.at_signal == AT_SIGNAL_IDLE &&
	    (record->details_omitted || details_of(record, in_flight, OUTCOME_OPEN, TIME_UNKNOWN)))
		return 0;
	return details_of(record, blocker, OUTCOME_OPEN, TIME_UNKNOWN);
}

/* It ended by itself, late: the last inbound connection to leave tells what it waited for. */
static uint64_t held_last(const struct record *record, struct blocker blocker)
{
	const struct record_timing *timing = &record->timing;
	int64_t since = timing->drain_ns - SAME_INSTANT_NS;
	uint64_t found;

	/* What the exit closed, nobody had waited for. */
	if (blocker.at_signal == AT_SIGNAL_IDLE)
		return details_of(record, blocker, OUTCOME_IDLE, since) +
		       details_of(record, blocker, OUTCOME_PEER_CLOSED, since);
	if (timing->in_flight_ns == TIME_UNKNOWN || timing->in_flight_ns < DRAIN_SLOW_NS ||
	    (timing->grace_ns != TIME_UNKNOWN &&
	     timing->in_flight_ns < timing->grace_ns / DRAIN_SLOW_PART))
		return 0;
	found = details_of(record, blocker, OUTCOME_NONE, timing->in_flight_ns - SAME_INSTANT_NS);
	return found ? found : 1;
}

/* The answer to a question of its own came late, and the end with it. */
static uint64_t waited_for_answer(const struct record *record, struct blocker blocker)
{
	const struct record_timing *timing = &record->timing;
	int64_t since =
		timing->total_ns == TIME_UNKNOWN ? TIME_UNKNOWN : timing->total_ns - CHANCE_NS;

	if (since == TIME_UNKNOWN || since < DRAIN_SLOW_NS ||
	    (timing->drain_ns != TIME_UNKNOWN && timing->drain_ns > since))
		return 0;
	return details_of(record, blocker, OUTCOME_NONE, since);
}

static bool is_blocked(const struct record *record, struct blocker blocker, struct blocked *ret)
{
	const struct record_timing *timing = &record->timing;
	int64_t forced = record_forced_at(record);

	*ret = (struct blocked){ .waited_ns = TIME_UNKNOWN };
	if (forced != TIME_UNKNOWN) {
		ret->waited_ns = forced;
		ret->was_killed = true;
		ret->connections = record_was_draining(record, forced)
					   ? held_at_kill(record, blocker, forced)
					   : 0;
	} else if (record->verdict == VERDICT_DRAINING) {
		ret->connections = held_still(record, blocker);
	} else if (blocker.direction == DIRECTION_OUTBOUND) {
		ret->waited_ns = timing->total_ns;
		ret->connections = waited_for_answer(record, blocker);
	} else if (timing->drain_ns != TIME_UNKNOWN && timing->drain_ns >= DRAIN_SLOW_NS) {
		ret->waited_ns = timing->drain_ns;
		if (blocker.at_signal == AT_SIGNAL_IN_FLIGHT)
			ret->waited_ns = timing->in_flight_ns;
		ret->connections = held_last(record, blocker);
	}
	return ret->connections > 0;
}

/* The kernel counted what it closed at the end of who was killed; all else is from the details. */
static const char *at_least(const struct record *record, struct blocker blocker,
			    const struct blocked *blocked)
{
	bool is_busy = blocker.at_signal == AT_SIGNAL_IN_FLIGHT;

	if (blocked->was_killed &&
	    outcomes(record, blocker.direction, is_busy ? OUTCOME_ABANDONED : OUTCOME_LEFT_OPEN))
		return "";
	return record_at_least(record, blocker.direction, OUTCOME_NONE);
}

/* It ended by itself, late, and everybody had what they had asked for. */
static bool is_long_and_lossless(const struct record *record, const struct blocked *blocked)
{
	return !blocked->was_killed && blocked->waited_ns != TIME_UNKNOWN &&
	       record->timing.grace_ns == TIME_UNKNOWN && !record_dropped(record);
}

/* Who lost nobody needs that time once more: a limit would only cut off the next ones. */
static void advise_time(struct finding *finding, int64_t ns)
{
	struct text text;

	text_init(&text);
	text_addf(&text,
		  "Nobody was lost: let whatever stops it wait for longer than %s before it kills "
		  "it (TimeoutStopSec, docker stop --time, terminationGracePeriodSeconds), and let "
		  "no time limit of the program be shorter.",
		  SPAN(ns));
	finding_set_advice(finding, text_take(&text));
}

/* Killed with the end of its main process, not because its time was over, no limit helps it. */
static void advise_blocked(const struct record *record, struct finding *finding,
			   struct blocker blocker, const struct blocked *blocked)
{
	static const char *const causes[] = { "killed_by_supervisor" };

	if (blocker.direction == DIRECTION_INBOUND && blocker.at_signal == AT_SIGNAL_IN_FLIGHT &&
	    is_long_and_lossless(record, blocked))
		advise_time(finding, blocked->waited_ns);
	else if (!blocked->was_killed || record->timing.grace_ns != TIME_UNKNOWN ||
		 !finding_advise_by_cause(record, finding, causes, ARRAY_SIZE(causes)))
		finding_advise(record, finding, record_program(record), blocked->waited_ns);
}

static bool tell_blocked(const struct record *record, struct finding *finding,
			 struct blocker blocker, const char *what)
{
	struct blocked blocked;
	struct text text;

	if (!is_blocked(record, blocker, &blocked))
		return false;
	finding_count(finding, "connections", blocked.connections);
	finding_seconds(finding, "blocked_s", blocked.waited_ns);
	finding_seconds(finding, "grace_s", record->timing.grace_ns);
	advise_blocked(record, finding, blocker, &blocked);
	text_init(&text);
	text_addf(&text, "%s%ju %s connection%s kept the service ",
		  at_least(record, blocker, &blocked), (uintmax_t)blocked.connections, what,
		  PLURAL(blocked.connections));
	if (blocked.waited_ns == TIME_UNKNOWN)
		text_add(&text, "from ending: it is still draining");
	else
		text_addf(&text,
			  blocked.was_killed ? "until it was killed, %s after the signal"
					     : "for %s",
			  SPAN(blocked.waited_ns));
	finding_add_wait(&text, record, WAIT_IN_ALL);
	finding_say(finding, &text);
	return true;
}

FINDING_ROW(drain_blocked_active)
{
	return tell_blocked(record, finding,
			    (struct blocker){ DIRECTION_INBOUND, AT_SIGNAL_IN_FLIGHT },
			    "busy inbound");
}

FINDING_ROW(drain_blocked_idle)
{
	return tell_blocked(record, finding, (struct blocker){ DIRECTION_INBOUND, AT_SIGNAL_IDLE },
			    "idle or streaming inbound");
}

FINDING_ROW(drain_blocked_outbound)
{
	return tell_blocked(record, finding,
			    (struct blocker){ DIRECTION_OUTBOUND, AT_SIGNAL_IN_FLIGHT },
			    "unanswered outbound");
}

/*
 * How long it took to end with no client that it could have waited for: the clean-up of timing, and
 * before that what it spent with idle clients that its exit closed. TIME_UNKNOWN: it was killed.
 */
static int64_t alone_for(const struct record *record)
{
	const struct record_timing *timing = &record->timing;
	int64_t last = timing->accepting_ns;

	if (timing->cleanup_ns == TIME_UNKNOWN || record->details_omitted ||
	    !outcomes(record, DIRECTION_INBOUND, OUTCOME_LEFT_OPEN) ||
	    record->verdict == VERDICT_FORCED || last == TIME_UNKNOWN)
		return timing->cleanup_ns;
	for (size_t i = 0; i < record->n_details; i++) {
		const struct record_connection *c = &record->details[i];

		if (c->direction == DIRECTION_INBOUND && c->outcome != OUTCOME_LEFT_OPEN &&
		    c->closed_at_ns > last)
			last = c->closed_at_ns;
	}
	return timing->total_ns - last;
}

FINDING_ROW(slow_cleanup)
{
	const struct record_timing *timing = &record->timing;
	struct text text;

	int64_t cleanup = alone_for(record);

	if (cleanup == TIME_UNKNOWN || cleanup < CLEANUP_SLOW_NS ||
	    cleanup < timing->total_ns / CLEANUP_SLOW_PART)
		return false;
	/* Without clients there is no telling work from tidying up. */
	if (timing->accepting_ns == TIME_UNKNOWN && timing->drain_ns == TIME_UNKNOWN)
		return false;
	finding_seconds(finding, "cleanup_s", cleanup);
	finding_seconds(finding, "total_s", timing->total_ns);
	finding_advise(record, finding, record_program(record), cleanup);
	text_init(&text);
	if (cleanup == timing->cleanup_ns)
		text_add(&text, "after its last client was gone the service took ");
	else
		text_add(&text, "with idle clients alone, which it left open, the service took ");
	text_addf(&text, "%s more to end, of %s in all", SPAN(cleanup), SPAN(timing->total_ns));
	finding_add_wait(&text, record,
			 cleanup == timing->cleanup_ns ? WAIT_IN_CLEANUP : WAIT_IN_ALL);
	finding_say(finding, &text);
	return true;
}
