/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings on what took the time: each where it must be, and where it must not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "tests/unit/judged.h"

#define MS FIXTURE_MS
#define S (1000 * FIXTURE_MS)

/* It closed its listener, and was killed 10 s after the signal. */
static struct record *killed_in_drain(enum program program)
{
	struct record *record = judged_clean(program);

	judged_kill(judged_process(record), 10 * S);
	record->verdict = VERDICT_FORCED;
	return record;
}

static void test_drain_blocked_active(void **state)
{
	struct record *record = killed_in_drain(PROGRAM_UVICORN);
	const struct finding *finding;

	(void)state;
	judged_inbound(record, OUTCOME_ABANDONED, 2);
	record->details_omitted = 5000;
	finding = assert_fires(record, "drain_blocked_active",
			       "2 busy inbound connections kept the service until it was killed, "
			       "10.0 s after the signal",
			       "--timeout-graceful-shutdown 8,");
	assert_int_equal(judged_number(finding, "connections"), 2);
	assert_int_equal(judged_number(finding, "blocked_s"), 10 * S);
	assert_silent(record, "drain_blocked_idle");
	judged_signal(record)->result = SIGNAL_IGNORED; /* what it closed was everyday traffic */
	assert_silent(record, "drain_blocked_active");
	judged_signal(record)->result = SIGNAL_DELIVERED;
	record->timing.first_action_ns = 10 * S; /* it was not draining at all */
	assert_silent(record, "drain_blocked_active");
	fixture_free(record);
}

/* More time is advised where what there is was too short, and is then more than that. */
static void test_more_grace(void **state)
{
	struct record *record = killed_in_drain(PROGRAM_UVICORN);
	static const struct {
		int64_t grace_ns;
		const char *advice; /* NULL: nothing about the unit */
	} cases[] = {
		{ TIME_UNKNOWN, "at least 11 s" },
		{ 4 * S, "at least 11 s" },
		{ 10200 * MS, "at least 11 s" },
		{ 90 * S, NULL },
	};

	(void)state;
	strcpy(record->service.unit, "a.service");
	judged_inbound(record, OUTCOME_ABANDONED, 2);
	for (size_t i = 0; i < 4; i++) {
		const struct finding *finding;

		record->timing.grace_ns = cases[i].grace_ns;
		finding = judged_find(record, "drain_blocked_active");
		assert_non_null(finding);
		assert_non_null(strstr(finding->advice, "--timeout-graceful-shutdown 8,"));
		if (cases[i].advice)
			assert_non_null(strstr(finding->advice, cases[i].advice));
		else
			assert_null(strstr(finding->advice, "TimeoutStopSec"));
	}
	fixture_free(record);
}

/* Whoever has time and was not killed is not told to cut off what it answered. */
static void test_within_the_grace_period(void **state)
{
	static const struct {
		int64_t drain_ns;
		const char *advice; /* NULL: no finding */
	} cases[] = {
		{ 7 * S, NULL },
		{ 44900 * MS, NULL },
		{ 45 * S, "--timeout-graceful-shutdown 72," },
		{ 80 * S, "--timeout-graceful-shutdown 81," },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct record *record = judged_clean(PROGRAM_UVICORN);
		struct record_connection *c = judged_inbound(record, OUTCOME_COMPLETED, 1);
		const struct finding *finding;

		strcpy(record->service.unit, "a.service");
		c->at_signal = AT_SIGNAL_IN_FLIGHT;
		c->closed_at_ns = cases[i].drain_ns;
		record->timing.in_flight_ns = record->timing.drain_ns = cases[i].drain_ns;
		record->timing.grace_ns = 90 * S;
		finding = judged_find(record, "drain_blocked_active");
		assert_int_equal(finding != NULL, cases[i].advice != NULL);
		if (finding)
			assert_non_null(strstr(finding->advice, cases[i].advice));
		if (finding)
			assert_null(strstr(finding->advice, "TimeoutStopSec"));
		fixture_free(record);
	}
}

static void test_drain_blocked_active_until_answered(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);
	struct record_connection *c = judged_inbound(record, OUTCOME_COMPLETED, 1);
	const struct finding *finding;

	(void)state;
	c->at_signal = AT_SIGNAL_IN_FLIGHT;
	c->closed_at_ns = record->timing.in_flight_ns = record->timing.drain_ns = 4 * S;
	assert_silent(record, "drain_blocked_active");
	c->closed_at_ns = record->timing.in_flight_ns = record->timing.drain_ns = 7 * S;
	/* It lost nobody: a limit below that would. */
	finding = assert_fires(record, "drain_blocked_active",
			       "1 busy inbound connection kept the service for 7.0 s",
			       "Nobody was lost: let whatever stops it wait for longer than 7.0 s");
	assert_null(strstr(finding->advice, "--graceful-timeout"));
	judged_inbound(record, OUTCOME_CUT, 1);
	finding = judged_find(record, "drain_blocked_active");
	assert_non_null(strstr(finding->advice, "--graceful-timeout 8,"));
	assert_silent(record, "drain_blocked_idle");
	fixture_free(record);
}

static void test_drain_blocked_idle(void **state)
{
	struct record *record = killed_in_drain(PROGRAM_NODE);
	const struct finding *finding;

	(void)state;
	judged_inbound(record, OUTCOME_LEFT_OPEN, 3)->at_signal = AT_SIGNAL_IN_FLIGHT; /* once */
	finding = assert_fires(
		record, "drain_blocked_idle",
		"3 idle or streaming inbound connections kept the service until it was killed, "
		"10.0 s after the signal",
		"server.closeIdleConnections()");
	assert_int_equal(judged_number(finding, "connections"), 3);
	judged_inbound(record, OUTCOME_UNACCEPTED, 2); /* dropped when it closed the listener */
	assert_non_null(judged_find(record, "drain_blocked_idle"));
	record->timing.accepting_ns = 10 * S + MS; /* or until the kill: nobody took them */
	assert_silent(record, "drain_blocked_idle");
	record->timing.accepting_ns = 2 * MS;
	judged_inbound(record, OUTCOME_ABANDONED, 1); /* who knows which of them */
	assert_silent(record, "drain_blocked_idle");
	fixture_free(record);
}

static void test_drain_blocked_idle_to_the_end(void **state)
{
	struct record *record = judged_clean(PROGRAM_GO);
	struct record_connection *c = judged_inbound(record, OUTCOME_IDLE, 2);

	(void)state;
	c->at_signal = AT_SIGNAL_IDLE;
	c->closed_at_ns = record->timing.drain_ns = 5200 * MS;
	assert_fires(record, "drain_blocked_idle",
		     "1 idle or streaming inbound connection kept the service for 5.2 s",
		     "ReadHeaderTimeout");
	c->outcome = OUTCOME_COMPLETED; /* it was used again */
	assert_silent(record, "drain_blocked_idle");
	fixture_free(record);
}

static void test_drain_blocked_while_it_goes_on(void **state)
{
	struct record *record = judged_clean(PROGRAM_POSTGRESQL);
	struct record_connection *c = judged_inbound(record, OUTCOME_OPEN, 1);

	(void)state;
	judged_process(record)->has_exited = false;
	record->verdict = VERDICT_DRAINING;
	record->timing.total_ns = TIME_UNKNOWN;
	c->at_signal = AT_SIGNAL_IDLE;
	assert_fires(record, "drain_blocked_idle",
		     "1 idle or streaming inbound connection kept "
		     "the service from ending: it is still draining",
		     "SIGINT (fast shutdown)");
	c->at_signal = AT_SIGNAL_IN_FLIGHT;
	assert_silent(record, "drain_blocked_idle");
	assert_non_null(judged_find(record, "drain_blocked_active"));
	fixture_free(record);
}

static void test_drain_blocked_outbound(void **state)
{
	struct record *record = killed_in_drain(PROGRAM_PYTHON);
	const struct finding *finding;

	(void)state;
	judged_outbound(record, OUTCOME_ABANDONED, 1);
	finding = assert_fires(record, "drain_blocked_outbound",
			       "1 unanswered outbound connection kept the service until it was "
			       "killed, 10.0 s after the signal",
			       "time-out for calls to other services");
	assert_int_equal(judged_number(finding, "connections"), 1);
	judged_inbound(record, OUTCOME_ABANDONED, 1);
	assert_silent(record, "drain_blocked_outbound");
	fixture_free(record);
}

static void test_the_longest_wait_is_told(void **state)
{
	struct record *record = killed_in_drain(PROGRAM_NODE);
	struct record_wait *wait = calloc(1, sizeof(*wait));

	(void)state;
	judged_inbound(record, OUTCOME_LEFT_OPEN, 2);
	*wait = (struct record_wait){ .comm = "node",
				      .pid = 812,
				      .tid = 812,
				      .is_main = true,
				      .call = "epoll_wait",
				      .text = "2 inbound connections open",
				      .total_ns = 9900 * MS };
	record->waits = wait;
	record->n_waits = 1;
	record->has_waits = true;
	assert_fires(record, "drain_blocked_idle",
		     "2 idle or streaming inbound connections kept "
		     "the service until it was killed, 10.0 s "
		     "after the signal; the main thread of node spent 9.9 s in epoll_wait (2 "
		     "inbound connections open)",
		     "server.closeAllConnections() after 8 s");
	fixture_free(record);
}

static void test_slow_cleanup(void **state)
{
	struct record *record = judged_clean(PROGRAM_REDIS);
	const struct finding *finding;

	(void)state;
	record->timing.cleanup_ns = 2500 * MS;
	record->timing.total_ns = 2502 * MS;
	finding = assert_fires(record, "slow_cleanup",
			       "after its last client was gone the service took 2.5 s more to end, "
			       "of 2.5 s in all",
			       "appendonly");
	assert_int_equal(judged_number(finding, "cleanup_s"), 2500 * MS);
	record->timing.total_ns = 11 * S; /* less than a quarter */
	assert_silent(record, "slow_cleanup");
	record->timing.total_ns = 2500 * MS;
	record->timing.accepting_ns = TIME_UNKNOWN; /* a worker at its last job */
	assert_silent(record, "slow_cleanup");
	record->timing.accepting_ns = 2 * MS;
	record->timing.cleanup_ns = 900 * MS;
	assert_silent(record, "slow_cleanup");
	fixture_free(record);
}

/* Idle clients that the exit closed kept nobody: the service was busy with itself. */
static void test_slow_cleanup_with_idle_clients(void **state)
{
	struct record *record = judged_clean(PROGRAM_PYTHON);

	(void)state;
	record->timing.total_ns = record->timing.drain_ns = 6 * S;
	record->timing.cleanup_ns = 0;
	judged_inbound(record, OUTCOME_LEFT_OPEN, 1)->closed_at_ns = 6 * S;
	record->details[0].at_signal = AT_SIGNAL_IDLE;
	assert_fires(record, "slow_cleanup",
		     "with idle clients alone, which it left open, the service took 6.0 s more to "
		     "end, of 6.0 s in all",
		     "");
	assert_silent(record, "drain_blocked_idle");
	judged_inbound(record, OUTCOME_COMPLETED, 1)->closed_at_ns = 5500 * MS;
	assert_silent(record, "slow_cleanup"); /* until then it served */
	fixture_free(record);
}

/* The master was killed; its worker, told to stop, stayed until its client left. */
static void test_blocked_in_a_worker(void **state)
{
	struct record *record = killed_in_drain(PROGRAM_UVICORN);
	struct record_connection *stream = judged_inbound(record, OUTCOME_PEER_RESET, 1);

	(void)state;
	stream->at_signal = AT_SIGNAL_IDLE;
	stream->closed_at_ns = 9 * S;
	assert_silent(record, "drain_blocked_idle");
	stream->closed_at_ns = 11 * S;
	assert_non_null(judged_find(record, "drain_blocked_idle"));
	fixture_free(record);
}

/* What the clean-up waited for, not what the whole stop did most. */
static void test_slow_cleanup_tells_its_own_wait(void **state)
{
	struct record *record = judged_clean(PROGRAM_PYTHON);
	static const struct record_wait waits[] = {
		{ .pid = 812,
		  .tid = 812,
		  .comm = "python3",
		  .is_main = true,
		  .call = "epoll_wait",
		  .object = WAIT_ON_EPOLL,
		  .total_ns = 8000 * MS },
		{ .pid = 812,
		  .tid = 813,
		  .comm = "pool",
		  .call = "recvfrom",
		  .object = WAIT_ON_SOCKET,
		  .text = "10.0.0.5:5432",
		  .total_ns = 2400 * MS,
		  .cleanup_ns = 2400 * MS },
	};

	(void)state;
	record->timing.cleanup_ns = 2500 * MS;
	record->timing.total_ns = 10 * S;
	record->waits = malloc(sizeof(waits));
	assert_non_null(record->waits);
	memcpy(record->waits, waits, sizeof(waits));
	record->has_waits = true;
	record->n_waits = 2;
	assert_fires(record, "slow_cleanup",
		     "after its last client was gone the service took 2.5 s more to end, of 10.0 s "
		     "in all; thread pool spent 2.4 s in recvfrom (10.0.0.5:5432)",
		     "");
	record->waits[1].cleanup_ns = TIME_UNKNOWN; /* from an old recording */
	assert_fires(record, "slow_cleanup",
		     "after its last client was gone the service took 2.5 s more to end, of 10.0 s "
		     "in all",
		     "");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain_blocked_active),
		cmocka_unit_test(test_more_grace),
		cmocka_unit_test(test_within_the_grace_period),
		cmocka_unit_test(test_drain_blocked_active_until_answered),
		cmocka_unit_test(test_drain_blocked_idle),
		cmocka_unit_test(test_drain_blocked_idle_to_the_end),
		cmocka_unit_test(test_drain_blocked_while_it_goes_on),
		cmocka_unit_test(test_drain_blocked_outbound),
		cmocka_unit_test(test_the_longest_wait_is_told),
		cmocka_unit_test(test_slow_cleanup),
		cmocka_unit_test(test_slow_cleanup_with_idle_clients),
		cmocka_unit_test(test_blocked_in_a_worker),
		cmocka_unit_test(test_slow_cleanup_tells_its_own_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
