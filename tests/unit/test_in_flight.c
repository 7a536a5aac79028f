/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who waits for whom: ties within a jiffy, bytes against jiffies, both directions, and protocols
 * in which either side speaks at any time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/facts.h"

static void test_unacked_at_close_is_no_cut(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.sent_bytes += 700;
	f.since_sent = 2;
	f.unacked_bytes = 700; /* the kernel goes on sending after close() */
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
}

static void test_tie_is_answered(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.since_received = 50;
	f.since_sent = 50;
	f.received_bytes += 10;
	f.sent_bytes += 10;
	assert_false(facts_is_unanswered(&f));
	assert_false(facts_is_unheeded(&f));
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
}

/* A query in the same jiffy as the greeting before it. */
static void test_tie_broken_by_sequence(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.since_received = 50;
	f.since_sent = 50;
	f.is_received_last = true;
	assert_true(facts_is_unanswered(&f));
	assert_false(facts_is_unheeded(&f));
	f.is_received_last = false;
	assert_false(facts_is_unanswered(&f));
	assert_false(facts_is_unheeded(&f));
	f.is_received_last = true;
	f.since_received = 51; /* where the clock tells, it decides */
	assert_false(facts_is_unanswered(&f));
}

static void test_tie_broken_by_bytes(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.since_sent = f.since_received;
	assert_true(facts_is_unanswered(&f));
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
	f = facts_unheeded();
	f.since_received = f.since_sent;
	assert_true(facts_is_unheeded(&f));
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
	f.has_baseline = false; /* then the bytes prove nothing */
	assert_false(facts_is_unheeded(&f));
}

static void test_nothing_ever_came(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.received_bytes = 0;
	f.baseline_received_bytes = 0;
	f.since_received = 0; /* as the kernel has it before any data */
	assert_false(facts_is_unanswered(&f));
	assert_true(facts_is_unheeded(&f));
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
	f.is_outbound = true;
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
	f.sent_bytes = 0;
	f.baseline_sent_bytes = 0;
	assert_false(facts_is_unheeded(&f));
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
}

static void test_undecided(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.is_multiplexed = true;
	assert_int_equal(facts_decide(&f), OUTCOME_UNDECIDED);
	f.closed_by = CLOSED_BY_EXIT;
	assert_int_equal(facts_decide(&f), OUTCOME_UNDECIDED);
	f.peer_closed_first = true;
	assert_int_equal(facts_decide(&f), OUTCOME_UNDECIDED);
	f = facts_unheeded();
	f.is_multiplexed = true;
	assert_int_equal(facts_decide(&f), OUTCOME_UNDECIDED);
}

static void test_multiplexed_where_bytes_can_tell(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.is_multiplexed = true;
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
	f = facts_unanswered();
	f.is_multiplexed = true;
	f.closed_by = CLOSED_BY_EXIT;
	f.unread_bytes = 200;
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
	f.unread_bytes = 0;
	f.unacked_bytes = 20;
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
	f.unacked_bytes = 0;
	assert_false(facts_is_in_flight(&f));
}

static void test_in_flight(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	assert_false(facts_is_in_flight(&f));
	f.unread_bytes = 1;
	assert_true(facts_is_in_flight(&f));
	f = facts_quiet();
	f.unacked_bytes = 1;
	assert_true(facts_is_in_flight(&f));
	f = facts_unanswered();
	assert_true(facts_is_in_flight(&f));
	f = facts_unheeded();
	assert_true(facts_is_in_flight(&f));
	f.is_outbound = false;
	assert_false(facts_is_in_flight(&f));
}

/* The server says farewell to an idle client before anybody has looked. */
static void test_farewell_proves_nothing(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.unacked_bytes = 117;
	f.since_sent = 3;
	f.since_unacked = 3;
	assert_true(facts_is_in_flight(&f));
	assert_false(facts_is_in_flight_since_stop(&f));
	f.since_unacked = f.since_stop; /* within the jiffy of the signal: as before it */
	assert_true(facts_is_in_flight_since_stop(&f));
	f.since_unacked = SINCE_EVER;
	assert_true(facts_is_in_flight_since_stop(&f));
	f.since_unacked = 3;
	f.unread_bytes = 1;
	assert_true(facts_is_in_flight_since_stop(&f));
}

/* The answer went out within the jiffy of the signal, and nobody had looked before. */
static void test_last_packet_tells_within_the_jiffy(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.has_baseline = false;
	f.since_sent = f.since_stop;
	f.since_received = f.since_stop + 1;
	assert_false(facts_has_moved(&f));
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
	f.is_packet_since_stop = true;
	assert_true(facts_has_moved(&f));
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
	f.since_sent = f.since_stop + 1; /* a packet without data */
	assert_false(facts_has_moved(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unacked_at_close_is_no_cut),
		cmocka_unit_test(test_tie_is_answered),
		cmocka_unit_test(test_tie_broken_by_bytes),
		cmocka_unit_test(test_tie_broken_by_sequence),
		cmocka_unit_test(test_nothing_ever_came),
		cmocka_unit_test(test_undecided),
		cmocka_unit_test(test_multiplexed_where_bytes_can_tell),
		cmocka_unit_test(test_in_flight),
		cmocka_unit_test(test_farewell_proves_nothing),
		cmocka_unit_test(test_last_packet_tells_within_the_jiffy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
