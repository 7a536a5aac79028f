/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings on connections: each where it must be, and where it must not. */
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

static void test_accept_queue_dropped(void **state)
{
	struct record *record = judged_clean(PROGRAM_GUNICORN);
	struct record_connection *c;
	const struct finding *finding;

	(void)state;
	judged_inbound(record, OUTCOME_HANDED_OVER, 5); /* the next instance serves them */
	assert_silent(record, "accept_queue_dropped");
	c = judged_inbound(record, OUTCOME_UNACCEPTED, 75);
	c->pid = 0;
	c->closed_at_ns = 2 * MS;
	record->listeners[0].queued_at_signal = 4;
	finding = assert_fires(record, "accept_queue_dropped",
			       "75 connections waited in the accept queue, and were reset when the "
			       "listener closed",
			       "gthread");
	assert_int_equal(judged_number(finding, "connections"), 75);
	assert_int_equal(judged_number(finding, "queued_at_signal"), 4);
	assert_silent(record, "accept_stalled");
	fixture_free(record);
}

static void test_accept_stalled(void **state)
{
	struct record *record = judged_clean(PROGRAM_UVICORN);
	struct record_connection *c = judged_inbound(record, OUTCOME_UNACCEPTED, 40);
	const struct finding *finding;

	(void)state;
	c->arrived_at_ns = 300 * MS;
	c->closed_at_ns = 2100 * MS;
	record->details_omitted = 39;
	finding = assert_fires(record, "accept_stalled",
			       "the listener stayed open and nobody accepted: at least 1 "
			       "connection waited up to 1.8 s in vain",
			       "one worker a process");
	assert_int_equal(judged_number(finding, "unaccepted"), 40);
	c->arrived_at_ns = 2000 * MS;
	assert_silent(record, "accept_stalled");
	fixture_free(record);
}

/* Who hangs up and who half closes look alike: it is counted and said. */
static void test_requests_cut_of_clients_that_closed_first(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_connection *first = judged_inbound(record, OUTCOME_CUT, 2);
	const struct finding *finding;

	(void)state;
	assert_null(strstr(judged_find(record, "requests_cut")->summary, "its side"));
	first->is_peer_first = true;
	finding = judged_find(record, "requests_cut");
	assert_int_equal(judged_number(finding, "client_closed_first"), 1);
	assert_non_null(strstr(finding->summary, "closed 2 connections without answering"));
	assert_non_null(strstr(finding->summary, "of 1 the client had closed its side before"));
	assert_null(strstr(finding->advice, "gave up"));
	judged_inbound(record, OUTCOME_CUT, 0)->is_peer_first = true;
	assert_non_null(strstr(judged_find(record, "requests_cut")->advice, "gave up"));
	fixture_free(record);
}

/* Nobody is told to send what was sent. */
static void test_advice_after_the_right_signal(void **state)
{
	static const struct {
		enum program program;
		int wrong;
		int signal;
		const char *before;
		const char *after;
	} cases[] = {
		{ PROGRAM_NGINX, SIGINT, SIGQUIT, "Stop nginx with SIGQUIT",
		  "client_header_timeout" },
		{ PROGRAM_APACHE, SIGINT, SIGWINCH, "Stop Apache with SIGWINCH",
		  "GracefulShutdown" },
		{ PROGRAM_HAPROXY, SIGINT, SIGUSR1, "Stop it with SIGUSR1", "hard-stop-after" },
		{ PROGRAM_UVICORN, SIGQUIT, SIGTERM, "stop it with SIGTERM", "load balancer" },
		{ PROGRAM_UVICORN, SIGQUIT, SIGINT, "stop it with SIGTERM", "load balancer" },
		{ PROGRAM_GUNICORN, SIGINT, SIGTERM, "stop gunicorn with SIGTERM", "gthread" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record *record = judged_clean(cases[i].program);
		const char *advice;

		judged_inbound(record, OUTCOME_CUT, 1);
		record->trigger_signal = cases[i].wrong;
		advice = judged_find(record, "requests_cut")->advice;
		assert_non_null(strstr(advice, cases[i].before));
		record->trigger_signal = cases[i].signal;
		advice = judged_find(record, "requests_cut")->advice;
		assert_null(strstr(advice, cases[i].before));
		assert_non_null(strstr(advice, cases[i].after));
		fixture_free(record);
	}
}

/* The handler is for the signal that came; nobody handles SIGKILL. */
static void test_advice_names_the_signal(void **state)
{
	struct record *record = judged_clean(PROGRAM_NODE);

	(void)state;
	judged_inbound(record, OUTCOME_CUT, 1);
	record->trigger_signal = SIGINT;
	assert_non_null(strstr(judged_find(record, "requests_cut")->advice, "process.on('SIGINT'"));
	record->trigger_signal = SIGKILL;
	assert_non_null(
		strstr(judged_find(record, "requests_cut")->advice, "process.on('SIGTERM'"));
	fixture_free(record);
}

static void test_resets(void **state)
{
	struct record *record = judged_clean(PROGRAM_UNKNOWN);
	struct record_connection *c = judged_inbound(record, OUTCOME_RESET, 1);
	const struct finding *finding;

	(void)state;
	c->closed_by = CLOSED_BY_APP;
	c->unread_bytes = 98;
	finding = assert_fires(record, "aborted_unread_data",
			       "1 connection was reset: the service closed it with data of the "
			       "client unread",
			       "lingering close");
	assert_int_equal(judged_number(finding, "unread_bytes"), 98);
	assert_silent(record, "aborted_linger");
	c->unread_bytes = 0;
	assert_silent(record, "aborted_unread_data");
	assert_fires(record, "aborted_linger",
		     "1 connection was reset by a close with nothing unread: SO_LINGER with a time "
		     "of 0, or an abort",
		     "SO_LINGER");
	c->outcome = OUTCOME_PEER_RESET;
	assert_silent(record, "aborted_linger");
	fixture_free(record);
}

static const struct {
	const char *id;
	enum connection_outcome outcome;
	enum program program;
	const char *summary;
	const char *advice;
} lost[] = {
	{ "keepalive_close_race", OUTCOME_LATE_RESET, PROGRAM_NODE,
	  "3 keep-alive connections were closed before the client sent its next request, which "
	  "was answered by a reset",
	  "Connection: close" },
	{ "cut_off_at_exit", OUTCOME_ABANDONED, PROGRAM_JAVA,
	  "a process ended with 3 connections in flight: the kernel closed them",
	  "Runtime.addShutdownHook" },
	{ "requests_cut", OUTCOME_CUT, PROGRAM_SPRING,
	  "the service closed 3 connections without answering the last request",
	  "server.shutdown=graceful" },
};

static void test_lost_connections(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct record *record = judged_clean(lost[i].program);
		const struct finding *finding;

		judged_outbound(record, lost[i].outcome, 1); /* nobody's client */
		judged_inbound(record, OUTCOME_COMPLETED, 9);
		judged_inbound(record, OUTCOME_PEER_RESET, 1);
		judged_inbound(record, OUTCOME_PEER_CLOSED, 1);
		assert_silent(record, lost[i].id);
		record->n_details = 0; /* counted, not told */
		record->directions[DIRECTION_INBOUND].outcomes[lost[i].outcome] = 3;
		finding = assert_fires(record, lost[i].id, lost[i].summary, lost[i].advice);
		assert_int_equal(judged_number(finding, "connections"), 3);
		fixture_free(record);
	}
}

static void test_outbound_left_open(void **state)
{
	struct record *record = judged_clean(PROGRAM_PYTHON);

	(void)state;
	judged_inbound(record, OUTCOME_LEFT_OPEN, 1);
	assert_silent(record, "outbound_left_open");
	judged_outbound(record, OUTCOME_LEFT_OPEN, 2);
	assert_fires(record, "outbound_left_open",
		     "2 outbound connections were left for the kernel to close at the exit",
		     "connection pools");
	fixture_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept_queue_dropped),
		cmocka_unit_test(test_accept_stalled),
		cmocka_unit_test(test_requests_cut_of_clients_that_closed_first),
		cmocka_unit_test(test_advice_after_the_right_signal),
		cmocka_unit_test(test_advice_names_the_signal),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_lost_connections),
		cmocka_unit_test(test_outbound_left_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
