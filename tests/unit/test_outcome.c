/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table "What became of a connection", row by row: precedence, both directions. Ties and
 * multiplexed protocols are in test_in_flight.c. What a close cannot decide (handed over, open,
 * late reset) is only checked not to come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/facts.h"

static void test_idle(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
	f.is_outbound = true; /* for a client, the answer came last, as it should */
	f.since_received = 4990;
	f.since_sent = 5000;
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
	f = (struct facts){ .closed_by = CLOSED_BY_APP, .wire = WIRE_FIN, .has_baseline = true };
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
}

static void test_completed_after_data(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.sent_bytes += 700;
	f.since_sent = 2;
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
	f = facts_quiet(); /* only the answer to what came before T0 */
	f.sent_bytes += 700;
	f.since_sent = 2;
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
	f = facts_unheeded();
	f.received_bytes += 50;
	f.since_received = 3;
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
}

static void test_completed_without_baseline(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.has_baseline = false;
	f.baseline_received_bytes = 0;
	f.baseline_sent_bytes = 0;
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
	f.since_sent = 100; /* the jiffy of T0 itself proves nothing */
	assert_int_equal(facts_decide(&f), OUTCOME_IDLE);
	f.since_sent = 99;
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
}

static void test_completed_was_in_flight(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.was_in_flight = true;
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
}

static void test_completed_late_arrival(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.baseline_received_bytes = 0;
	f.baseline_sent_bytes = 0;
	f.since_sent = 2;
	assert_int_equal(facts_decide(&f), OUTCOME_COMPLETED);
}

static void test_cut(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
	f = facts_unheeded();
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
	f = facts_quiet(); /* before T0, by the order of data alone */
	f.since_received = 4000;
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
	f.sent_bytes = 0; /* never answered anything */
	f.baseline_sent_bytes = 0;
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
}

static void test_peer_closed(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.peer_closed_first = true;
	assert_int_equal(facts_decide(&f), OUTCOME_PEER_CLOSED);
	f.was_in_flight = true; /* answered since: still the peer's own close */
	assert_int_equal(facts_decide(&f), OUTCOME_PEER_CLOSED);
	f.closed_by = CLOSED_BY_PEER;
	assert_int_equal(facts_decide(&f), OUTCOME_PEER_CLOSED);
	f = facts_at_exit();
	f.peer_closed_first = true;
	assert_int_equal(facts_decide(&f), OUTCOME_PEER_CLOSED);
}

static void test_peer_closed_with_request_open(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.peer_closed_first = true;
	assert_int_equal(facts_decide(&f), OUTCOME_CUT);
	f.closed_by = CLOSED_BY_EXIT;
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
}

static void test_errors_come_first(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.closed_by = CLOSED_BY_EXIT;
	f.wire = WIRE_RST;
	f.is_queued = true;
	f.is_multiplexed = true;
	f.error = ERROR_PEER_RESET;
	assert_int_equal(facts_decide(&f), OUTCOME_PEER_RESET);
	f.error = ERROR_TIMED_OUT;
	assert_int_equal(facts_decide(&f), OUTCOME_TIMED_OUT);
}

static void test_unaccepted(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.is_queued = true;
	f.wire = WIRE_RST;
	f.closed_by = CLOSED_BY_KERNEL;
	assert_int_equal(facts_decide(&f), OUTCOME_UNACCEPTED);
	f.closed_by = CLOSED_BY_EXIT;
	assert_int_equal(facts_decide(&f), OUTCOME_UNACCEPTED);
	f.peer_closed_first = true;
	f.closed_by = CLOSED_BY_PEER;
	assert_int_equal(facts_decide(&f), OUTCOME_UNACCEPTED);
}

static void test_reset(void **state)
{
	struct facts f = facts_quiet();

	(void)state;
	f.wire = WIRE_RST; /* SO_LINGER 0 */
	assert_int_equal(facts_decide(&f), OUTCOME_RESET);
	f = facts_unanswered();
	f.unread_bytes = 200;
	f.wire = WIRE_RST;
	assert_int_equal(facts_decide(&f), OUTCOME_RESET);
	f.is_multiplexed = true; /* an RST is an RST */
	assert_int_equal(facts_decide(&f), OUTCOME_RESET);
	f = facts_at_exit();
	f.wire = WIRE_RST;
	assert_int_equal(facts_decide(&f), OUTCOME_RESET);
}

static void test_abandoned(void **state)
{
	struct facts f = facts_unanswered();

	(void)state;
	f.closed_by = CLOSED_BY_EXIT;
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
	f.wire = WIRE_RST; /* before "reset": the process ended with it in flight */
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
	f = facts_at_exit();
	f.unread_bytes = 1;
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
	f = facts_at_exit();
	f.unacked_bytes = 1;
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
	f = facts_unheeded();
	f.closed_by = CLOSED_BY_EXIT;
	assert_int_equal(facts_decide(&f), OUTCOME_ABANDONED);
}

static void test_left_open(void **state)
{
	struct facts f = facts_at_exit();

	(void)state;
	assert_int_equal(facts_decide(&f), OUTCOME_LEFT_OPEN);
	f.was_in_flight = true; /* answered since */
	assert_int_equal(facts_decide(&f), OUTCOME_LEFT_OPEN);
	f = facts_at_exit();
	f.is_outbound = true;
	f.since_sent = 5000;
	f.since_received = 4990;
	assert_int_equal(facts_decide(&f), OUTCOME_LEFT_OPEN);
	f.unread_bytes = 10; /* an answer that nobody read is no request of a client */
	assert_int_equal(facts_decide(&f), OUTCOME_LEFT_OPEN);
}

static void test_aborted(void **state)
{
	(void)state;
	for (int o = 0; o < OUTCOMES; o++) {
		bool is_aborted = o == OUTCOME_RESET || o == OUTCOME_CUT ||
				  o == OUTCOME_ABANDONED || o == OUTCOME_UNACCEPTED ||
				  o == OUTCOME_LATE_RESET;

		assert_int_equal(outcome_is_aborted(o), is_aborted);
	}
	assert_false(outcome_is_aborted(OUTCOMES));
	assert_true(OUTCOMES <= OUTCOME_SLOTS);
}

/* Every combination of flags has an outcome that a close can have, and none that it cannot. */
static void test_every_combination(void **state)
{
	(void)state;
	for (unsigned int bits = 0; bits < 1 << 13; bits++) {
		struct facts f = facts_quiet();
		enum connection_outcome outcome;

		f.received_bytes += bits & 1;
		f.sent_bytes += bits >> 1 & 1;
		f.unread_bytes = bits >> 2 & 1;
		f.unacked_bytes = bits >> 3 & 1;
		f.has_baseline = bits >> 4 & 1;
		f.is_outbound = bits >> 5 & 1;
		f.is_queued = bits >> 6 & 1;
		f.is_multiplexed = bits >> 7 & 1;
		f.was_in_flight = bits >> 8 & 1;
		f.peer_closed_first = bits >> 9 & 1;
		f.closed_by = bits >> 10 & 1 ? CLOSED_BY_EXIT : CLOSED_BY_APP;
		f.wire = bits >> 11 & 1 ? WIRE_RST : WIRE_FIN;
		f.since_received = bits >> 12 & 1 ? 10 : 5000;
		outcome = facts_decide(&f);
		assert_true(outcome > OUTCOME_NONE && outcome < OUTCOME_LATE_RESET);
		assert_true(outcome != OUTCOME_OPEN && outcome != OUTCOME_HANDED_OVER);
		if (outcome == OUTCOME_CUT)
			assert_false(f.is_multiplexed);
		if (outcome == OUTCOME_UNDECIDED)
			assert_true(f.is_multiplexed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_completed_after_data),
		cmocka_unit_test(test_completed_without_baseline),
		cmocka_unit_test(test_completed_was_in_flight),
		cmocka_unit_test(test_completed_late_arrival),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_peer_closed),
		cmocka_unit_test(test_peer_closed_with_request_open),
		cmocka_unit_test(test_errors_come_first),
		cmocka_unit_test(test_unaccepted),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_left_open),
		cmocka_unit_test(test_aborted),
		cmocka_unit_test(test_every_combination),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
