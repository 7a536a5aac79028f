/* SPDX-License-Identifier: GPL-2.0-only */
/* What single events add to a shutdown: signals and their deliveries, ports, sums, strings. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/model/shutdown.h"
#include "tests/unit/story.h"

static void test_deliveries(void **state)
{
	struct shutdown *s = story_begin();
	const struct process_signal *signals;

	(void)state;
	story_tell(s, story_signal(0, 10, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_signal(1, 10, SIGINT, STORY_SYSTEMD, 0));
	story_tell(s, story_signal(2, 10, SIGTERM, STORY_SYSTEMD, 0));
	story_tell(s, story_signal(2, 11, SIGTERM, 10, SIGNAL_FROM_MEMBER));
	story_tell(s, story_delivered(3, 10, SIGINT));
	story_tell(s, story_delivered(4, 10, SIGTERM));
	story_tell(s, story_delivered(5, 10, SIGQUIT)); /* nobody saw it being sent */
	signals = s->processes[0].signals;
	assert_int_equal(s->processes[0].n_signals, 3);
	assert_int_equal(signals[0].delivered_ns, story_ns(4));
	assert_int_equal(signals[1].delivered_ns, story_ns(3));
	assert_int_equal(signals[2].delivered_ns, 0);
	assert_int_equal(s->processes[1].signals[0].delivered_ns, 0);
	story_tell(s, story_delivered(6, 10, SIGTERM));
	assert_int_equal(signals[2].delivered_ns, story_ns(6));
	assert_int_equal(signals[0].delivered_ns, story_ns(4));
	shutdown_free(s);
}

/* A pid that comes back is somebody else. */
static void test_pid_reuse(void **state)
{
	struct shutdown *s = story_begin();
	union event event = story_process(10, 1);

	(void)state;
	story_tell(s, story_exit(5, 10, STORY_CODE(1)));
	event.process.process.started_ns += 12345;
	story_tell(s, event);
	assert_int_equal(s->n_processes, 2);
	assert_int_equal(shutdown_living(s), 1);
	shutdown_free(s);
}

static void test_trigger(void **state)
{
	struct shutdown *s = story_begin();
	union event second = story_exit(2, 11, 0);

	(void)state;
	story_tell(s, story_signal(0, 11, SIGTERM, 10, SIGNAL_FROM_MEMBER));
	assert_false(s->has_trigger);
	story_tell(s, story_signal(1, 10, SIGINT, STORY_SYSTEMD, SIGNAL_ARMED));
	second.exit.flags = EXIT_ARMED;
	story_tell(s, second);
	assert_true(s->has_trigger);
	assert_int_equal(s->trigger.header.type, EVENT_SIGNAL);
	assert_int_equal(s->trigger.signal.signal, SIGINT);
	shutdown_free(s);
}

static void test_is_told(void **state)
{
	static const struct {
		enum signal_result result;
		enum disposition disposition;
		bool is_told;
	} rows[] = {
		{ SIGNAL_DELIVERED, DISPOSITION_HANDLER, true },
		{ SIGNAL_DELIVERED, DISPOSITION_DEFAULT, true },
		{ SIGNAL_DELIVERED, DISPOSITION_BLOCKED, true },
		{ SIGNAL_ALREADY_PENDING, DISPOSITION_BLOCKED, true },
		{ SIGNAL_IGNORED, DISPOSITION_IGNORED, false },
		{ SIGNAL_DELIVERED, DISPOSITION_IGNORED, false },
		{ SIGNAL_IGNORED, DISPOSITION_DEFAULT, false }, /* the first of a pid namespace */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct shutdown *s = story_begin();
		union event event = story_signal(0, 10, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED);

		event.signal.result = (uint8_t)rows[i].result;
		event.signal.disposition = (uint8_t)rows[i].disposition;
		story_tell(s, event);
		assert_int_equal(process_is_told(&s->processes[0]), rows[i].is_told);
		shutdown_free(s);
	}
}

/* --- a port that opens again ---------------------------------------------------------------- */

static void note_opened(struct shutdown *s, union event event)
{
	shutdown_note_reopened(s, &event.listener);
}

static void test_reopened(void **state)
{
	struct shutdown *s = story_begin();
	union event other = story_listener(40, LISTENER_OPENED, 8000);

	(void)state;
	story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
	story_tell(s, story_listener(0, LISTENER_LISTED, 8001));
	note_opened(s, story_listener(10, LISTENER_OPENED, 8000)); /* ours is still open */
	story_tell(s, story_listener(20, LISTENER_CLOSED, 8000));
	note_opened(s, story_listener(30, LISTENER_OPENED, 8001));
	other.listener.netns++;
	note_opened(s, other);
	other = story_listener(50, LISTENER_OPENED, 8000);
	other.listener.address[15] = 1;
	note_opened(s, other);
	assert_int_equal(s->listeners[0].reopened_ns, 0);
	assert_int_equal(s->listeners[1].reopened_ns, 0);
	other = story_listener(60, LISTENER_OPENED, 8000);
	other.listener.cookie = 7; /* another socket, of course */
	note_opened(s, other);
	note_opened(s, story_listener(70, LISTENER_OPENED, 8000));
	assert_int_equal(s->listeners[0].reopened_ns, story_ns(60));
	assert_int_equal(s->listeners[1].reopened_ns, 0);
	shutdown_free(s);
}

/* A listener that a stopping service opens is none that it has to close. */
static void test_opened_meanwhile(void **state)
{
	struct shutdown *s = story_begin();

	(void)state;
	story_tell(s, story_listener(10, LISTENER_OPENED, 8000));
	assert_int_equal(s->n_listeners, 0);
	assert_false(shutdown_has_acted(s));
	shutdown_free(s);
}

/* --- sums ----------------------------------------------------------------------------------- */

static void test_counts(void **state)
{
	struct shutdown *s = story_begin();
	union event event = story_event(EVENT_COUNTS, 100);
	struct counts *c = &event.counts.counts;

	(void)state;
	c->open[DIRECTION_INBOUND] = 5;
	c->late[DIRECTION_OUTBOUND] = 1;
	c->in_flight[DIRECTION_INBOUND] = 2;
	c->outcomes[DIRECTION_INBOUND][OUTCOME_CUT] = 3;
	c->outcomes[DIRECTION_OUTBOUND][OUTCOME_LATE_RESET] = 4;
	c->refused = 7;
	c->refused_handshakes = 8;
	c->late_closes = 9;
	c->last_left_ns[DIRECTION_INBOUND] = story_ns(50);
	c->last_in_flight_ns = story_ns(40);
	c->last_exit_close_ns = story_ns(60);
	story_tell(s, event); /* closed nothing itself */
	c->first_closed_ns = story_ns(20);
	c->last_left_ns[DIRECTION_INBOUND] = story_ns(45);
	c->last_exit_close_ns = story_ns(70);
	story_tell(s, event);
	c->first_closed_ns = story_ns(30);
	c->last_in_flight_ns = story_ns(41);
	story_tell(s, event);
	assert_int_equal(s->counts.open[DIRECTION_INBOUND], 15);
	assert_int_equal(s->counts.open[DIRECTION_OUTBOUND], 0);
	assert_int_equal(s->counts.late[DIRECTION_OUTBOUND], 3);
	assert_int_equal(s->counts.in_flight[DIRECTION_INBOUND], 6);
	assert_int_equal(s->counts.outcomes[DIRECTION_INBOUND][OUTCOME_CUT], 9);
	assert_int_equal(s->counts.outcomes[DIRECTION_OUTBOUND][OUTCOME_LATE_RESET], 12);
	assert_int_equal(s->counts.refused, 21);
	assert_int_equal(s->counts.refused_handshakes, 24);
	assert_int_equal(s->counts.late_closes, 27);
	assert_int_equal(s->counts.first_closed_ns, story_ns(20));
	assert_int_equal(s->counts.last_left_ns[DIRECTION_INBOUND], story_ns(50));
	assert_int_equal(s->counts.last_left_ns[DIRECTION_OUTBOUND], 0);
	assert_int_equal(s->counts.last_in_flight_ns, story_ns(41));
	assert_int_equal(s->counts.last_exit_close_ns, story_ns(70));
	shutdown_free(s);
}

static void test_losses(void **state)
{
	struct shutdown *s = story_begin();
	union event event = story_event(EVENT_LOSS, 100);

	(void)state;
	event.loss.cause = LOSS_TAG_FAILED;
	event.loss.events = 3;
	story_tell(s, event);
	story_tell(s, event);
	event.loss.cause = LOSS_CAUSES - 1;
	story_tell(s, event);
	assert_int_equal(s->losses[LOSS_TAG_FAILED], 6);
	assert_int_equal(s->losses[LOSS_CAUSES - 1], 3);
	assert_int_equal(s->losses[LOSS_EVENT_RING_FULL], 0);
	shutdown_free(s);
}

/* A path without its NUL, and a second one for the same process. */
static void test_program(void **state)
{
	struct shutdown *s = story_begin();
	union event event = story_event(EVENT_PROGRAM, 0);

	(void)state;
	event.program.process = story_id(10);
	memset(event.program.exe, 'x', sizeof(event.program.exe));
	story_tell(s, event);
	assert_int_equal(strlen(s->processes[0].exe), PATH_BYTES);
	strcpy(event.program.exe, "/usr/bin/python3");
	story_tell(s, event);
	assert_string_equal(s->processes[0].exe, "/usr/bin/python3");
	shutdown_free(s);
}

static void test_oom_victim(void **state)
{
	struct shutdown *s = story_begin();
	union event event = story_exit(5, 10, STORY_DEATH(SIGKILL));

	(void)state;
	story_tell(s, story_exit(5, 11, STORY_DEATH(SIGKILL)));
	event.exit.flags = EXIT_OOM_VICTIM;
	story_tell(s, event);
	assert_false(s->processes[0].is_oom_victim);
	assert_true(s->processes[1].is_oom_victim);
	shutdown_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deliveries), cmocka_unit_test(test_pid_reuse),
		cmocka_unit_test(test_trigger),	   cmocka_unit_test(test_is_told),
		cmocka_unit_test(test_reopened),   cmocka_unit_test(test_opened_meanwhile),
		cmocka_unit_test(test_counts),	   cmocka_unit_test(test_losses),
		cmocka_unit_test(test_program),	   cmocka_unit_test(test_oom_victim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
