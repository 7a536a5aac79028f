/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole exposition: family by family, as OpenMetrics demands, and within each service by
 * service. Changes nothing. Counters are there from the first moment that a service is known,
 * with 0; by-outcome counters of connections, findings and histograms once there is something to
 * tell.
 */
#include "src/analysis/findings.h"
#include "src/base/cleanup.h"
#include "src/output/exposition.h"
#include "src/output/metrics.h"
#include "src/output/metrics_state.h"

/* The functions of the table below: one service's samples of one family. */

static void add_counter(struct exposition *e, const struct service *service, size_t offset)
{
	sample_begin(e, service->labels);
	sample_counter(e, (const struct counter *)((const char *)service + offset));
}

static void add_directions(struct exposition *e, const struct service *service, size_t offset)
{
	const struct counter *counters = (const struct counter *)((const char *)service + offset);

	for (int i = 0; i < DIRECTIONS; i++) {
		sample_begin(e, service->labels);
		sample_label(e, "direction", direction_name(i));
		sample_counter(e, &counters[i]);
	}
}

static void add_verdicts(struct exposition *e, const struct service *service, size_t offset)
{
	const struct counter *counters = (const struct counter *)((const char *)service + offset);

	for (int i = 0; i < VERDICTS; i++) {
		sample_begin(e, service->labels);
		sample_label(e, "outcome", verdict_name(i));
		sample_counter(e, &counters[i]);
	}
}

static void add_progress(struct exposition *e, const struct service *service, size_t offset)
{
	sample_begin(e, service->labels);
	sample_count(e, *(const uint64_t *)((const char *)service + offset));
}

static void add_duration(struct exposition *e, const struct service *service, size_t offset)
{
	const struct histogram *histogram =
		(const struct histogram *)((const char *)service + offset);

	for (size_t i = 0; i < histogram->n_buckets; i++) {
		if (histogram->counts[i]) {
			exposition_histogram(e, service->labels, histogram);
			return;
		}
	}
}

static void add_outcomes(struct exposition *e, const struct service *service, size_t offset)
{
	const struct counter *counter = (const struct counter *)((const char *)service + offset);

	for (int i = 0; i < DIRECTIONS * OUTCOMES; i++) {
		if (counter[i].value == 0)
			continue;
		sample_begin(e, service->labels);
		sample_label(e, "direction", direction_name(i / OUTCOMES));
		sample_label(e, "outcome", outcome_name(i % OUTCOMES));
		sample_counter(e, &counter[i]);
	}
}

static void add_findings(struct exposition *e, const struct service *service, size_t offset)
{
	(void)offset;
	for (size_t i = 0; i < service->n_findings; i++) {
		const struct finding_counter *finding = &service->findings[i];

		sample_begin(e, service->labels);
		sample_label(e, "finding", finding->row->id);
		sample_label(e, "severity", severity_name(finding->row->severity));
		sample_counter(e, &finding->counter);
	}
}

/* Nanoseconds that may be unknown: then the gauge is absent. */
static void add_last_time(struct exposition *e, const struct service *service, size_t offset)
{
	int64_t ns = *(const int64_t *)((const char *)service + offset);

	if (!service->last.is_known || ns < 0)
		return;
	sample_begin(e, service->labels);
	sample_ns(e, (uint64_t)ns);
}

static void add_last_count(struct exposition *e, const struct service *service, size_t offset)
{
	if (!service->last.is_known || !service->last.has_connections)
		return;
	sample_begin(e, service->labels);
	sample_count(e, *(const uint64_t *)((const char *)service + offset));
}

static void add_last_outcome(struct exposition *e, const struct service *service, size_t offset)
{
	enum verdict verdict = *(const enum verdict *)((const char *)service + offset);

	for (int i = 0; service->last.is_known && i < VERDICTS; i++) {
		sample_begin(e, service->labels);
		sample_label(e, "outcome", verdict_name(i));
		sample_count(e, (int)verdict == i);
	}
}

/* Which family shows what, where it stands in struct service. */
/* clang-format off */
#define IN(member) offsetof(struct service, member)
static const struct {
	enum family_id id;
	void (*add)(struct exposition *e, const struct service *service, size_t offset);
	size_t offset;
} shown[] = {
	{ FAMILY_SHUTDOWNS, add_counter, IN(shutdowns) },
	{ FAMILY_UNGRACEFUL, add_counter, IN(ungraceful) },
	{ FAMILY_INCOMPLETE, add_counter, IN(incomplete) },
	{ FAMILY_OUTCOMES, add_verdicts, IN(verdicts) },
	{ FAMILY_IN_PROGRESS, add_progress, IN(in_progress) },
	{ FAMILY_DURATION, add_duration, IN(durations[DURATION_TOTAL]) },
	{ FAMILY_DRAIN, add_duration, IN(durations[DURATION_DRAIN]) },
	{ FAMILY_REACT, add_duration, IN(durations[DURATION_REACT]) },
	{ FAMILY_ACCEPTING, add_duration, IN(durations[DURATION_ACCEPTING]) },
	{ FAMILY_IN_FLIGHT, add_duration, IN(durations[DURATION_IN_FLIGHT]) },
	{ FAMILY_CLEANUP, add_duration, IN(durations[DURATION_CLEANUP]) },
	{ FAMILY_DARK, add_duration, IN(durations[DURATION_DARK]) },
	{ FAMILY_CONNECTIONS, add_outcomes, IN(outcomes) },
	{ FAMILY_ABORTED, add_directions, IN(aborted) },
	{ FAMILY_LATE, add_directions, IN(late) },
	{ FAMILY_REFUSED, add_counter, IN(refused) },
	{ FAMILY_HANDSHAKES, add_counter, IN(handshakes) },
	{ FAMILY_FINDINGS, add_findings, IN(findings) },
	{ FAMILY_LAST_TIME, add_last_time, IN(last.ended_wall_ns) },
	{ FAMILY_LAST_DURATION, add_last_time, IN(last.total_ns) },
	{ FAMILY_LAST_DRAIN, add_last_time, IN(last.drain_ns) },
	{ FAMILY_LAST_DARK, add_last_time, IN(last.dark_ns) },
	{ FAMILY_LAST_GRACE, add_last_time, IN(last.grace_ns) },
	{ FAMILY_LAST_ABORTED, add_last_count, IN(last.aborted) },
	{ FAMILY_LAST_REFUSED, add_last_count, IN(last.refused) },
	{ FAMILY_LAST_OUTCOME, add_last_outcome, IN(last.verdict) },
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(shown) == FAMILIES_PER_SERVICE, "each is shown");

static void add_services(struct exposition *e, const struct metrics *metrics)
{
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		exposition_family(e, shown[i].id);
		for (size_t j = 0; j < metrics->n_services; j++)
			shown[i].add(e, metrics->services[j], shown[i].offset);
	}
}

char *metrics_text(const struct metrics *metrics, const struct metrics_self *self,
		   enum metrics_format format, size_t *ret_size)
{
	struct exposition e = { .format = format };
	size_t size;
	char *bytes;

	text_init(&e.text);
	add_services(&e, metrics);
	exposition_single(&e, FAMILY_COLLAPSED, metrics->collapsed);
	exposition_family(&e, FAMILY_SNAPSHOT);
	exposition_histogram(&e, NULL, &metrics->snapshots);
	metrics_self_add(&e, self);
	exposition_end(&e);
	size = e.text.size;
	bytes = text_take(&e.text);
	if (bytes)
		*ret_size = size;
	return bytes;
}
