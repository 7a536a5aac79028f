/* SPDX-License-Identifier: GPL-2.0-only */
/* What holds for all findings: none on a clean stop, the order, hostile names. */
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

static void test_a_clean_stop_has_none(void **state)
{
	(void)state;
	for (int program = PROGRAM_UNKNOWN; program < PROGRAMS; program++) {
		struct record *record = judged_clean((enum program)program);

		judged_inbound(record, OUTCOME_COMPLETED, 4);
		judged_inbound(record, OUTCOME_IDLE, 3);
		judged_inbound(record, OUTCOME_PEER_CLOSED, 1);
		judged_inbound(record, OUTCOME_PEER_RESET, 1);
		judged_inbound(record, OUTCOME_HANDED_OVER, 1);
		assert_int_equal(findings_of(record), 0);
		assert_int_equal(record->n_findings, 0);
		fixture_free(record);
	}
}

static void test_nothing_known_has_none(void **state)
{
	struct record *record = fixture_empty();

	(void)state;
	assert_int_equal(findings_of(record), 0);
	assert_int_equal(record->n_findings, 0);
	fixture_free(record);
}

static void test_every_row_is_told(void **state)
{
	size_t n_rows;
	const struct finding_row *rows = finding_rows(&n_rows);

	(void)state;
	assert_int_equal(n_rows, 40);
	for (size_t i = 0; i < n_rows; i++) {
		assert_ptr_equal(finding_row_find(rows[i].id), &rows[i]); /* so ids differ */
		assert_true(strlen(rows[i].meaning) > 20 && strlen(rows[i].signature) > 20);
		assert_true(strlen(rows[i].advice) > 20);
		assert_null(strchr(rows[i].advice, '{'));
	}
	assert_null(finding_row_find("no_such_row"));
}

static void test_most_severe_first_and_again(void **state)
{
	struct record *record = fixture_orders();

	(void)state;
	record->last_arrival_at_ns = record->last_refused_at_ns = TIME_UNKNOWN;
	for (int again = 0; again < 2; again++) {
		assert_int_equal(findings_of(record), 0);
		assert_int_equal(record->n_findings, 7);
		assert_string_equal(record->findings[0].row->id, "accept_queue_dropped");
		assert_string_equal(record->findings[4].row->id, "port_dark");
		for (size_t i = 1; i < record->n_findings; i++)
			assert_true(record->findings[i - 1].row->severity >=
				    record->findings[i].row->severity);
	}
	fixture_free(record);
}

/* Each byte of the names is a stranger's. */
static void test_hostile_names(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_process *process = judged_process(record);
	const struct finding *finding;

	(void)state;
	strcpy(process->comm, "%s%n\033[2J\xff{at}");
	strcpy(judged_kill(process, 10 * S)->sender.comm, "\xc3(\n%x");
	finding = judged_find(record, "grace_exceeded");
	assert_string_equal(finding->summary, "%s%n\033[2J\ufffd{at} (pid 812) was still there "
					      "10.0 s after the stop signal, and \ufffd(\n%x "
					      "killed it");
	assert_string_equal(judged_text(finding, "process"), "%s%n\033[2J\ufffd{at}");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clean_stop_has_none),
		cmocka_unit_test(test_nothing_known_has_none),
		cmocka_unit_test(test_every_row_is_told),
		cmocka_unit_test(test_most_severe_first_and_again),
		cmocka_unit_test(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
