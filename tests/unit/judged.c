/* SPDX-License-Identifier: GPL-2.0-only */
/* One good stop, for each test to bend in one way. */
#include "tests/unit/judged.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

struct record *judged_clean(enum program program)
{
	struct record *record = fixture_empty();
	const char *name = program_name(program);
	struct record_process *process = fixture_process(record, JUDGED_PID, name ? name : "app");
	struct record_listener *listener = fixture_listener(record, AF_INET, "0.0.0.0", 8000);
	struct record_signal *signal = fixture_signal(process, SIGTERM, 0);

	record->trigger = TRIGGER_SIGNAL;
	record->trigger_signal = SIGTERM;
	record->verdict = VERDICT_CLEAN;
	record->last_arrival_at_ns = record->last_refused_at_ns = TIME_UNKNOWN;
	record->timing.react_ns = signal->delivered_at_ns = 100000;
	record->timing.first_action_ns = listener->closed_at_ns = 2 * FIXTURE_MS;
	record->timing.accepting_ns = 2 * FIXTURE_MS;
	record->timing.total_ns = 100 * FIXTURE_MS;
	record->timing.cleanup_ns = 98 * FIXTURE_MS;
	signal->disposition = DISPOSITION_HANDLER;
	process->program = program;
	process->has_exited = true;
	process->exited_at_ns = 100 * FIXTURE_MS;
	process->exit_code = 0;
	return record;
}

struct record_process *judged_process(struct record *record)
{
	return &record->processes[0];
}

struct record_signal *judged_signal(struct record *record)
{
	return &record->processes[0].signals[0];
}

struct record_process *judged_child(struct record *record, uint32_t pid, const char *comm)
{
	struct record_process *child = fixture_process(record, pid, comm);

	child->ppid = JUDGED_PID;
	return child;
}

struct record_signal *judged_kill(struct record_process *process, int64_t at_ns)
{
	process->has_exited = true;
	process->exited_at_ns = at_ns + FIXTURE_MS;
	process->exit_code = -1;
	process->exit_signal = SIGKILL;
	return fixture_signal(process, SIGKILL, at_ns);
}

static struct record_connection *add(struct record *record, enum direction direction,
				     enum connection_outcome outcome, uint64_t count)
{
	struct record_direction *counts = &record->directions[direction];
	uint16_t port = (uint16_t)(40000 + record->n_details);
	struct record_connection *c = fixture_connection(record, "10.0.0.9", port, outcome);

	counts->outcomes[outcome] += count;
	if (outcome_is_aborted(outcome))
		counts->aborted += count;
	counts->open_at_signal += count;
	c->direction = direction;
	c->pid = JUDGED_PID;
	return c;
}

struct record_connection *judged_inbound(struct record *record, enum connection_outcome outcome,
					 uint64_t count)
{
	return add(record, DIRECTION_INBOUND, outcome, count);
}

struct record_connection *judged_outbound(struct record *record, enum connection_outcome outcome,
					  uint64_t count)
{
	return add(record, DIRECTION_OUTBOUND, outcome, count);
}

const struct finding *judged_find(struct record *record, const char *id)
{
	const struct finding_row *row = finding_row_find(id);

	assert_non_null(row);
	assert_int_equal(findings_of(record), 0);
	for (size_t i = 0; i < record->n_findings; i++) {
		if (record->findings[i].row == row)
			return &record->findings[i];
	}
	return NULL;
}

const struct finding *assert_fires(struct record *record, const char *id, const char *summary,
				   const char *advice)
{
	const struct finding *finding = judged_find(record, id);

	if (!finding)
		fail_msg("%s does not fire", id);
	assert_string_equal(finding->summary, summary);
	if (!strstr(finding->advice, advice))
		fail_msg("%s advises: %s", id, finding->advice);
	assert_null(strchr(finding->advice, '{'));
	return finding;
}

void assert_silent(struct record *record, const char *id)
{
	const struct finding *finding = judged_find(record, id);

	if (finding)
		fail_msg("%s fires: %s", id, finding->summary);
}

void assert_nothing_wrong(struct record *record)
{
	assert_int_equal(findings_of(record), 0);
	if (record->n_findings && record->findings[0].row->severity != SEVERITY_INFO)
		fail_msg("%s: %s", record->findings[0].row->id, record->findings[0].summary);
}

static const struct evidence *evidence_of(const struct finding *finding, const char *key)
{
	for (size_t i = 0; i < finding->n_evidence; i++) {
		if (strcmp(finding->evidence[i].key, key) == 0)
			return &finding->evidence[i];
	}
	fail_msg("%s has no evidence %s", finding->row->id, key);
	return NULL;
}

int64_t judged_number(const struct finding *finding, const char *key)
{
	return evidence_of(finding, key)->number;
}

const char *judged_text(const struct finding *finding, const char *key)
{
	return evidence_of(finding, key)->text;
}
