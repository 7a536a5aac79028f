/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accumulates records into counters and histograms. Owns the services and what is remembered of
 * the records that were counted.
 *
 * Counters never decrease: of each record it is remembered what has been counted, and its update
 * adds the difference. The verdict "clean" of a provisional record may still become "lossy", so
 * it counts when the record is final. A service that drained past its patience counts as draining
 * then, and by its outcome when it ends.
 *
 * Bounds: services_max services and "other", SEEN_MAX records. They stay until the end: a series
 * that vanished and came back would look like a restart.
 */
#include "src/output/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/output/exposition.h"
#include "src/output/metrics_state.h"

#define SEEN_MAX 4096
#define OTHER_LABELS "service=\"other\"" /* whoever bears this name is counted with them */

#define VERDICTS_UNGRACEFUL                                                                        \
	(1U << VERDICT_LOSSY | 1U << VERDICT_FORCED | 1U << VERDICT_CRASHED |                      \
	 1U << VERDICT_OOM_KILLED)

struct metrics *metrics_new(size_t services_max)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return NULL;
	metrics->services_max = services_max;
	histogram_init_snapshot(&metrics->snapshots);
	return metrics;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	for (size_t i = 0; i < metrics->n_services; i++) {
		free(metrics->services[i]->labels);
		free(metrics->services[i]->findings);
		free(metrics->services[i]);
	}
	for (size_t i = 0; i < metrics->n_progress; i++)
		free(metrics->progress[i].labels);
	free(metrics->services);
	free(metrics->progress);
	free(metrics->seen);
	free(metrics);
}

/* Owned by the caller; NULL: out of memory. An empty value would be no label at all. */
static char *service_labels(const char *name)
{
	struct text text;

	text_init(&text);
	label_add(&text, "service", name[0] ? name : "unknown");
	return text_take(&text);
}

static struct service *find_service(struct metrics *metrics, const char *labels)
{
	for (size_t i = 0; i < metrics->n_services; i++) {
		if (strcmp(metrics->services[i]->labels, labels) == 0)
			return metrics->services[i];
	}
	return NULL;
}

/* NULL: out of memory. */
static struct service *add_service(struct metrics *metrics, const char *labels)
{
	_cleanup_free_ struct service *service = calloc(1, sizeof(*service));

	if (!service || array_reserve((void **)&metrics->services, &metrics->services_capacity,
				      metrics->n_services, sizeof(*metrics->services)) < 0)
		return NULL;
	service->labels = strdup(labels);
	if (!service->labels)
		return NULL;
	for (int i = 0; i < DURATIONS; i++)
		histogram_init_shutdown(&service->durations[i]);
	metrics->services[metrics->n_services++] = service;
	return TAKE_PTR(service);
}

/* The service's own room, or that of all others. NULL: out of memory. */
static struct service *service_of(struct metrics *metrics, const char *labels)
{
	struct service *service = find_service(metrics, labels);
	size_t own = metrics->n_services - !!metrics->other;

	if (service)
		return service;
	if (own < metrics->services_max && strcmp(labels, OTHER_LABELS) != 0)
		return add_service(metrics, labels);
	if (!metrics->other)
		metrics->other = add_service(metrics, OTHER_LABELS);
	return metrics->other;
}

/* What was counted of this record; NULL: nothing yet. */
static struct seen *find_seen(struct metrics *metrics, const char *id)
{
	for (size_t i = 0; i < metrics->n_seen; i++) {
		if (strcmp(metrics->seen[i].id, id) == 0)
			return &metrics->seen[i];
	}
	return NULL;
}

/* Room to remember one more; the oldest is forgotten. NULL: out of memory. */
static struct seen *add_seen(struct metrics *metrics, const char *id)
{
	struct seen *seen;

	if (metrics->n_seen < SEEN_MAX) {
		if (array_reserve((void **)&metrics->seen, &metrics->seen_capacity, metrics->n_seen,
				  sizeof(*metrics->seen)) < 0)
			return NULL;
		seen = &metrics->seen[metrics->n_seen++];
	} else {
		seen = &metrics->seen[metrics->seen_next];
		metrics->seen_next = (metrics->seen_next + 1) % SEEN_MAX;
	}
	memset(seen, 0, sizeof(*seen));
	memcpy(seen->id, id, sizeof(seen->id));
	return seen;
}

/* Counts what has come since, if anything. */
static void count(struct counter *counter, uint64_t now, uint64_t *counted,
		  const struct exemplar *exemplar)
{
	if (now <= *counted)
		return;
	counter_add(counter, now - *counted, exemplar);
	*counted = now;
}

static void count_once(struct counter *counter, bool is_so, bool *is_counted,
		       const struct exemplar *exemplar)
{
	if (!is_so || *is_counted)
		return;
	counter_add(counter, 1, exemplar);
	*is_counted = true;
}

static void count_verdict(struct service *service, struct seen *seen, const struct record *record,
			  const struct exemplar *exemplar)
{
	bool is_uncertain = record->is_provisional && record->verdict == VERDICT_CLEAN;

	if ((unsigned int)record->verdict >= VERDICTS)
		return;
	count_once(&service->ungraceful, VERDICTS_UNGRACEFUL & 1U << record->verdict,
		   &seen->is_ungraceful, exemplar);
	if (is_uncertain || (seen->has_verdict && seen->verdict == record->verdict))
		return;
	counter_add(&service->verdicts[record->verdict], 1, exemplar);
	seen->has_verdict = true;
	seen->verdict = record->verdict;
}

static void count_connections(struct service *service, struct seen *seen,
			      const struct record *record, const struct exemplar *exemplar)
{
	for (int d = 0; d < DIRECTIONS; d++) {
		const struct record_direction *direction = &record->directions[d];

		for (int i = 0; i < OUTCOMES; i++) {
			if (i != OUTCOME_NONE && i != OUTCOME_OPEN) /* these have not left yet */
				count(&service->outcomes[d][i], direction->outcomes[i],
				      &seen->outcomes[d][i], exemplar);
		}
		count(&service->aborted[d], direction->aborted, &seen->aborted[d], exemplar);
		count(&service->late[d], direction->late, &seen->late[d], exemplar);
	}
	count(&service->refused, record->refused, &seen->refused, exemplar);
	count(&service->handshakes, record->refused_handshakes, &seen->handshakes, exemplar);
}

/* Where it is counted; NULL: no room, or out of memory. */
static struct finding_counter *finding_counter(struct service *service,
					       const struct finding_row *row)
{
	size_t i = 0;

	while (i < service->n_findings && service->findings[i].row != row)
		i++;
	if (i == FINDINGS_COUNTED_MAX)
		return NULL;
	if (i == service->n_findings) {
		if (array_reserve((void **)&service->findings, &service->findings_capacity, i,
				  sizeof(*service->findings)) < 0)
			return NULL;
		service->findings[service->n_findings++] = (struct finding_counter){ .row = row };
	}
	return &service->findings[i];
}

/* A finding that the update of a record has no longer stays counted. */
static void count_findings(struct service *service, struct seen *seen, const struct record *record,
			   const struct exemplar *exemplar)
{
	for (size_t i = 0; i < record->n_findings; i++) {
		struct finding_counter *finding = finding_counter(service, record->findings[i].row);
		uint64_t bit = finding ? 1ULL << (finding - service->findings) : 0;

		if (!finding || seen->findings & bit)
			continue;
		counter_add(&finding->counter, 1, exemplar);
		seen->findings |= bit;
	}
}

static void observe_durations(struct service *service, struct seen *seen,
			      const struct record_timing *timing, const struct exemplar *exemplar)
{
	const int64_t durations[DURATIONS] = {
		[DURATION_TOTAL] = timing->total_ns,
		[DURATION_DRAIN] = timing->drain_ns,
		[DURATION_REACT] = timing->react_ns,
		[DURATION_ACCEPTING] = timing->accepting_ns,
		[DURATION_IN_FLIGHT] = timing->in_flight_ns,
		[DURATION_CLEANUP] = timing->cleanup_ns,
		[DURATION_DARK] = timing->dark_ns,
	};

	for (int i = 0; i < DURATIONS; i++) {
		/* TIME_UNKNOWN is negative as well. */
		if (durations[i] < 0 || seen->durations & 1U << i)
			continue;
		histogram_observe(&service->durations[i], (uint64_t)durations[i], exemplar);
		seen->durations |= 1U << i;
	}
}

static void note_last(struct last *last, const struct record *record, int64_t ended_wall_ns)
{
	const struct record_timing *timing = &record->timing;

	if (last->is_known && record->trigger_wall_ns < last->began_wall_ns)
		return;
	*last = (struct last){
		.is_known = true,
		.began_wall_ns = record->trigger_wall_ns,
		.ended_wall_ns = ended_wall_ns,
		.total_ns = timing->total_ns,
		.drain_ns = timing->drain_ns,
		.dark_ns = timing->dark_ns,
		.grace_ns = timing->grace_ns,
		.has_connections = record->has_connections,
		.aborted = record->directions[DIRECTION_INBOUND].aborted +
			   record->directions[DIRECTION_OUTBOUND].aborted,
		.refused = record->refused,
		.verdict = record->verdict,
	};
}

/* Finds or makes the room for both before anything is counted. Returns 0 or -ENOMEM. */
static int reserve(struct metrics *metrics, const struct record *record,
		   struct service **ret_service, struct seen **ret_seen, bool *ret_is_new)
{
	_cleanup_free_ char *labels = service_labels(record->service.name);
	struct service *service = labels ? service_of(metrics, labels) : NULL;
	struct seen *seen;

	if (!service)
		return -ENOMEM;
	seen = find_seen(metrics, record->id);
	*ret_is_new = !seen;
	if (!seen)
		seen = add_seen(metrics, record->id);
	if (!seen)
		return -ENOMEM;
	*ret_service = service;
	*ret_seen = seen;
	return 0;
}

int metrics_observe(struct metrics *metrics, const struct record *record)
{
	struct exemplar exemplar = { .wall_ns = record->trigger_wall_ns };
	struct service *service;
	struct seen *seen;
	bool is_new;
	int err = reserve(metrics, record, &service, &seen, &is_new);

	if (err)
		return err;
	if (record->timing.total_ns > 0)
		exemplar.wall_ns += record->timing.total_ns;
	memcpy(exemplar.record_id, record->id, sizeof(exemplar.record_id));
	if (is_new) {
		counter_add(&service->shutdowns, 1, &exemplar);
		metrics->collapsed += service == metrics->other;
	}
	count_once(&service->incomplete, !record->is_complete, &seen->is_incomplete, &exemplar);
	count_verdict(service, seen, record, &exemplar);
	if (record->has_connections)
		count_connections(service, seen, record, &exemplar);
	count_findings(service, seen, record, &exemplar);
	observe_durations(service, seen, &record->timing, &exemplar);
	note_last(&service->last, record, exemplar.wall_ns);
	return 0;
}

/* NULL: out of memory. */
static struct progress *add_progress(struct metrics *metrics, const char *labels)
{
	struct progress *progress;

	if (array_reserve((void **)&metrics->progress, &metrics->progress_capacity,
			  metrics->n_progress, sizeof(*metrics->progress)) < 0)
		return NULL;
	progress = &metrics->progress[metrics->n_progress];
	*progress = (struct progress){ .labels = strdup(labels) };
	if (!progress->labels)
		return NULL;
	metrics->n_progress++;
	return progress;
}

/*
 * Services without room of their own share a gauge: what each adds to it must be known. As long
 * as shutdowns of them are under way, no longer.
 */
static int set_progress_of_other(struct metrics *metrics, const char *labels, uint64_t under_way)
{
	struct progress *progress = NULL;

	for (size_t i = 0; i < metrics->n_progress && !progress; i++) {
		if (strcmp(metrics->progress[i].labels, labels) == 0)
			progress = &metrics->progress[i];
	}
	if (!progress && under_way == 0)
		return 0;
	if (!progress)
		progress = add_progress(metrics, labels);
	if (!progress)
		return -ENOMEM;
	metrics->other->in_progress += under_way - progress->count;
	progress->count = under_way;
	if (under_way == 0) {
		free(progress->labels);
		*progress = metrics->progress[--metrics->n_progress];
	}
	return 0;
}

int metrics_set_in_progress(struct metrics *metrics, const char *name, uint64_t under_way)
{
	_cleanup_free_ char *labels = service_labels(name);
	struct service *service = labels ? service_of(metrics, labels) : NULL;

	if (!service)
		return -ENOMEM;
	if (service == metrics->other)
		return set_progress_of_other(metrics, labels, under_way);
	service->in_progress = under_way;
	return 0;
}

void metrics_observe_snapshot(struct metrics *metrics, double seconds)
{
	if (seconds >= 0 && seconds < 1e9) /* neither NaN nor more than the sum can hold */
		histogram_observe(&metrics->snapshots, (uint64_t)(seconds * 1e9), NULL);
}
