/* SPDX-License-Identifier: GPL-2.0-only */
/* What is counted, and when: records once, updates by their difference, services in bounds. */
#include <setjmp.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "tests/unit/exposed.h"
#include "tests/unit/fixtures.h"

#define ORDERS "service=\"orders.service\""

static void observe(struct metrics *metrics, const struct record *record)
{
	assert_int_equal(metrics_observe(metrics, record), 0);
}

/* A clean shutdown of `service`, with an id of its own. */
static void observe_service(struct metrics *metrics, const char *service)
{
	static unsigned int next;
	struct record *record = fixture_empty();

	snprintf(record->id, sizeof(record->id), "01KAPK2Z7JQ0X4T8M5C%07u", next++);
	snprintf(record->service.name, sizeof(record->service.name), "%s", service);
	observe(metrics, record);
	fixture_free(record);
}

static void test_record(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_orders();

	(void)state;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_shutdowns_ungraceful_total{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_shutdowns_incomplete_total{" ORDERS "}", "0");
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"lossy\"}",
		      "1");
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"clean\"}",
		      "0");
	assert_sample(metrics,
		      "shutwatch_connections_total{" ORDERS
		      ",direction=\"inbound\",outcome=\"completed\"}",
		      "6");
	assert_sample(metrics,
		      "shutwatch_connections_total{" ORDERS
		      ",direction=\"outbound\",outcome=\"left_open\"}",
		      "1");
	assert_sample(metrics,
		      "shutwatch_connections_aborted_total{" ORDERS ",direction=\"inbound\"}", "4");
	assert_sample(metrics,
		      "shutwatch_connections_aborted_total{" ORDERS ",direction=\"outbound\"}",
		      "0");
	assert_sample(metrics, "shutwatch_connections_late_total{" ORDERS ",direction=\"inbound\"}",
		      "3");
	assert_sample(metrics, "shutwatch_connection_attempts_refused_total{" ORDERS "}", "40");
	assert_sample(metrics, "shutwatch_handshakes_refused_total{" ORDERS "}", "1");
	fixture_free(record);
	metrics_free(metrics);
}

static void test_last(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_orders();

	(void)state;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_last_shutdown_timestamp_seconds{" ORDERS "}",
		      "1795375815.246456789"); /* T0 and the total of 2.123 s */
	assert_sample(metrics, "shutwatch_last_shutdown_duration_seconds{" ORDERS "}", "2.123");
	assert_sample(metrics, "shutwatch_last_shutdown_drain_seconds{" ORDERS "}", "2.003");
	assert_sample(metrics, "shutwatch_last_shutdown_dark_seconds{" ORDERS "}", "3.4");
	assert_sample(metrics, "shutwatch_last_shutdown_grace_seconds{" ORDERS "}", "90");
	assert_sample(metrics, "shutwatch_last_shutdown_connections_aborted{" ORDERS "}", "4");
	assert_sample(metrics, "shutwatch_last_shutdown_attempts_refused{" ORDERS "}", "40");
	assert_sample(metrics, "shutwatch_last_shutdown_outcome{" ORDERS ",outcome=\"lossy\"}",
		      "1");
	assert_sample(metrics, "shutwatch_last_shutdown_outcome{" ORDERS ",outcome=\"clean\"}",
		      "0");
	/* An older one that comes later changes none of it. */
	strcpy(record->id, "01KAPK2Z7JQ0X4T8M5C9W3R6HE");
	record->trigger_wall_ns -= 1;
	record->timing.total_ns = 7;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "2");
	assert_sample(metrics, "shutwatch_last_shutdown_duration_seconds{" ORDERS "}", "2.123");
	fixture_free(record);
	metrics_free(metrics);
}

static void test_histogram(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_orders();

	(void)state;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_bucket{" ORDERS ",le=\"1.0\"}",
		      "0");
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_bucket{" ORDERS ",le=\"2.5\"}",
		      "1");
	strcpy(record->id, "01KAPK2Z7JQ0X4T8M5C9W3R6HE");
	record->timing.total_ns = 2500 * FIXTURE_MS; /* an upper bound is inside */
	observe(metrics, record);
	strcpy(record->id, "01KAPK2Z7JQ0X4T8M5C9W3R6HF");
	record->timing.total_ns = 600001 * FIXTURE_MS;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_bucket{" ORDERS ",le=\"2.5\"}",
		      "2");
	assert_sample(metrics,
		      "shutwatch_shutdown_duration_seconds_bucket{" ORDERS ",le=\"600.0\"}", "2");
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_bucket{" ORDERS ",le=\"+Inf\"}",
		      "3");
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_sum{" ORDERS "}", "604.624");
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_count{" ORDERS "}", "3");
	assert_sample(metrics, "shutwatch_shutdown_react_seconds_sum{" ORDERS "}", "0.000336");
	assert_sample(metrics, "shutwatch_shutdown_accepting_seconds_count{" ORDERS "}", "3");
	assert_sample(metrics, "shutwatch_shutdown_in_flight_seconds_count{" ORDERS "}", "3");
	assert_sample(metrics, "shutwatch_shutdown_drain_seconds_count{" ORDERS "}", "3");
	assert_sample(metrics, "shutwatch_shutdown_cleanup_seconds_sum{" ORDERS "}", "0.36");
	assert_sample(metrics, "shutwatch_shutdown_dark_seconds_sum{" ORDERS "}", "10.2");
	fixture_free(record);
	metrics_free(metrics);
}

static void test_unknown(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_empty();

	(void)state;
	record->has_connections = false;
	record->refused = 9; /* must not be believed */
	record->verdict = 200;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_connection_attempts_refused_total{" ORDERS "}", "0");
	assert_sample(metrics, "shutwatch_last_shutdown_timestamp_seconds{" ORDERS "}",
		      "1795375813.123456789");
	assert_no_sample(metrics, "shutwatch_last_shutdown_duration_seconds{");
	assert_no_sample(metrics, "shutwatch_last_shutdown_drain_seconds{");
	assert_no_sample(metrics, "shutwatch_last_shutdown_dark_seconds{");
	assert_no_sample(metrics, "shutwatch_last_shutdown_grace_seconds{");
	assert_no_sample(metrics, "shutwatch_last_shutdown_connections_aborted{");
	assert_no_sample(metrics, "shutwatch_last_shutdown_attempts_refused{");
	assert_no_sample(metrics, "shutwatch_shutdown_duration_seconds_bucket{");
	assert_no_sample(metrics, "shutwatch_shutdown_dark_seconds_bucket{");
	fixture_free(record);
	metrics_free(metrics);
}

/* The update of a provisional record: only the difference, and dark time once. */
static void test_update(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_orders();

	(void)state;
	record->is_provisional = true;
	record->timing.dark_ns = TIME_UNKNOWN;
	observe(metrics, record);
	observe(metrics, record);
	assert_no_sample(metrics, "shutwatch_shutdown_dark_seconds_bucket{");
	record->is_provisional = false;
	record->refused = 45;
	record->timing.dark_ns = 3400 * FIXTURE_MS;
	observe(metrics, record);
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_shutdowns_ungraceful_total{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"lossy\"}",
		      "1");
	assert_sample(metrics, "shutwatch_connection_attempts_refused_total{" ORDERS "}", "45");
	assert_sample(metrics, "shutwatch_handshakes_refused_total{" ORDERS "}", "1");
	assert_sample(metrics,
		      "shutwatch_connections_aborted_total{" ORDERS ",direction=\"inbound\"}", "4");
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_count{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_shutdown_dark_seconds_count{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_last_shutdown_attempts_refused{" ORDERS "}", "45");
	record->refused = 3; /* never down */
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_connection_attempts_refused_total{" ORDERS "}", "45");
	fixture_free(record);
	metrics_free(metrics);
}

/* Clean counts when nothing can make it lossy any more. */
static void test_clean_becomes_lossy(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_empty();

	(void)state;
	record->is_provisional = true;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"clean\"}",
		      "0");
	record->refused = 1;
	record->verdict = VERDICT_LOSSY;
	observe(metrics, record);
	record->is_provisional = false;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"clean\"}",
		      "0");
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"lossy\"}",
		      "1");
	assert_sample(metrics, "shutwatch_shutdowns_ungraceful_total{" ORDERS "}", "1");
	strcpy(record->id, "01KAPK2Z7JQ0X4T8M5C9W3R6HE");
	record->verdict = VERDICT_CLEAN;
	record->is_provisional = true;
	observe(metrics, record);
	record->is_provisional = false;
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"clean\"}",
		      "1");
	fixture_free(record);
	metrics_free(metrics);
}

/* Past its patience, then over: what was open has an outcome, the time is known. */
static void test_draining_ends(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_empty();
	uint64_t *outcomes = record->directions[DIRECTION_INBOUND].outcomes;

	(void)state;
	record->verdict = VERDICT_DRAINING;
	outcomes[OUTCOME_OPEN] = 2;
	outcomes[OUTCOME_COMPLETED] = 1;
	observe(metrics, record);
	assert_no_sample(metrics, "shutwatch_shutdown_duration_seconds_bucket{");
	outcomes[OUTCOME_OPEN] = 0;
	outcomes[OUTCOME_COMPLETED] = 3;
	record->verdict = VERDICT_FORCED;
	record->timing.total_ns = 700000 * FIXTURE_MS;
	observe(metrics, record);
	assert_no_sample(metrics, "shutwatch_connections_total{" ORDERS
				  ",direction=\"inbound\",outcome=\"open\"}");
	assert_sample(metrics,
		      "shutwatch_connections_total{" ORDERS
		      ",direction=\"inbound\",outcome=\"completed\"}",
		      "3");
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"draining\"}",
		      "1");
	assert_sample(metrics, "shutwatch_shutdown_outcomes_total{" ORDERS ",outcome=\"forced\"}",
		      "1");
	assert_sample(metrics, "shutwatch_shutdowns_ungraceful_total{" ORDERS "}", "1");
	assert_sample(metrics, "shutwatch_shutdown_duration_seconds_count{" ORDERS "}", "1");
	fixture_free(record);
	metrics_free(metrics);
}

/* 4096 records are known again, the one before them is not. */
static void test_remembers(void **state)
{
	struct metrics *metrics = metrics_new(10);
	struct record *record = fixture_empty();

	(void)state;
	for (int i = 0; i < 4097; i++) {
		snprintf(record->id, sizeof(record->id), "%026d", i);
		observe(metrics, record);
	}
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "4097");
	snprintf(record->id, sizeof(record->id), "%026d", 1);
	observe(metrics, record);
	snprintf(record->id, sizeof(record->id), "%026d", 4096);
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "4097");
	snprintf(record->id, sizeof(record->id), "%026d", 0);
	observe(metrics, record);
	assert_sample(metrics, "shutwatch_shutdowns_total{" ORDERS "}", "4098");
	fixture_free(record);
	metrics_free(metrics);
}

static void test_services_are_bounded(void **state)
{
	struct metrics *metrics = metrics_new(2);

	(void)state;
	observe_service(metrics, "a");
	assert_sample(metrics, "shutwatch_shutdowns_collapsed_total", "0");
	observe_service(metrics, "b");
	observe_service(metrics, "c");
	observe_service(metrics, "d");
	observe_service(metrics, "a");
	observe_service(metrics, "other");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"a\"}", "2");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"b\"}", "1");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"other\"}", "3");
	assert_no_sample(metrics, "shutwatch_shutdowns_total{service=\"c\"}");
	assert_sample(metrics, "shutwatch_shutdowns_collapsed_total", "3");
	metrics_free(metrics);
}

/* One that is really called so takes nobody's room. */
static void test_named_other(void **state)
{
	struct metrics *metrics = metrics_new(1);

	(void)state;
	observe_service(metrics, "other");
	observe_service(metrics, "a");
	observe_service(metrics, "b");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"other\"}", "2");
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"a\"}", "1");
	metrics_free(metrics);
}

static void test_in_progress(void **state)
{
	struct metrics *metrics = metrics_new(1);

	(void)state;
	assert_int_equal(metrics_set_in_progress(metrics, "a", 2), 0);
	assert_sample(metrics, "shutwatch_shutdowns_in_progress{service=\"a\"}", "2");
	/* Known from now on. */
	assert_sample(metrics, "shutwatch_shutdowns_total{service=\"a\"}", "0");
	assert_sample(metrics,
		      "shutwatch_connections_aborted_total{service=\"a\",direction=\"inbound\"}",
		      "0");
	assert_no_sample(metrics, "shutwatch_last_shutdown_timestamp_seconds{");
	/* The others share one gauge. */
	assert_int_equal(metrics_set_in_progress(metrics, "b", 1), 0);
	assert_int_equal(metrics_set_in_progress(metrics, "c", 3), 0);
	assert_sample(metrics, "shutwatch_shutdowns_in_progress{service=\"other\"}", "4");
	assert_int_equal(metrics_set_in_progress(metrics, "c", 1), 0);
	assert_int_equal(metrics_set_in_progress(metrics, "b", 0), 0);
	assert_int_equal(metrics_set_in_progress(metrics, "b", 0), 0);
	assert_sample(metrics, "shutwatch_shutdowns_in_progress{service=\"other\"}", "1");
	assert_int_equal(metrics_set_in_progress(metrics, "c", 0), 0);
	assert_int_equal(metrics_set_in_progress(metrics, "a", 0), 0);
	assert_sample(metrics, "shutwatch_shutdowns_in_progress{service=\"other\"}", "0");
	assert_sample(metrics, "shutwatch_shutdowns_in_progress{service=\"a\"}", "0");
	metrics_free(metrics);
}

static void test_snapshot(void **state)
{
	struct metrics *metrics = metrics_new(1);

	(void)state;
	metrics_observe_snapshot(metrics, 0.0005);
	metrics_observe_snapshot(metrics, 3);
	metrics_observe_snapshot(metrics, -1);
	metrics_observe_snapshot(metrics, NAN);
	metrics_observe_snapshot(metrics, INFINITY);
	assert_sample(metrics, "shutwatch_snapshot_duration_seconds_bucket{le=\"0.00025\"}", "0");
	assert_sample(metrics, "shutwatch_snapshot_duration_seconds_bucket{le=\"0.0005\"}", "1");
	assert_sample(metrics, "shutwatch_snapshot_duration_seconds_bucket{le=\"1.0\"}", "1");
	assert_sample(metrics, "shutwatch_snapshot_duration_seconds_bucket{le=\"+Inf\"}", "2");
	assert_sample(metrics, "shutwatch_snapshot_duration_seconds_sum", "3.0005");
	assert_sample(metrics, "shutwatch_snapshot_duration_seconds_count", "2");
	metrics_free(metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_clean_becomes_lossy),
		cmocka_unit_test(test_draining_ends),
		cmocka_unit_test(test_remembers),
		cmocka_unit_test(test_services_are_bounded),
		cmocka_unit_test(test_named_other),
		cmocka_unit_test(test_in_progress),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
