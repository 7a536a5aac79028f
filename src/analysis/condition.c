// SPDX-License-Identifier: GPL-2.0-only
/* Whether conditions hold over a record, and the words for it. condition_parse.c reads them. */
#include "src/analysis/condition.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"

#define NSEC_PER_SEC 1000000000ULL

void conditions_fini(struct conditions *conditions)
{
	for (size_t i = 0; i < conditions->count; i++)
		free(conditions->items[i].text);
	free(conditions->items);
	*conditions = (struct conditions){ 0 };
}

static const struct finding *find(const struct condition *condition, const struct record *record)
{
	for (size_t i = 0; i < record->n_findings; i++) {
		if (record->findings[i].row == condition->row)
			return &record->findings[i];
	}
	return NULL;
}

bool condition_is_of_resets(const struct condition *condition)
{
	static const char *const findings[] = { "refused_after_listener_close",
						"listener_closed_too_early", "port_dark" };

	for (size_t i = 0; condition->row && i < ARRAY_SIZE(findings); i++) {
		if (strcmp(condition->row->id, findings[i]) == 0)
			return true;
	}
	return condition->offset == offsetof(struct record, refused) ||
	       condition->offset == offsetof(struct record, refused_handshakes) ||
	       condition->offset == offsetof(struct record, late_closes);
}

static bool count_of(const struct condition *condition, const struct record *record, uint64_t *ret)
{
	if (!record->has_connections ||
	    (record->are_resets_unseen && condition_is_of_resets(condition)))
		return false;
	memcpy(ret, (const char *)record + condition->offset, sizeof(*ret));
	return true;
}

static bool time_of(const struct condition *condition, const struct record *record, uint64_t *ret)
{
	int64_t ns;

	memcpy(&ns, (const char *)record + condition->offset, sizeof(ns));
	if (ns == TIME_UNKNOWN)
		return false;
	*ret = ns > 0 ? (uint64_t)ns : 0;
	return true;
}

/* What the record says there; false: it does not know. */
static bool value_of(const struct condition *condition, const struct record *record, uint64_t *ret)
{
	switch (condition->kind) {
	case CONDITION_OUTCOME:
		*ret = record->verdict;
		return true;
	case CONDITION_COMPLETE:
		*ret = record->is_complete;
		return true;
	case CONDITION_SEVERITY:
		if (!record->n_findings)
			return false;
		*ret = record->findings[0].row->severity; /* the most severe stands first */
		return true;
	case CONDITION_COUNT:
		return count_of(condition, record, ret);
	case CONDITION_TIME:
		return time_of(condition, record, ret);
	case CONDITION_FINDING:
		break;
	}
	return false;
}

static bool has_open_listener(const struct record *record)
{
	for (size_t i = 0; i < record->n_listeners; i++) {
		if (record->listeners[i].closed_at_ns == TIME_UNKNOWN)
			return true;
	}
	return false;
}

static uint64_t inbound_open(const struct record *record)
{
	return record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_OPEN];
}

/* A handler is to take a stop signal, and has not been called. */
static bool is_reacting(const struct record *record)
{
	for (size_t p = 0; p < record->n_processes; p++) {
		const struct record_process *process = &record->processes[p];

		for (size_t i = 0; !process->has_exited && i < process->n_signals; i++) {
			const struct record_signal *signal = &process->signals[i];

			if (signal->disposition == DISPOSITION_HANDLER &&
			    signal->result != SIGNAL_IGNORED &&
			    signal->delivered_at_ns == TIME_UNKNOWN &&
			    (!signal->from_member || signal->from_self))
				return true;
		}
	}
	return false;
}

static bool is_alive(const struct record *record)
{
	return record->timing.total_ns == TIME_UNKNOWN;
}

static bool is_answering(const struct record *record)
{
	return record->directions[DIRECTION_INBOUND].in_flight_at_signal && inbound_open(record);
}

static bool is_draining(const struct record *record)
{
	return inbound_open(record);
}

static bool is_cleaning_up(const struct record *record)
{
	return !has_open_listener(record) && !inbound_open(record);
}

/* What each time waits for while the service has not ended. */
static const struct {
	size_t offset;
	bool (*is_awaited)(const struct record *record);
} awaited[] = {
	{ offsetof(struct record, timing.react_ns), is_reacting },
	{ offsetof(struct record, timing.first_action_ns), is_alive },
	{ offsetof(struct record, timing.accepting_ns), has_open_listener },
	{ offsetof(struct record, timing.in_flight_ns), is_answering },
	{ offsetof(struct record, timing.drain_ns), is_draining },
	{ offsetof(struct record, timing.cleanup_ns), is_cleaning_up },
	{ offsetof(struct record, timing.total_ns), is_alive },
};

/* A time that still runs, since the service has not ended: longer than any that one names. */
static bool goes_on(const struct condition *condition, const struct record *record)
{
	uint64_t ns;

	if (condition->kind != CONDITION_TIME || !is_alive(record) ||
	    time_of(condition, record, &ns))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(awaited); i++) {
		if (awaited[i].offset == condition->offset)
			return awaited[i].is_awaited(record);
	}
	return false;
}

bool condition_holds(const struct condition *condition, const struct record *record)
{
	uint64_t value;

	if (condition->kind == CONDITION_FINDING)
		return find(condition, record) != NULL;
	if (goes_on(condition, record))
		return condition->comparison == OPERATOR_MORE ||
		       condition->comparison == OPERATOR_AT_LEAST;
	if (!value_of(condition, record, &value))
		return false;
	switch (condition->comparison) {
	case OPERATOR_MORE:
		return value > condition->value;
	case OPERATOR_AT_LEAST:
		return value >= condition->value;
	case OPERATOR_LESS:
		return value < condition->value;
	case OPERATOR_AT_MOST:
		return value <= condition->value;
	case OPERATOR_EQUAL:
		return value == condition->value;
	case OPERATOR_UNEQUAL:
		return value != condition->value;
	}
	return false;
}

/* Every digit that counts: "10s" must not be said of what is more than 10 s. */
static void tell_seconds(uint64_t ns, struct text *text)
{
	char digits[32];
	size_t end;

	snprintf(digits, sizeof(digits), "%llu.%09llu", (unsigned long long)(ns / NSEC_PER_SEC),
		 (unsigned long long)(ns % NSEC_PER_SEC));
	end = strlen(digits);
	while (digits[end - 1] == '0')
		end--;
	if (digits[end - 1] == '.')
		end--;
	text_add_bytes(text, digits, end);
	text_add(text, "s");
}

static void tell_value(const struct condition *condition, uint64_t value, struct text *text)
{
	switch (condition->kind) {
	case CONDITION_OUTCOME:
		text_add(text, verdict_name((enum verdict)value));
		return;
	case CONDITION_COMPLETE:
		text_add(text, value ? "true" : "false");
		return;
	case CONDITION_SEVERITY:
		text_add(text, severity_name((enum severity)value));
		return;
	case CONDITION_TIME:
		tell_seconds(value, text);
		return;
	default:
		text_addf(text, "%llu", (unsigned long long)value);
	}
}

void condition_tell(const struct condition *condition, const struct record *record,
		    struct text *text)
{
	const struct finding *finding = find(condition, record);
	uint64_t value;

	text_add(text, condition->text);
	if (finding) {
		text_add(text, " (");
		text_add_safe(text, finding->summary, SIZE_MAX);
		text_add(text, ")");
	} else if (goes_on(condition, record)) {
		text_add(text, " (the service has not stopped)");
	} else if (value_of(condition, record, &value)) {
		text_addf(text, " (%.*s is ", (int)condition->name_length, condition->text);
		tell_value(condition, value, text);
		text_add(text, ")");
	}
}
