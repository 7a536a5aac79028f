// SPDX-License-Identifier: GPL-2.0-only
/*
 * Findings on clients that came too late, and on those that found no listener.
 *
 * How long clients go on coming is known only if they stopped before the observation did: else
 * what was measured is how long somebody looked, and no advice may have a value from that.
 */
#include "src/analysis/findings_rows.h"

#include <stdlib.h>

#include "src/base/cleanup.h"

static uint64_t refused(const struct record *record)
{
	return record->refused + record->refused_handshakes;
}

/* Of all who came too late the last one: what helps it helps those before. */
static int64_t last_client(const struct record *record)
{
	int64_t arrival = record->last_arrival_at_ns, last = record->last_refused_at_ns;

	return last == TIME_UNKNOWN || (arrival != TIME_UNKNOWN && arrival > last) ? arrival : last;
}

/* Nobody came any more for as long as would have been seen, had they gone on. */
static bool has_fallen_silent(const struct record *record, int64_t last_ns)
{
	uint64_t clients = refused(record) + record->directions[DIRECTION_INBOUND].late;
	int64_t silence_ns = record->observed_ns - last_ns;

	return silence_ns >= SILENCE_NS &&
	       (double)silence_ns * (double)clients >= SILENCE_GAPS * (double)last_ns;
}

/* Between two instances nobody has to come later: the port was closed for too long. */
static bool was_dark(const struct record *record)
{
	return record->timing.dark_ns != TIME_UNKNOWN && record->timing.dark_ns > 0 &&
	       refused(record);
}

static void add_that_they_still_came(const struct record *record, struct finding *finding,
				     int64_t last_ns)
{
	_cleanup_free_ char *advice = TAKE_PTR(finding->advice);
	struct text text;

	if (!advice)
		return;
	text_init(&text);
	text_addf(&text,
		  "%s How long clients come is not known: they still came %s before the end of the "
		  "observation, which took %s; a longer settle time would tell.",
		  advice, SPAN(record->observed_ns - last_ns), SPAN(record->observed_ns));
	finding_set_advice(finding, text_take(&text));
}

/* Clients that come for long do not know that it stops: no wait is long enough for them. */
static void advise_arrivals(const struct record *record, struct finding *finding)
{
	int64_t last = last_client(record);
	bool is_known = last != TIME_UNKNOWN && record->observed_ns != TIME_UNKNOWN;
	bool is_over = is_known && has_fallen_silent(record, last);

	if (was_dark(record)) {
		finding_advise_as(record, finding, "port_dark", record->timing.dark_ns);
		return;
	}
	finding_advise(record, finding, record_program(record),
		       is_over && last <= WAIT_MAX_NS ? last : TIME_UNKNOWN);
	if (is_known && !is_over)
		add_that_they_still_came(record, finding, last);
}

/* It went on for a while after it had closed its listener; TIME_UNKNOWN: that is not known. */
static int64_t worked_on_for(const struct record *record)
{
	const struct record_timing *timing = &record->timing;

	if (timing->accepting_ns == TIME_UNKNOWN || timing->total_ns == TIME_UNKNOWN)
		return TIME_UNKNOWN;
	return timing->total_ns - timing->accepting_ns;
}

FINDING_ROW(listener_closed_too_early)
{
	const struct record_timing *timing = &record->timing;
	int64_t worked_on = worked_on_for(record);
	int64_t last = record->last_refused_at_ns;

	if (!refused(record) || last == TIME_UNKNOWN || worked_on == TIME_UNKNOWN ||
	    worked_on < CLOSED_EARLY_NS || last <= timing->accepting_ns)
		return false;
	finding_count(finding, "refused", refused(record));
	finding_seconds(finding, "accepting_s", timing->accepting_ns);
	finding_seconds(finding, "last_refused_s", last);
	finding_seconds(finding, "worked_on_s", worked_on);
	advise_arrivals(record, finding);
	SAY(finding,
	    "the listener closed %s after the signal while clients kept arriving for %s; the "
	    "service worked on for %s and refused %ju",
	    SPAN(timing->accepting_ns), SPAN(last), SPAN(worked_on), (uintmax_t)refused(record));
	return true;
}

FINDING_ROW(refused_after_listener_close)
{
	int64_t last = record->last_refused_at_ns;

	if (!refused(record))
		return false;
	finding_count(finding, "refused", record->refused);
	finding_count(finding, "refused_handshakes", record->refused_handshakes);
	finding_seconds(finding, "last_refused_s", last);
	advise_arrivals(record, finding);
	if (last == TIME_UNKNOWN)
		SAY(finding, "%ju connection attempt%s found the listener closed",
		    (uintmax_t)refused(record), PLURAL(refused(record)));
	else
		SAY(finding,
		    "%ju connection attempt%s found the listener closed, the last one %s after "
		    "the signal",
		    (uintmax_t)refused(record), PLURAL(refused(record)), SPAN(last));
	return true;
}

FINDING_ROW(late_arrivals)
{
	uint64_t late = record->directions[DIRECTION_INBOUND].late;
	int64_t last = record->last_arrival_at_ns;

	if (!late)
		return false;
	finding_count(finding, "late", late);
	finding_seconds(finding, "last_arrival_s", last);
	/* Whoever was served, however late, needs no listener that stays open for longer. */
	if (refused(record) && record->timing.accepting_ns != TIME_UNKNOWN)
		advise_arrivals(record, finding);
	if (last < SHORTEST_TOLD_NS) /* or TIME_UNKNOWN */
		SAY(finding, "%ju connection%s arrived after the stop had begun", (uintmax_t)late,
		    PLURAL(late));
	else
		SAY(finding,
		    "%ju connection%s arrived after the stop had begun, the last one %s after the "
		    "signal",
		    (uintmax_t)late, PLURAL(late), SPAN(last));
	return true;
}

FINDING_ROW(port_dark)
{
	int64_t dark = record->timing.dark_ns;

	if (!was_dark(record)) /* or nobody came: nobody saw it */
		return false;
	finding_seconds(finding, "dark_s", dark);
	finding_count(finding, "refused", refused(record));
	for (size_t i = 0; i < record->n_listeners; i++) {
		if (record->listeners[i].reopened_at_ns == TIME_UNKNOWN)
			continue;
		finding_count(finding, "port", record->listeners[i].port);
		break;
	}
	finding_advise(record, finding, record_program(record), dark);
	SAY(finding,
	    "the port was closed for %s between the old instance and the new one: %ju "
	    "connection attempt%s refused",
	    SPAN(dark), (uintmax_t)refused(record), refused(record) == 1 ? " was" : "s were");
	return true;
}
