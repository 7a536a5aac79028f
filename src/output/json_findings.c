/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings and waits -> JSON. As in json.c: field names and their order are public. */
#include "src/output/json_findings.h"

#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/output/json_values.h"

static const char *const states[] = {
	[WAIT_SLEEPING] = "sleeping",
	[WAIT_RUNNING] = "running",
	[WAIT_BLOCKED] = "blocked",
};
_Static_assert(ARRAY_SIZE(states) == WAIT_BLOCKED + 1, "a word for each");

static const char *const objects[] = {
	[WAIT_ON_NOTHING] = NULL,  [WAIT_ON_SOCKET] = "socket", [WAIT_ON_FILE] = "file",
	[WAIT_ON_PIPE] = "pipe",   [WAIT_ON_FUTEX] = "futex",	[WAIT_ON_CHILD] = "child",
	[WAIT_ON_TIMER] = "timer", [WAIT_ON_EPOLL] = "epoll",
};
_Static_assert(ARRAY_SIZE(objects) == WAIT_ON_EPOLL + 1, "a word for each");

static json_t *evidence_value(const struct evidence *evidence)
{
	switch (evidence->kind) {
	case EVIDENCE_COUNT:
		return json_integer(evidence->number);
	case EVIDENCE_SECONDS:
		return value_seconds(evidence->number);
	case EVIDENCE_TEXT:
		return value_text(evidence->text);
	}
	return json_null();
}

/* Keys that come from a file may be anything. */
static json_t *evidence_json(const struct finding *finding)
{
	json_auto_t *object = json_object();

	for (size_t i = 0; i < finding->n_evidence; i++) {
		const struct evidence *evidence = &finding->evidence[i];
		_cleanup_free_ char *key = text_valid_utf8(evidence->key, strlen(evidence->key));

		if (!key || json_object_set_new(object, key, evidence_value(evidence)) < 0)
			return NULL;
	}
	return TAKE_PTR(object);
}

/* clang-format off */

static json_t *finding_json(const struct finding *finding)
{
	return object_new("id", value_word(finding->row->id),
			  "severity", value_word(severity_name(finding->row->severity)),
			  "summary", value_text(finding->summary),
			  "evidence", evidence_json(finding),
			  "advice", value_text(finding->advice), NULL);
}

json_t *json_of_findings(const struct record *record)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < record->n_findings; i++)
		findings = array_add(findings, finding_json(&record->findings[i]));
	return findings;
}

/* JSON knows neither infinity nor what 0/0 is. */
static json_t *share_json(double share)
{
	return share >= 0 && share <= 1 ? json_real(share) : json_null();
}

static json_t *wait_json(const struct record_wait *wait)
{
	return object_new("pid", value_count(wait->pid),
			  "tid", value_count(wait->tid),
			  "comm", value_text(wait->comm),
			  "main", json_boolean(wait->is_main),
			  "state", value_word(states[wait->state]),
			  "call", value_known_text(wait->call),
			  "object", value_word(objects[wait->object]),
			  "text", value_known_text(wait->text),
			  "seconds", value_seconds(wait->total_ns),
			  "cleanup_s", value_seconds(wait->cleanup_ns),
			  "share", share_json(wait->share),
			  "samples", value_count(wait->samples), NULL);
}

/* clang-format on */

json_t *json_of_waits(const struct record *record)
{
	json_t *waits;

	if (!record->has_waits)
		return json_null();
	waits = json_array();
	for (size_t i = 0; i < record->n_waits; i++)
		waits = array_add(waits, wait_json(&record->waits[i]));
	return waits;
}
