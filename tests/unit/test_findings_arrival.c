/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings on who came too late: each where it must be, and where it must not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "tests/unit/judged.h"

#define MS FIXTURE_MS
#define S (1000 * FIXTURE_MS)

/* Clients came for 3.4 s; the service refused them while it drained for 5 s. */
static struct record *refusing(void)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);

	record->refused = 142;
	record->last_refused_at_ns = 3400 * MS;
	record->timing.total_ns = 5 * S;
	record->observed_ns = 6 * S;
	return record;
}

static void test_listener_closed_too_early(void **state)
{
	struct record *record = refusing();
	const struct finding *finding;

	(void)state;
	finding = assert_fires(
		record, "listener_closed_too_early",
		"the listener closed 2 ms after the signal while clients kept "
		"arriving for 3.4 s; the service worked on for 5.0 s and refused 142",
		"Leave the load balancer at least 4 s before the stop signal, or go on "
		"accepting for that long after it.");
	assert_int_equal(judged_number(finding, "last_refused_s"), 3400 * MS);
	record->timing.total_ns = 100 * MS; /* it ended at once */
	assert_silent(record, "listener_closed_too_early");
	fixture_free(record);
}

static void test_refused_after_listener_close(void **state)
{
	struct record *record = refusing();
	const struct finding *finding;

	(void)state;
	strcpy(record->service.pod_uid, "abc");
	finding = assert_fires(record, "refused_after_listener_close",
			       "142 connection attempts found the listener closed, the last one "
			       "3.4 s after the signal",
			       "preStop sleep of at least 4 s");
	assert_int_equal(judged_number(finding, "refused"), 142);
	record->last_refused_at_ns = 59 * S; /* nobody waits for so long */
	record->observed_ns = 90 * S;
	finding = judged_find(record, "refused_after_listener_close");
	assert_null(strstr(finding->advice, "at least"));
	assert_null(strstr(finding->advice, "the observation"));
	record->refused = 0;
	assert_silent(record, "refused_after_listener_close");
	fixture_free(record);
}

/* Who came late and was served: the load balancer is told too late, and nothing else is wrong. */
static void test_late_arrivals(void **state)
{
	struct record *record = judged_clean(PROGRAM_NGINX);
	const struct finding *finding;

	(void)state;
	strcpy(record->service.unit, "a.service");
	assert_silent(record, "late_arrivals");
	record->directions[DIRECTION_INBOUND].late = 12;
	record->last_arrival_at_ns = 4 * S;
	record->observed_ns = 8 * S;
	finding = assert_fires(record, "late_arrivals",
			       "12 connections arrived after the stop had begun, the last one "
			       "4.0 s after the signal",
			       "out of the load balancer before the signal");
	assert_int_equal(judged_number(finding, "last_arrival_s"), 4 * S);
	assert_null(strstr(finding->advice, "accepting"));
	assert_null(strstr(finding->advice, "socket unit"));
	assert_nothing_wrong(record);
	record->last_arrival_at_ns = 300000;
	finding = assert_fires(record, "late_arrivals",
			       "12 connections arrived after the stop had begun", "");
	assert_null(strstr(finding->summary, "0 ms"));
	fixture_free(record);
}

/* Nothing about its listener, where another process holds that. */
static void test_late_arrivals_at_a_listener_that_stays(void **state)
{
	struct record *record = refusing();

	(void)state;
	record->directions[DIRECTION_INBOUND].late = 3;
	record->last_arrival_at_ns = 200 * MS;
	assert_non_null(strstr(judged_find(record, "late_arrivals")->advice, "at least 4 s"));
	record->timing.accepting_ns = TIME_UNKNOWN;
	assert_null(strstr(judged_find(record, "late_arrivals")->advice, "accepting"));
	fixture_free(record);
}

/* One wait for one stop: long enough for the last of those that came, and that were refused. */
static void test_one_wait(void **state)
{
	static const char *const ids[] = { "refused_after_listener_close", "late_arrivals",
					   "listener_closed_too_early" };
	struct record *record = refusing();

	(void)state;
	record->directions[DIRECTION_INBOUND].late = 3;
	record->last_arrival_at_ns = 200 * MS;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_non_null(strstr(judged_find(record, ids[i])->advice, "at least 4 s"));
	record->last_arrival_at_ns = 6 * S;
	record->observed_ns = 8 * S;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		assert_non_null(strstr(judged_find(record, ids[i])->advice, "at least 7 s"));
	fixture_free(record);
}

/* A measurement that ends with the observation says how long that was. */
static void test_no_wait_is_computed_while_clients_come(void **state)
{
	static const struct {
		int64_t observed_ns;
		uint64_t refused;
		const char *advice;
		const char *without;
	} cases[] = {
		{ 6000 * MS, 142, "at least 4 s", "observation" },
		{ 3900 * MS, 142, "at least 4 s", "observation" },
		{ 3840 * MS, 142,
		  "they still came 440 ms before the end of the observation, which took 3.8 s;",
		  "at least" },
		/* One in 3.4 s, and none in the next 2.6 s: that is no end. */
		{ 6000 * MS, 1,
		  "they still came 2.6 s before the end of the observation, which took 6.0 s;",
		  "at least" },
		{ TIME_UNKNOWN, 142, "load balancer", "at least" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record *record = refusing();
		const char *advice;

		strcpy(record->service.unit, "a.service");
		record->observed_ns = cases[i].observed_ns;
		record->refused = cases[i].refused;
		advice = judged_find(record, "refused_after_listener_close")->advice;
		assert_non_null(strstr(advice, cases[i].advice));
		assert_null(strstr(advice, cases[i].without));
		assert_non_null(strstr(advice, "socket unit"));
		fixture_free(record);
	}
}

/* What a sleep before the stop is called where the service runs. */
static void test_the_wait_is_named_as_its_place_has_it(void **state)
{
	struct record *record = refusing();
	const char *advice = judged_find(record, "refused_after_listener_close")->advice;

	(void)state;
	assert_null(strstr(advice, "preStop"));
	strcpy(record->service.unit, "a.service");
	advice = judged_find(record, "refused_after_listener_close")->advice;
	assert_non_null(strstr(advice, "ExecStop=/bin/sleep 4;"));
	assert_null(strstr(advice, "preStop"));
	strcpy(record->service.container_id, "abc");
	advice = judged_find(record, "refused_after_listener_close")->advice;
	assert_non_null(strstr(advice, "Detach the container from the proxy, wait at least 4 s"));
	strcpy(record->service.pod_uid, "abc");
	advice = judged_find(record, "refused_after_listener_close")->advice;
	assert_non_null(strstr(advice, "a preStop sleep of at least 4 s"));
	fixture_free(record);
}

static void test_port_dark(void **state)
{
	struct record *record = refusing();
	const struct finding *finding;

	(void)state;
	assert_silent(record, "port_dark");
	record->timing.dark_ns = 3400 * MS;
	record->listeners[0].reopened_at_ns = 3402 * MS;
	finding = assert_fires(record, "port_dark",
			       "the port was closed for 3.4 s between the old instance and the new "
			       "one: 142 connection attempts were refused",
			       "socket activation");
	assert_int_equal(judged_number(finding, "port"), 8000);
	/* The next instance came too late, no client: waiting for those helps nobody. */
	finding = judged_find(record, "refused_after_listener_close");
	assert_non_null(strstr(finding->advice, "Start the successor first"));
	assert_null(strstr(finding->advice, "at least"));
	record->refused = 0; /* nobody came */
	assert_silent(record, "port_dark");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener_closed_too_early),
		cmocka_unit_test(test_refused_after_listener_close),
		cmocka_unit_test(test_late_arrivals),
		cmocka_unit_test(test_late_arrivals_at_a_listener_that_stays),
		cmocka_unit_test(test_one_wait),
		cmocka_unit_test(test_no_wait_is_computed_while_clients_come),
		cmocka_unit_test(test_the_wait_is_named_as_its_place_has_it),
		cmocka_unit_test(test_port_dark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
