// SPDX-License-Identifier: GPL-2.0-only
/* How a row of the table tells what it found: sentence, evidence, advice. Decides nothing. */
#include "src/analysis/findings_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/advice.h"
#include "src/base/cleanup.h"

const char *finding_span(int64_t ns, char buffer[SPAN_BYTES])
{
	if (ns < SECOND_NS / 1000)
		snprintf(buffer, SPAN_BYTES, "less than 1 ms");
	else if (ns < SECOND_NS)
		snprintf(buffer, SPAN_BYTES, "%" PRId64 " ms", ns / 1000000);
	else
		snprintf(buffer, SPAN_BYTES, "%.1f s", (double)ns / (double)SECOND_NS);
	return buffer;
}

void finding_say(struct finding *finding, struct text *text)
{
	_cleanup_free_ char *said = text_take(text);

	if (said)
		finding->summary = text_valid_utf8(said, strlen(said));
}

static struct evidence *add(struct finding *finding, const char *key, enum evidence_kind kind)
{
	struct evidence *evidence = &finding->evidence[finding->n_evidence];

	if (finding->n_evidence == EVIDENCE_MAX)
		return NULL;
	finding->n_evidence++;
	evidence->key = key;
	evidence->kind = kind;
	return evidence;
}

void finding_count(struct finding *finding, const char *key, uint64_t count)
{
	struct evidence *evidence = add(finding, key, EVIDENCE_COUNT);

	if (evidence)
		evidence->number = count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

void finding_seconds(struct finding *finding, const char *key, int64_t ns)
{
	struct evidence *evidence = ns == TIME_UNKNOWN ? NULL : add(finding, key, EVIDENCE_SECONDS);

	if (evidence)
		evidence->number = ns;
}

void finding_text(struct finding *finding, const char *key, const char *text)
{
	_cleanup_free_ char *valid = text_valid_utf8(text, EVIDENCE_TEXT_BYTES / 4);
	struct evidence *evidence = valid ? add(finding, key, EVIDENCE_TEXT) : NULL;

	if (evidence)
		snprintf(evidence->text, sizeof(evidence->text), "%s", valid);
}

void finding_process(struct finding *finding, const struct record_process *process)
{
	finding_count(finding, "pid", process->pid);
	finding_text(finding, "process", process->comm);
}

void finding_signal(struct finding *finding, const struct record_signal *signal)
{
	finding_text(finding, "signal", SIGNAL_NAME(signal->signal));
	finding_text(finding, "sender", signal->sender.comm);
}

static char *advise(const struct record *record, const struct finding_row *row,
		    enum program program, const struct record_service *service, int64_t ns)
{
	const struct advice_stop stop = { .signal = record->trigger_signal,
					  .ns = ns,
					  .grace_ns = record->timing.grace_ns,
					  .killed_ns = record_patience(record) };

	return advice_of(row, program, service, &stop);
}

void finding_advise(const struct record *record, struct finding *finding, enum program program,
		    int64_t ns)
{
	finding_set_advice(finding, advise(record, finding->row, program, &record->service, ns));
}

void finding_advise_program(const struct record *record, struct finding *finding,
			    enum program program, int64_t ns)
{
	static const struct record_service anywhere = { .kind = SERVICE_TREE };

	finding_set_advice(finding, advise(record, finding->row, program, &anywhere, ns));
}

void finding_advise_as(const struct record *record, struct finding *finding, const char *id,
		       int64_t ns)
{
	finding_set_advice(finding, advise(record, finding_row_find(id), record_program(record),
					   &record->service, ns));
}

bool finding_advise_by_cause(const struct record *record, struct finding *finding,
			     const char *const *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct finding_row *row = finding_row_find(ids[i]);
		struct finding cause = { .row = row };
		bool holds = row->holds(record, &cause);

		if (holds && (cause.advice || cause.has_failed))
			finding_set_advice(finding, TAKE_PTR(cause.advice));
		else if (holds)
			finding_set_advice(finding, strdup(row->advice));
		finding_fini(&cause);
		if (holds)
			return true;
	}
	return false;
}

static const char *doing(const struct record_wait *wait)
{
	if (wait->state == WAIT_RUNNING)
		return "running";
	return wait->call[0] ? wait->call : "a wait in the kernel";
}

void finding_add_wait(struct text *text, const struct record *record, enum wait_phase phase)
{
	const struct record_wait *wait = waits_blocker(record, phase);

	if (!wait)
		return;
	text_addf(text, "; %s %s spent %s ", wait->is_main ? "the main thread of" : "thread",
		  wait->comm, SPAN(wait_in(wait, phase)));
	text_addf(text, wait->state == WAIT_RUNNING ? "%s" : "in %s", doing(wait));
	if (wait->text[0])
		text_addf(text, " (%s)", wait->text);
}
