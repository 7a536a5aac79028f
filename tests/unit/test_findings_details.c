/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings that count details, where these do not tell every connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/judged.h"

#define S (1000 * FIXTURE_MS)

/* Of more than the details tell, nobody knows which kind each of the others was. */
static void test_resets_omitted(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_connection *c = judged_inbound(record, OUTCOME_RESET, 1);

	(void)state;
	c->closed_by = CLOSED_BY_APP;
	c->unread_bytes = 98;
	record->details_omitted = 7; /* idle ones: both counts agree */
	assert_fires(record, "aborted_unread_data",
		     "1 connection was reset: the service closed it with data of the client unread",
		     "lingering close");
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_RESET] = 2;
	assert_fires(record, "aborted_unread_data",
		     "at least 1 connection was reset: the service closed it with data of the "
		     "client unread",
		     "lingering close");
	c->unread_bytes = 0;
	assert_fires(record, "aborted_linger",
		     "at least 1 connection was reset by a close with nothing unread: SO_LINGER "
		     "with a time of 0, or an abort",
		     "SO_LINGER");
	c->outcome = OUTCOME_CUT;
	c->is_peer_first = true;
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_CUT] = 2;
	assert_fires(record, "requests_cut",
		     "the service closed 2 connections without answering the last request; of at "
		     "least 1 the client had closed its side before: it gave up, or waited for "
		     "the answer with its own side closed",
		     "");
	fixture_free(record);
}

static void test_drain_omitted(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_connection *c = judged_inbound(record, OUTCOME_COMPLETED, 1);

	(void)state;
	c->at_signal = AT_SIGNAL_IN_FLIGHT;
	c->closed_at_ns = record->timing.in_flight_ns = record->timing.drain_ns = 7 * S;
	assert_fires(record, "drain_blocked_active",
		     "1 busy inbound connection kept the service for 7.0 s", "");
	record->details_omitted = 5000;
	assert_fires(record, "drain_blocked_active",
		     "at least 1 busy inbound connection kept the service for 7.0 s", "");
	fixture_free(record);
}

/* Killed in its drain: what it had left open the kernel counted, what left later it only told. */
static void test_drain_omitted_at_kill(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_connection *c = judged_inbound(record, OUTCOME_LEFT_OPEN, 3);

	(void)state;
	judged_kill(judged_process(record), 10 * S);
	record->verdict = VERDICT_FORCED;
	record->details_omitted = 2;
	assert_fires(record, "drain_blocked_idle",
		     "3 idle or streaming inbound connections kept the service until it was "
		     "killed, 10.0 s after the signal",
		     "");
	c->outcome = OUTCOME_IDLE;
	c->at_signal = AT_SIGNAL_IDLE;
	c->closed_at_ns = 11 * S;
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_LEFT_OPEN] = 0;
	assert_fires(record, "drain_blocked_idle",
		     "at least 1 idle or streaming inbound connection kept the service until it "
		     "was killed, 10.0 s after the signal",
		     "");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resets_omitted),
		cmocka_unit_test(test_drain_omitted),
		cmocka_unit_test(test_drain_omitted_at_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
