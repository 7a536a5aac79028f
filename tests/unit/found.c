/* SPDX-License-Identifier: GPL-2.0-only */
/* Aborts the test when memory runs out. */
#include "tests/unit/found.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fixtures.h"

static bool never(const struct record *record, struct finding *finding)
{
	(void)record;
	(void)finding;
	return false;
}

const struct finding_row found_rows[FOUND_ROWS] = {
	{ "hint", SEVERITY_INFO, "A hint.", "Nothing.", "Nothing to change.", never },
	{ "slow", SEVERITY_WARNING, "It was | slow.", "It took long.", "Be quicker.", never },
	{ "lost", SEVERITY_ERROR, "Something was lost.", "A reset.", "Lose nothing.", never },
};

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

struct finding *found_add(struct record *record, const struct finding_row *row, const char *summary,
			  const char *advice)
{
	struct finding *finding;

	record->findings = must(
		reallocarray(record->findings, record->n_findings + 1, sizeof(*record->findings)));
	finding = &record->findings[record->n_findings++];
	*finding = (struct finding){ .row = row,
				     .summary = must(strdup(summary)),
				     .advice = must(strdup(advice)) };
	return finding;
}

struct evidence *found_evidence(struct finding *finding, const char *key, enum evidence_kind kind,
				int64_t number)
{
	struct evidence *evidence = &finding->evidence[finding->n_evidence++];

	*evidence = (struct evidence){ .key = key, .kind = kind, .number = number };
	return evidence;
}

struct record_wait *found_wait(struct record *record, const char *comm, const char *call,
			       enum wait_object object, const char *text, int64_t total_ns)
{
	struct record_wait *wait;

	record->has_waits = true;
	record->waits =
		must(reallocarray(record->waits, record->n_waits + 1, sizeof(*record->waits)));
	wait = &record->waits[record->n_waits++];
	*wait = (struct record_wait){ .pid = 812,
				      .tid = 812 + (uint32_t)record->n_waits - 1,
				      .is_main = record->n_waits == 1,
				      .object = object,
				      .total_ns = total_ns,
				      .share = 0.5,
				      .samples = 99 };
	snprintf(wait->comm, sizeof(wait->comm), "%s", comm);
	snprintf(wait->call, sizeof(wait->call), "%s", call);
	snprintf(wait->text, sizeof(wait->text), "%s", text);
	return wait;
}

void found_fill(struct record *record)
{
	struct finding *lost = found_add(record, &found_rows[2], "2 connections were lost.",
					 "Close the listener later.");

	found_evidence(lost, "connections", EVIDENCE_COUNT, 2);
	found_evidence(lost, "late_s", EVIDENCE_SECONDS, 3400 * FIXTURE_MS);
	strcpy(found_evidence(lost, "peer", EVIDENCE_TEXT, 0)->text, "10.0.0.9:51322");
	found_add(record, &found_rows[1], "It took 2.12 s.", "");
	found_add(record, &found_rows[0], "A word.", "Read it.");
	found_wait(record, "uvicorn", "epoll_wait", WAIT_ON_EPOLL, "2 inbound connections open",
		   9900 * FIXTURE_MS);
	found_wait(record, "worker", "", WAIT_ON_NOTHING, "", 20 * FIXTURE_MS)->state =
		WAIT_RUNNING;
	record->last_arrival_at_ns = 3400 * FIXTURE_MS;
	record->last_refused_at_ns = 3500 * FIXTURE_MS;
	if (record->n_processes)
		record->processes[0].program = PROGRAM_UVICORN;
}

const char *found_real_id(void)
{
	size_t n;
	const struct finding_row *rows = finding_rows(&n);

	return n ? rows[0].id : NULL;
}
