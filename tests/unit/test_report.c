/* SPDX-License-Identifier: GPL-2.0-only */
/* The text report: what it says of which record, and what it leaves out. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/presentable.h"

static const struct report_style unicode = { .use_unicode = true };
static const struct report_style ascii = { .use_unicode = false };

static void assert_says(const struct record *record, const char *expected)
{
	_cleanup_free_ char *report = presentable_report(record, &ascii);

	if (!strstr(report, expected))
		print_error("not found: %s\nin: %s\n", expected, report);
	assert_non_null(strstr(report, expected));
}

static void assert_silent(const struct record *record, const char *unexpected)
{
	_cleanup_free_ char *report = presentable_report(record, &ascii);

	if (strstr(report, unexpected))
		print_error("found: %s\nin: %s\n", unexpected, report);
	assert_null(strstr(report, unexpected));
}

static void test_headline_clean(void **state)
{
	struct record *record = fixture_empty();

	(void)state;
	record->timing.total_ns = 2100 * FIXTURE_MS;
	assert_says(record, "orders.service: stopped cleanly in 2.10 s; it had no connections\n");
	record->directions[DIRECTION_INBOUND].open_at_signal = 1;
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_IDLE] = 1;
	assert_says(record, "orders.service: stopped cleanly in 2.10 s; nothing was lost\n");
	record->directions[DIRECTION_INBOUND].outcomes[OUTCOME_LEFT_OPEN] = 1;
	assert_says(record, "nothing is known to be lost, 1 connection is unclear\n");
	record->is_complete = false;
	assert_says(record, "no loss was seen, but the record is incomplete\n");
	record->has_connections = false;
	assert_says(record, "its connections were not observed\n");
	fixture_free(record);
}

static void test_headline_lossy(void **state)
{
	struct record *record = fixture_orders();

	(void)state;
	assert_says(record,
		    "orders.service: stopped in 2.12 s, but LOSSY: 4 of 15 connections were "
		    "cut off, 41 connection\nattempts were refused\n");
	record->refused = 1;
	record->refused_handshakes = 0;
	record->directions[DIRECTION_INBOUND].aborted = 0;
	assert_says(record, "LOSSY: 1 connection attempt was refused\n");
	record->directions[DIRECTION_OUTBOUND].aborted = 1;
	record->refused = 0;
	assert_says(record, "LOSSY: 1 of 8 outgoing connections was cut off\n");
	fixture_free(record);
}

static void test_headline_forced(void **state)
{
	struct record *record = fixture_empty();
	struct record_process *process = fixture_process(record, 812, "uvicorn");

	(void)state;
	record->verdict = VERDICT_FORCED;
	record->trigger = TRIGGER_SIGNAL;
	record->trigger_signal = SIGINT;
	fixture_signal(process, SIGINT, 0);
	fixture_signal(process, SIGINT, 1500 * FIXTURE_MS);
	assert_says(record, "FORCED: ended by a second stop signal, SIGINT, after 1.50 s; ");
	fixture_signal(process, SIGKILL, 90000 * FIXTURE_MS);
	assert_says(record, "FORCED: had to be killed by systemd after 1 min 30 s; ");
	record->trigger_signal = SIGKILL;
	assert_says(record, "FORCED: killed at once with SIGKILL by systemd, without a chance to");
	fixture_free(record);
}

static void test_headline_crashed(void **state)
{
	struct record *record = fixture_empty();
	struct record_process *process = fixture_process(record, 812, "uvicorn");

	(void)state;
	record->verdict = VERDICT_CRASHED;
	process->has_exited = true;
	process->exited_at_ns = 0;
	process->exit_code = 3;
	assert_says(record, "CRASHED: uvicorn (pid 812) ended with exit code 3; ");
	process->exit_signal = SIGSEGV;
	process->has_core = true;
	assert_says(record, "CRASHED: uvicorn (pid 812) ended by SIGSEGV; ");
	assert_says(record, "SIGSEGV, core dumped");
	record->trigger = TRIGGER_SIGNAL;
	process->exited_at_ns = 24 * FIXTURE_MS;
	assert_says(record, "ended by SIGSEGV after 24 ms; ");
	fixture_free(record);
}

static void test_headline_alive(void **state)
{
	struct record *record = fixture_empty();

	(void)state;
	fixture_process(record, 812, "uvicorn");
	fixture_process(record, 813, "uvicorn");
	record->verdict = VERDICT_PARTIAL;
	assert_says(record, "PARTIAL: the signalled process ended, but 2 other processes live on");
	record->verdict = VERDICT_DRAINING;
	assert_says(record, "STILL DRAINING: it began to stop and has not ended yet, 2 processes");
	record->verdict = VERDICT_UNAFFECTED;
	record->trigger_signal = SIGTERM;
	assert_says(record, "UNAFFECTED: SIGTERM did not stop it, 2 processes live on\n");
	assert_says(record, "still alive");
	record->verdict = VERDICT_OOM_KILLED;
	record->processes[1].exit_signal = SIGKILL;
	assert_says(record, "OUT OF MEMORY: the kernel killed uvicorn (pid 813); ");
	fixture_free(record);
}

static void test_no_empty_sections(void **state)
{
	struct record *record = fixture_empty();
	static const char *const titles[] = {
		"Time line", "Connections",  "Most telling", "Signals",	   "Processes",
		"Listeners", "Not recorded", "Provisional",  "incomplete",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		assert_silent(record, titles[i]);
	fixture_free(record);
}

static void test_trigger(void **state)
{
	struct record *record = fixture_orders();

	(void)state;
	assert_says(record, "SIGTERM from kill (pid 41173, uid 1000)\n");
	assert_says(record, "kill < bash < sshd\n");
	assert_says(record, "2026-11-22 19:30:13.123 UTC\n");
	record->trigger_sender.is_kernel = true;
	assert_says(record, "SIGTERM from the kernel\n");
	record->has_trigger_sender = false;
	assert_says(record, "SIGTERM, sender unknown\n");
	fixture_free(record);
}

static void test_time_line_is_to_scale(void **state)
{
	struct record *record = fixture_empty();
	const struct report_style narrow = { .columns = 60 };
	_cleanup_free_ char *report = NULL;

	(void)state;
	record->timing.react_ns = 1;
	record->timing.accepting_ns = 500 * FIXTURE_MS;
	record->timing.drain_ns = 750 * FIXTURE_MS;
	record->timing.cleanup_ns = 250 * FIXTURE_MS;
	record->timing.total_ns = 1000 * FIXTURE_MS;
	record->timing.dark_ns = 1000 * FIXTURE_MS;
	report = presentable_report(record, &narrow);
	/* 60 columns less margin, labels, times and gaps: a scale of 32. */
	assert_non_null(strstr(report, "<0.01 ms  -\n"));
	assert_non_null(strstr(report, "  500 ms  ================\n"));
	assert_non_null(strstr(report, "  750 ms  ========================\n"));
	assert_non_null(strstr(report, "  250 ms                          ========\n"));
	assert_non_null(strstr(report, "  1.00 s  ================================\n"));
	assert_non_null(strstr(report, "  1.00 s                  ===============>\n"));
	fixture_free(record);
}

/* Once an empty scale made a bar of SIZE_MAX columns. */
static void test_time_line_without_length(void **state)
{
	struct record *record = fixture_empty();

	(void)state;
	record->timing.accepting_ns = 0;
	record->timing.total_ns = 0;
	record->timing.dark_ns = 1000 * FIXTURE_MS;
	assert_says(record, "  dark       1.00 s  >  ");
	fixture_free(record);
}

static void test_connections_that_hurt_are_marked(void **state)
{
	struct record *record = fixture_orders();

	(void)state;
	assert_says(record, "\n! cut                 1");
	assert_says(record, "\n! refused            40");
	assert_says(record, "\n? left open                     1");
	assert_says(record, "\n  completed           6         2");
	assert_says(record, "\n! cut         10.0.0.9:51322 ");
	assert_says(record, "\n? left open   to 10.0.0.7:5432 ");
	assert_says(record, "\n  ... and 13 more\n");
	fixture_free(record);
}

static void test_signals_in_words(void **state)
{
	struct record *record = fixture_empty();
	struct record_process *process = fixture_process(record, 4711, "app");
	struct record_signal *signal = fixture_signal(process, SIGTERM, 0);

	(void)state;
	process->ns_pid = 1;
	signal->result = SIGNAL_IGNORED;
	assert_says(record, "systemd (1)  app (4711)  ignored: a pid 1 without a handler");
	assert_says(record, "4711 (inside: 1)");
	signal->result = SIGNAL_DELIVERED;
	assert_says(record, "default action");
	signal->disposition = DISPOSITION_BLOCKED;
	assert_says(record, "app (4711)  blocked\n");
	signal->delivered_at_ns = 1500 * FIXTURE_MS;
	assert_says(record, "app (4711)  blocked, handler after 1.50 s\n");
	signal->disposition = DISPOSITION_HANDLER;
	assert_says(record, "app (4711)  handler after 1.50 s\n");
	signal->delivered_at_ns = TIME_UNKNOWN;
	assert_says(record, "app (4711)  handler, not seen to run\n");
	signal->result = SIGNAL_ALREADY_PENDING;
	assert_says(record, "app (4711)  already pending: merged\n");
	signal->from_self = true;
	signal->signal = SIGKILL;
	assert_says(record, "\n! SIGKILL  0 ms  itself  app (4711)");
	fixture_free(record);
}

static void test_many_are_cut_short(void **state)
{
	struct record *record = fixture_empty();

	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		struct record_process *process = fixture_process(record, 1000 + i, "worker");

		fixture_signal(process, SIGTERM, i);
		process->has_exited = i != 58;
		process->exited_at_ns = i;
		process->exit_code = 0;
		fixture_listener(record, AF_INET, "0.0.0.0", (uint16_t)(8000 + i));
	}
	record->processes[59].exit_signal = SIGSEGV;
	assert_says(record, "... and 35 more\n\nProcesses");
	assert_says(record, "worker  1022 ");
	assert_says(record, "worker  1058            still alive\n");
	assert_says(record, "! worker  1059  <0.01 ms  SIGSEGV\n  ... and 35 more\n\nListeners");
	assert_silent(record, "worker  1023 ");
	assert_presentable_anywhere(record, true);
	fixture_free(record);
}

static void test_listeners(void **state)
{
	struct record *record = fixture_empty();
	struct record_listener *listener = fixture_listener(record, AF_INET6, "::", 8000);

	(void)state;
	assert_says(record, "[::]:8000  still open\n");
	assert_silent(record, "open again");
	listener->closed_at_ns = 24 * FIXTURE_MS;
	listener->reopened_at_ns = 3000 * FIXTURE_MS;
	assert_says(record, "open again\n  [::]:8000   24 ms      3.00 s\n");
	fixture_listener(record, AF_UNIX, NULL, 0);
	assert_says(record, "a Unix socket  still open\n");
	fixture_free(record);
}

static void test_losses(void **state)
{
	struct record *record = fixture_empty();

	(void)state;
	record->is_complete = false;
	assert_says(record, "it is not known what is missing");
	record->losses[LOSS_TAG_FAILED] = 12;
	assert_says(record, "  12  sockets could not be tagged: they are not counted\n");
	assert_silent(record, "it is not known");
	fixture_free(record);
}

static void test_unicode_bars(void **state)
{
	struct record *record = fixture_orders();
	_cleanup_free_ char *report = presentable_report(record, &unicode);

	(void)state;
	assert_non_null(strstr(report, "━━━━━━━━╸"));
	assert_non_null(strstr(report, "▶"));
	assert_non_null(strstr(report, "\n✗ cut"));
	assert_non_null(strstr(report, "… and 13 more"));
	fixture_free(record);
}

static void test_hostile_name_is_shown_escaped(void **state)
{
	struct record *record = fixture_empty();

	(void)state;
	strcpy(record->service.name, "a\033[31m\u202eb\xff");
	assert_says(record, "a\\x1b[31m\\xe2\\x80\\xaeb\\xff: stopped cleanly");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headline_clean),
		cmocka_unit_test(test_headline_lossy),
		cmocka_unit_test(test_headline_forced),
		cmocka_unit_test(test_headline_crashed),
		cmocka_unit_test(test_headline_alive),
		cmocka_unit_test(test_no_empty_sections),
		cmocka_unit_test(test_trigger),
		cmocka_unit_test(test_time_line_is_to_scale),
		cmocka_unit_test(test_time_line_without_length),
		cmocka_unit_test(test_connections_that_hurt_are_marked),
		cmocka_unit_test(test_signals_in_words),
		cmocka_unit_test(test_many_are_cut_short),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_unicode_bars),
		cmocka_unit_test(test_hostile_name_is_shown_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
