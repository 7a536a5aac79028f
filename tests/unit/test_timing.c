/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of times, row by row, and when each of them is not known. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/analysis/timing.h"
#include "tests/unit/story.h"

/* Milliseconds stand for nanoseconds here; UNKNOWN for TIME_UNKNOWN. */
#define UNKNOWN (-1)

static void assert_ms(int64_t ns, int64_t expected_ms)
{
	if (expected_ms == UNKNOWN)
		assert_true(ns == TIME_UNKNOWN);
	else
		assert_int_equal(ns, expected_ms * STORY_MS);
}

/* TERM to the master 10; 11 is its worker. */
static struct shutdown *stopping(void)
{
	struct shutdown *s = story_begin();

	story_tell(s, story_signal(0, 10, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_process(10, 1));
	story_tell(s, story_process(11, 10));
	return s;
}

static void test_all_unknown(void **state)
{
	struct shutdown *s = stopping();
	struct record_timing timing = timing_of(s);

	(void)state;
	assert_ms(timing.react_ns, UNKNOWN);
	assert_ms(timing.first_action_ns, UNKNOWN);
	assert_ms(timing.accepting_ns, UNKNOWN);
	assert_ms(timing.in_flight_ns, UNKNOWN);
	assert_ms(timing.drain_ns, UNKNOWN);
	assert_ms(timing.cleanup_ns, UNKNOWN);
	assert_ms(timing.total_ns, UNKNOWN);
	assert_ms(timing.dark_ns, UNKNOWN);
	assert_ms(timing.grace_ns, UNKNOWN);
	shutdown_free(s);
}

static void test_since_stop(void **state)
{
	struct shutdown *s = story_begin();

	(void)state;
	assert_ms(timing_since_stop(s, 0), UNKNOWN);
	assert_ms(timing_since_stop(s, story_ns(0)), 0);
	assert_ms(timing_since_stop(s, story_ns(7)), 7);
	assert_ms(timing_since_stop(s, story_ns(-7)), 0); /* seen a little before the signal */
	shutdown_free(s);
}

static void test_react(void **state)
{
	struct shutdown *s = stopping();

	(void)state;
	story_tell(s, story_signal(2, 11, SIGTERM, 10, SIGNAL_FROM_MEMBER));
	story_tell(s, story_delivered(9, 11, SIGTERM));
	story_tell(s, story_delivered(1, 10, SIGTERM));
	assert_ms(timing_of(s).react_ns, 1);
	shutdown_free(s);
	s = stopping();
	story_tell(s, story_delivered(0, 10, SIGTERM));
	assert_ms(timing_of(s).react_ns, 0); /* at once is not "unknown" */
	shutdown_free(s);
}

/* --- first action --------------------------------------------------------------------------- */

static void test_first_action(void **state)
{
	struct shutdown *s = stopping();

	(void)state;
	story_tell(s, story_signal(1, 10, SIGINT, STORY_SYSTEMD, 0));
	story_tell(s, story_signal(2, 10, SIGTERM, 10, SIGNAL_FROM_MEMBER)); /* to itself */
	story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
	story_tell(s, story_delivered(3, 10, SIGTERM));
	story_tell(s, story_connection(4, 1, OUTCOME_PEER_CLOSED));
	assert_ms(timing_of(s).first_action_ns, UNKNOWN);
	story_tell(s, story_exit(50, 11, 0));
	assert_ms(timing_of(s).first_action_ns, 50);
	story_tell(s, story_listener(40, LISTENER_CLOSED, 8000));
	assert_ms(timing_of(s).first_action_ns, 40);
	s->counts.first_closed_ns = story_ns(30);
	assert_ms(timing_of(s).first_action_ns, 30);
	story_tell(s, story_signal(20, 11, SIGTERM, 10, SIGNAL_FROM_MEMBER));
	assert_ms(timing_of(s).first_action_ns, 20);
	story_tell(s, story_exit(60, 10, 0));
	assert_ms(timing_of(s).first_action_ns, 20);
	shutdown_free(s);
}

/* --- listeners and connections -------------------------------------------------------------- */

static void test_accepting(void **state)
{
	struct shutdown *s = stopping();

	(void)state;
	story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
	story_tell(s, story_listener(0, LISTENER_LISTED, 8001));
	story_tell(s, story_listener(30, LISTENER_CLOSED, 8001));
	assert_ms(timing_of(s).accepting_ns, UNKNOWN); /* one outlives the service */
	story_tell(s, story_listener(20, LISTENER_CLOSED, 8000));
	assert_ms(timing_of(s).accepting_ns, 30);
	shutdown_free(s);
}

/* Of what is open still, the details say whether and when it was answered. */
static void test_in_flight_still(void **state)
{
	struct shutdown *s = stopping();
	union event idle = story_connection(600000, 1, OUTCOME_OPEN);
	union event answered = story_connection(600000, 2, OUTCOME_OPEN);
	union event waiting = story_connection(600000, 3, OUTCOME_OPEN);

	(void)state;
	idle.connection.at_signal = AT_SIGNAL_IDLE;
	story_tell(s, idle);
	assert_ms(timing_of(s).in_flight_ns, UNKNOWN);
	answered.connection.at_signal = waiting.connection.at_signal = AT_SIGNAL_IN_FLIGHT;
	answered.connection.flags = CONNECTION_ANSWERED;
	answered.connection.last_data_ns = story_ns(1700);
	story_tell(s, answered);
	assert_ms(timing_of(s).in_flight_ns, 1700);
	s->counts.last_in_flight_ns = story_ns(1800); /* another one has left */
	assert_ms(timing_of(s).in_flight_ns, 1800);
	story_tell(s, waiting);
	assert_ms(timing_of(s).in_flight_ns, UNKNOWN);
	s->details.items[0].flags = s->details.items[1].flags = s->details.items[2].flags =
		CONNECTION_ANSWERED;
	assert_ms(timing_of(s).in_flight_ns, 1800);
	for (size_t i = 0; i < s->details.count; i++)
		s->details.items[i].unacked_bytes = 1; /* its client has not got all of it */
	assert_ms(timing_of(s).in_flight_ns, UNKNOWN);
	shutdown_free(s);
}

static void test_in_flight(void **state)
{
	struct shutdown *s = stopping();

	(void)state;
	s->counts.last_in_flight_ns = story_ns(1502);
	assert_ms(timing_of(s).in_flight_ns, 1502);
	shutdown_free(s);
}

static void test_drain(void **state)
{
	struct shutdown *s = stopping();

	(void)state;
	s->counts.last_left_ns[DIRECTION_OUTBOUND] = story_ns(900);
	assert_ms(timing_of(s).drain_ns, UNKNOWN);
	s->counts.last_left_ns[DIRECTION_INBOUND] = story_ns(700);
	s->counts.outcomes[DIRECTION_OUTBOUND][OUTCOME_OPEN] = 1;
	assert_ms(timing_of(s).drain_ns, 700);
	s->counts.outcomes[DIRECTION_INBOUND][OUTCOME_OPEN] = 1; /* not the last, then */
	assert_ms(timing_of(s).drain_ns, UNKNOWN);
	shutdown_free(s);
}

static void test_dark(void **state)
{
	struct shutdown *s = stopping();
	union event opened = story_listener(420, LISTENER_OPENED, 8000);

	(void)state;
	story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
	shutdown_note_reopened(s, &opened.listener); /* it never closed: shared by a successor */
	assert_ms(timing_of(s).dark_ns, UNKNOWN);
	story_tell(s, story_listener(20, LISTENER_CLOSED, 8000));
	assert_ms(timing_of(s).dark_ns, UNKNOWN);
	shutdown_note_reopened(s, &opened.listener);
	assert_ms(timing_of(s).dark_ns, 400);
	shutdown_free(s);
}

/* Two sockets of one port (SO_REUSEPORT): dark from when the last of them closed. */
static void test_dark_reuseport(void **state)
{
	struct shutdown *s = stopping();
	union event second = story_listener(50, LISTENER_CLOSED, 8000);
	union event opened = story_listener(420, LISTENER_OPENED, 8000);

	(void)state;
	story_tell(s, story_listener(20, LISTENER_CLOSED, 8000));
	second.listener.cookie++;
	story_tell(s, second);
	shutdown_note_reopened(s, &opened.listener);
	assert_ms(timing_of(s).dark_ns, 370);
	assert_ms(timing_of(s).accepting_ns, 50);
	shutdown_free(s);
}

static void test_grace(void **state)
{
	struct shutdown *s = stopping();
	union event service = story_event(EVENT_SERVICE, 0);

	(void)state;
	story_tell(s, service);
	assert_ms(timing_of(s).grace_ns, UNKNOWN);
	service.service.grace_ns = 90000 * STORY_MS;
	story_tell(s, service);
	assert_ms(timing_of(s).grace_ns, 90000);
	shutdown_free(s);
}

/* --- the end -------------------------------------------------------------------------------- */

static void test_total(void **state)
{
	struct shutdown *s = stopping();
	union event zombie = story_process(12, 10);

	(void)state;
	story_tell(s, story_exit(2100, 10, 0));
	assert_ms(timing_of(s).total_ns, UNKNOWN);
	story_tell(s, story_exit(2000, 11, 0));
	zombie.process.flags = PROCESS_ENDED; /* nobody knows since when */
	story_tell(s, zombie);
	assert_ms(timing_of(s).total_ns, 2100);
	s->counts.last_exit_close_ns = story_ns(2050);
	assert_ms(timing_of(s).total_ns, 2100);
	s->counts.last_exit_close_ns = story_ns(2103);
	assert_ms(timing_of(s).total_ns, 2103);
	story_tell(s, story_listener(2105, LISTENER_CLOSED, 8000));
	assert_ms(timing_of(s).total_ns, 2105);
	shutdown_free(s);
}

static void test_total_of_nobody(void **state)
{
	struct shutdown *s = story_begin();

	(void)state;
	s->counts.last_exit_close_ns = story_ns(5);
	assert_ms(timing_of(s).total_ns, UNKNOWN);
	shutdown_free(s);
}

static void test_cleanup(void **state)
{
	static const struct {
		int64_t accepting_ms;
		int64_t drain_ms;
		int64_t cleanup_ms;
	} rows[] = {
		{ 10, 2000, 120 },	    { 2000, 10, 120 }, { 10, UNKNOWN, 2110 },
		{ UNKNOWN, 2000, 120 },	    { 2120, 2120, 0 }, { 10, 2500, 0 },
		{ UNKNOWN, UNKNOWN, 2120 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shutdown *s = stopping();

		if (rows[i].accepting_ms != UNKNOWN)
			story_tell(s, story_listener(rows[i].accepting_ms, LISTENER_CLOSED, 8000));
		if (rows[i].drain_ms != UNKNOWN)
			s->counts.last_left_ns[DIRECTION_INBOUND] = story_ns(rows[i].drain_ms);
		story_tell(s, story_exit(2100, 11, 0));
		assert_ms(timing_of(s).cleanup_ns, UNKNOWN);
		story_tell(s, story_exit(2120, 10, 0));
		assert_ms(timing_of(s).cleanup_ns, rows[i].cleanup_ms);
		shutdown_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_unknown),
		cmocka_unit_test(test_since_stop),
		cmocka_unit_test(test_react),
		cmocka_unit_test(test_first_action),
		cmocka_unit_test(test_accepting),
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_in_flight_still),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_dark),
		cmocka_unit_test(test_dark_reuseport),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_total_of_nobody),
		cmocka_unit_test(test_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
