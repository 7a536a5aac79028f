// SPDX-License-Identifier: GPL-2.0-only
/* Findings on what became of connections. Those that came too late: findings_arrival.c. */
#include "src/analysis/findings_rows.h"

#include <string.h>

#include "src/base/cleanup.h"

static uint64_t inbound(const struct record *record, enum connection_outcome outcome)
{
	return record->directions[DIRECTION_INBOUND].outcomes[outcome];
}

/* The first inbound connection with that outcome in the details; NULL: none is told. */
static const struct record_connection *first_of(const struct record *record,
						enum connection_outcome outcome)
{
	for (size_t i = 0; i < record->n_details; i++) {
		if (record->details[i].direction == DIRECTION_INBOUND &&
		    record->details[i].outcome == outcome)
			return &record->details[i];
	}
	return NULL;
}

static void tell_owner(const struct record *record, struct finding *finding,
		       const struct record_connection *connection)
{
	const struct record_process *process =
		connection ? record_process_find(record, connection->pid) : NULL;

	if (process)
		finding_process(finding, process);
}

/* All that ended so: counted, the first one's owner, and advice for the server. */
static uint64_t tell_outcome(const struct record *record, struct finding *finding,
			     enum connection_outcome outcome)
{
	uint64_t count = inbound(record, outcome);

	if (!count)
		return 0;
	finding_count(finding, "connections", count);
	tell_owner(record, finding, first_of(record, outcome));
	return count;
}

FINDING_ROW(accept_queue_dropped)
{
	uint64_t dropped = tell_outcome(record, finding, OUTCOME_UNACCEPTED);
	uint64_t queued = 0;

	if (!dropped)
		return false;
	for (size_t i = 0; i < record->n_listeners; i++)
		queued += record->listeners[i].queued_at_signal;
	finding_count(finding, "queued_at_signal", queued);
	finding_seconds(finding, "accepting_s", record->timing.accepting_ns);
	finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
	SAY(finding,
	    "%ju connection%s waited in the accept queue, and %s reset when the listener closed",
	    (uintmax_t)dropped, PLURAL(dropped), dropped == 1 ? "was" : "were");
	return true;
}

/* How long it waited in the queue after T0; 0: it is not told. */
static int64_t queued_for(const struct record_connection *c)
{
	if (c->direction != DIRECTION_INBOUND || c->outcome != OUTCOME_UNACCEPTED ||
	    c->closed_at_ns == TIME_UNKNOWN)
		return 0;
	return c->arrived_at_ns == TIME_UNKNOWN ? c->closed_at_ns
						: c->closed_at_ns - c->arrived_at_ns;
}

FINDING_ROW(accept_stalled)
{
	uint64_t stalled = 0;
	int64_t longest = 0;

	for (size_t i = 0; i < record->n_details; i++) {
		int64_t waited = queued_for(&record->details[i]);

		stalled += waited >= ACCEPT_SLOW_NS;
		longest = waited > longest ? waited : longest;
	}
	if (!stalled)
		return false;
	finding_count(finding, "connections", stalled);
	finding_count(finding, "unaccepted", inbound(record, OUTCOME_UNACCEPTED));
	finding_seconds(finding, "waited_s", longest);
	finding_seconds(finding, "accepting_s", record->timing.accepting_ns);
	finding_advise(record, finding, record_program(record), longest);
	SAY(finding,
	    "the listener stayed open and nobody accepted: %s%ju connection%s waited up to %s in "
	    "vain",
	    record_at_least(record, DIRECTION_INBOUND, OUTCOME_UNACCEPTED), (uintmax_t)stalled,
	    PLURAL(stalled), SPAN(longest));
	return true;
}

/* Resets of accepted inbound connections, with or without data that nobody had read. */
static uint64_t tell_resets(const struct record *record, struct finding *finding, bool is_unread)
{
	const struct record_connection *first = NULL;
	uint64_t resets = 0, bytes = 0;

	for (size_t i = 0; i < record->n_details; i++) {
		const struct record_connection *c = &record->details[i];

		if (c->direction != DIRECTION_INBOUND || c->outcome != OUTCOME_RESET ||
		    (c->unread_bytes > 0) != is_unread)
			continue;
		/* At exit, without unread data, who knows: only close() proves the option. */
		if (!is_unread && c->closed_by != CLOSED_BY_APP)
			continue;
		first = first ? first : c;
		resets++;
		bytes += c->unread_bytes;
	}
	if (!resets)
		return 0;
	finding_count(finding, "connections", resets);
	if (is_unread)
		finding_count(finding, "unread_bytes", bytes);
	tell_owner(record, finding, first);
	finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
	return resets;
}

FINDING_ROW(aborted_unread_data)
{
	uint64_t resets = tell_resets(record, finding, true);

	if (!resets)
		return false;
	SAY(finding,
	    "%s%ju connection%s reset: the service closed %s with data of the client unread",
	    record_at_least(record, DIRECTION_INBOUND, OUTCOME_RESET), (uintmax_t)resets,
	    resets == 1 ? " was" : "s were", resets == 1 ? "it" : "them");
	return true;
}

FINDING_ROW(aborted_linger)
{
	uint64_t resets = tell_resets(record, finding, false);

	if (!resets)
		return false;
	SAY(finding,
	    "%s%ju connection%s reset by a close with nothing unread: SO_LINGER with a time of 0, "
	    "or an abort",
	    record_at_least(record, DIRECTION_INBOUND, OUTCOME_RESET), (uintmax_t)resets,
	    resets == 1 ? " was" : "s were");
	return true;
}

FINDING_ROW(keepalive_close_race)
{
	uint64_t races = tell_outcome(record, finding, OUTCOME_LATE_RESET);

	if (!races)
		return false;
	finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
	SAY(finding,
	    "%ju keep-alive connection%s closed before the client sent its next request, which "
	    "was answered by a reset",
	    (uintmax_t)races, races == 1 ? " was" : "s were");
	return true;
}

/* Without a handler there is none that could call exit(). */
#define WAIT_FOR_THEM "Wait for the requests in flight before the process ends."

static bool has_handler(const struct record *record)
{
	for (size_t i = 0; i < record->n_processes; i++) {
		if (process_heard(record, &record->processes[i]))
			return true;
	}
	return false;
}

static bool has_advice_of_its_own(enum program program)
{
	return program != PROGRAM_UNKNOWN && program < PROGRAM_PYTHON;
}

/* It is but a consequence: of a crash, a kill, a lack of patience, or of no handler. */
static void advise_cut_off(const struct record *record, struct finding *finding)
{
	static const char *const causes[] = {
		"crashed_unasked",
		"crash_during_drain",
		"oom_killed",
		"killed_without_stop_signal",
		"no_handler",
		"unhandled_stop_signal_core",
		"grace_exceeded",
		"killed_by_supervisor",
		"killed_by_pidns_teardown",
		"stop_signal_escalated",
	};
	int64_t forced = record_forced_at(record);

	if (finding_advise_by_cause(record, finding, causes, ARRAY_SIZE(causes)))
		return;
	if (record_was_draining(record, forced))
		finding_advise_as(record, finding, "grace_exceeded", forced);
	else if (record->trigger_signal == SIGKILL)
		finding_advise_as(record, finding, "killed_without_stop_signal", TIME_UNKNOWN);
	else if (!has_handler(record) && !has_advice_of_its_own(record_program(record)))
		finding_set_advice(finding, strdup(WAIT_FOR_THEM));
	else
		finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
}

FINDING_ROW(cut_off_at_exit)
{
	uint64_t abandoned = tell_outcome(record, finding, OUTCOME_ABANDONED);

	if (!abandoned)
		return false;
	finding_seconds(finding, "total_s", record->timing.total_ns);
	advise_cut_off(record, finding);
	SAY(finding, "a process ended with %ju connection%s in flight: the kernel closed %s",
	    (uintmax_t)abandoned, PLURAL(abandoned), abandoned == 1 ? "it" : "them");
	return true;
}

/*
 * Whose clients had closed their side before: who hangs up looks just like who half closes and
 * waits for the answer. Of those in the details.
 */
static uint64_t peers_first(const struct record *record, enum connection_outcome outcome)
{
	uint64_t count = 0;

	for (size_t i = 0; i < record->n_details; i++)
		count += record->details[i].direction == DIRECTION_INBOUND &&
			 record->details[i].outcome == outcome && record->details[i].is_peer_first;
	return count;
}

#define GAVE_UP                                                                                    \
	"If these clients gave up, nothing is to change in the stop: see why the answers took "    \
	"longer than they wait. If they only half close, as some proxies do, let the service "     \
	"answer all the same."

FINDING_ROW(requests_cut)
{
	uint64_t cut = tell_outcome(record, finding, OUTCOME_CUT);
	uint64_t left = peers_first(record, OUTCOME_CUT);
	struct text text;

	if (!cut)
		return false;
	if (left == cut)
		finding_set_advice(finding, strdup(GAVE_UP));
	else
		finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
	text_init(&text);
	text_addf(&text, "the service closed %ju connection%s without answering the last request",
		  (uintmax_t)cut, PLURAL(cut));
	if (left) {
		finding_count(finding, "client_closed_first", left);
		text_addf(&text,
			  "; of %s%ju the client had closed its side before: it gave up, or waited "
			  "for the answer with its own side closed",
			  record_at_least(record, DIRECTION_INBOUND, OUTCOME_CUT), (uintmax_t)left);
	}
	finding_say(finding, &text);
	return true;
}

FINDING_ROW(outbound_left_open)
{
	uint64_t left = record->directions[DIRECTION_OUTBOUND].outcomes[OUTCOME_LEFT_OPEN];

	if (!left)
		return false;
	finding_count(finding, "connections", left);
	finding_advise(record, finding, record_program(record), TIME_UNKNOWN);
	SAY(finding, "%ju outbound connection%s left for the kernel to close at the exit",
	    (uintmax_t)left, left == 1 ? " was" : "s were");
	return true;
}
