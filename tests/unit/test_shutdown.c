/* SPDX-License-Identifier: GPL-2.0-only */
/* What events make of a shutdown, whatever their order, and when it is over. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/model/deadline.h"
#include "tests/unit/story.h"

#define SETTLE_MS 1000
#define PATIENCE_MS 600000

static const struct model_options spans = {
	.settle_ns = SETTLE_MS * STORY_MS,
	.patience_ns = PATIENCE_MS * STORY_MS,
};

/* --- order ---------------------------------------------------------------------------------- */

/* A master and its worker stop. */
static void tell_part(struct shutdown *s, size_t part)
{
	switch (part) {
	case 0:
		story_tell(s, story_signal(0, 10, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
		break;
	case 1:
		story_tell(s, story_process(10, 1));
		break;
	case 2:
		story_tell(s, story_process(11, 10));
		break;
	case 3:
		story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
		break;
	case 4:
		story_tell(s, story_listener(20, LISTENER_CLOSED, 8000));
		break;
	case 5:
		story_tell(s, story_exit(30, 11, STORY_CODE(3)));
		break;
	default:
		story_tell(s, story_exit(50, 10, STORY_DEATH(SIGTERM)));
	}
}

#define PARTS 7

static bool next_permutation(size_t *order)
{
	size_t i = PARTS - 1, k = PARTS - 1, kept;

	while (i > 0 && order[i - 1] > order[i])
		i--;
	if (i == 0)
		return false;
	while (order[k] < order[i - 1])
		k--;
	kept = order[i - 1];
	order[i - 1] = order[k];
	order[k] = kept;
	for (k = PARTS - 1; i < k; i++, k--) {
		kept = order[i];
		order[i] = order[k];
		order[k] = kept;
	}
	return true;
}

static void assert_told(const struct shutdown *s)
{
	const struct process_id master_id = story_id(10), worker_id = story_id(11);
	const struct process *master = shutdown_process(s, &master_id);
	const struct process *worker = shutdown_process(s, &worker_id);

	assert_int_equal(s->n_processes, 2);
	assert_int_equal(shutdown_living(s), 0);
	assert_true(s->has_trigger);
	assert_int_equal(s->trigger.signal.target.tgid, 10);
	assert_int_equal(master->n_signals, 1);
	assert_int_equal(master->status, STORY_DEATH(SIGTERM));
	assert_int_equal(master->ended_ns, story_ns(50));
	assert_int_equal(master->ns_pid, 10);
	assert_int_equal(worker->n_signals, 0);
	assert_int_equal(worker->status, STORY_CODE(3));
	assert_int_equal(worker->parent.tgid, 10);
	assert_string_equal(worker->comm, "python3");
	assert_int_equal(s->n_listeners, 1);
	assert_int_equal(s->listeners[0].closed_ns, story_ns(20));
}

/* `check` sees the shutdown after each order of its events. */
static void in_any_order(void (*check)(const struct shutdown *s))
{
	size_t order[PARTS] = { 0, 1, 2, 3, 4, 5, 6 };

	do {
		struct shutdown *s = story_begin();

		for (size_t i = 0; i < PARTS; i++)
			tell_part(s, order[i]);
		check(s);
		shutdown_free(s);
	} while (next_permutation(order));
}

static void test_any_order(void **state)
{
	(void)state;
	in_any_order(assert_told);
}

static void assert_due(const struct shutdown *s)
{
	enum ended_reason reason;

	assert_int_equal(shutdown_deadline_ns(s, &spans, &reason), story_ns(50 + SETTLE_MS));
}

static void test_deadline_in_any_order(void **state)
{
	(void)state;
	in_any_order(assert_due);
}

/* --- the deadline --------------------------------------------------------------------------- */

/* TERM to 10 only; 11 is its child, and holds the listener with it. */
static struct shutdown *stopping(void)
{
	struct shutdown *s = story_begin();

	story_tell(s, story_signal(0, 10, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_process(10, 1));
	story_tell(s, story_process(11, 10));
	story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
	return s;
}

static void nothing_happens(struct shutdown *s)
{
	(void)s;
}

static void listener_closes_only(struct shutdown *s)
{
	story_tell(s, story_listener(20, LISTENER_CLOSED, 8000));
}

static void all_end(struct shutdown *s)
{
	story_tell(s, story_exit(30, 10, 0));
	story_tell(s, story_exit(40, 11, 0));
}

static void all_end_before_connection(struct shutdown *s)
{
	all_end(s);
	story_tell(s, story_connection(70, 1, OUTCOME_LEFT_OPEN));
}

static void all_end_late_reset(struct shutdown *s)
{
	union event late = story_connection(500, 1, OUTCOME_LATE_RESET);

	all_end_before_connection(s);
	late.connection.flags = CONNECTION_REVISED;
	story_tell(s, late);
}

static void all_end_handed_over(struct shutdown *s)
{
	all_end(s);
	story_tell(s, story_connection(70, 1, OUTCOME_HANDED_OVER));
	story_tell(s, story_connection(80, 2, OUTCOME_OPEN));
}

static void told_ends(struct shutdown *s)
{
	story_tell(s, story_exit(30, 10, 0));
}

static void told_ends_connections_go_on(struct shutdown *s)
{
	told_ends(s);
	story_tell(s, story_connection(400, 1, OUTCOME_COMPLETED));
}

static void worker_ends(struct shutdown *s)
{
	story_tell(s, story_exit(30, 11, 0));
}

static void survivor_is_told(struct shutdown *s)
{
	story_tell(s, story_signal(5, 11, SIGTERM, 10, SIGNAL_FROM_MEMBER));
	told_ends(s);
}

static void survivor_ignores(struct shutdown *s)
{
	union event event = story_signal(5, 11, SIGTERM, 10, SIGNAL_FROM_MEMBER);

	event.signal.result = SIGNAL_IGNORED;
	event.signal.disposition = DISPOSITION_IGNORED;
	story_tell(s, event);
	told_ends(s);
}

static void survivor_drains(struct shutdown *s)
{
	told_ends(s);
	story_tell(s, story_listener(90, LISTENER_CLOSED, 8000));
}

static void survivor_keeps_one_listener(struct shutdown *s)
{
	story_tell(s, story_listener(0, LISTENER_LISTED, 8001));
	survivor_drains(s);
}

static void survivor_opens_another(struct shutdown *s)
{
	story_tell(s, story_listener(50, LISTENER_OPENED, 8001));
	survivor_drains(s);
}

static void zombie_is_listed(struct shutdown *s)
{
	union event event = story_process(12, 10);

	event.process.flags = PROCESS_ENDED;
	story_tell(s, event);
	all_end(s);
}

static void child_is_forked(struct shutdown *s)
{
	union event event = story_process(12, 10);

	all_end(s);
	event.process.flags = PROCESS_FORKED;
	story_tell(s, event);
}

#define ROW(tell, at_ms, reason)                                                                   \
	{                                                                                          \
#tell, tell, at_ms, reason                                                         \
	}

static void test_deadline(void **state)
{
	static const struct {
		const char *name;
		void (*tell)(struct shutdown *s);
		int64_t at_ms;
		enum ended_reason reason;
	} rows[] = {
		ROW(nothing_happens, PATIENCE_MS, ENDED_PATIENCE),
		ROW(listener_closes_only, PATIENCE_MS, ENDED_PATIENCE),
		ROW(worker_ends, PATIENCE_MS, ENDED_PATIENCE),
		ROW(survivor_is_told, PATIENCE_MS, ENDED_PATIENCE),
		ROW(survivor_drains, PATIENCE_MS, ENDED_PATIENCE),
		ROW(survivor_opens_another, PATIENCE_MS, ENDED_PATIENCE),
		ROW(told_ends, 30 + SETTLE_MS, ENDED_SETTLED),
		ROW(told_ends_connections_go_on, 30 + SETTLE_MS, ENDED_SETTLED),
		ROW(survivor_ignores, 30 + SETTLE_MS, ENDED_SETTLED),
		ROW(survivor_keeps_one_listener, 90 + SETTLE_MS, ENDED_SETTLED),
		ROW(child_is_forked, 40 + SETTLE_MS, ENDED_SETTLED),
		ROW(all_end, 40 + SETTLE_MS, ENDED_SETTLED),
		ROW(all_end_before_connection, 70 + SETTLE_MS, ENDED_SETTLED),
		ROW(all_end_late_reset, 70 + SETTLE_MS, ENDED_SETTLED),
		ROW(all_end_handed_over, 40 + SETTLE_MS, ENDED_SETTLED),
		ROW(zombie_is_listed, 40 + SETTLE_MS, ENDED_SETTLED),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct shutdown *s = stopping();
		enum ended_reason reason;
		uint64_t deadline;

		rows[i].tell(s);
		deadline = shutdown_deadline_ns(s, &spans, &reason);
		if (deadline != story_ns(rows[i].at_ms) || reason != rows[i].reason)
			print_error("%s\n", rows[i].name);
		assert_int_equal(deadline, story_ns(rows[i].at_ms));
		assert_int_equal(reason, rows[i].reason);
		shutdown_free(s);
	}
}

/* --- has it acted --------------------------------------------------------------------------- */

static void connection_closes(struct shutdown *s)
{
	union event event = story_event(EVENT_COUNTS, 90);

	event.counts.counts.first_closed_ns = story_ns(10);
	story_tell(s, event);
}

static void connection_leaves_by_itself(struct shutdown *s)
{
	union event event = story_event(EVENT_COUNTS, 90);

	event.counts.counts.outcomes[DIRECTION_INBOUND][OUTCOME_PEER_CLOSED] = 1;
	event.counts.counts.last_left_ns[DIRECTION_INBOUND] = story_ns(10);
	story_tell(s, event);
}

static void test_has_acted(void **state)
{
	static const struct {
		void (*tell)(struct shutdown *s);
		bool has_acted;
	} rows[] = {
		{ nothing_happens, false },	{ connection_leaves_by_itself, false },
		{ connection_closes, true },	{ worker_ends, true },
		{ listener_closes_only, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct shutdown *s = stopping();

		rows[i].tell(s);
		assert_int_equal(shutdown_has_acted(s), rows[i].has_acted);
		shutdown_free(s);
	}
}

/* --- bounds --------------------------------------------------------------------------------- */

/* Too many is no error: a table that is full drops what comes. */
static void test_many_listeners(void **state)
{
	struct shutdown *s = story_begin();
	union event event = story_listener(0, LISTENER_LISTED, 8000);

	(void)state;
	for (uint64_t i = 0; i < 5000; i++) {
		event.listener.cookie = i + 1;
		story_tell(s, event);
	}
	assert_in_range(s->n_listeners, 1000, 5000);
	shutdown_free(s);
}

static void test_many_signals(void **state)
{
	struct shutdown *s = story_begin();

	(void)state;
	for (int i = 0; i < 5000; i++)
		story_tell(s, story_signal(i, 10, SIGTERM, STORY_SYSTEMD, 0));
	assert_int_equal(s->n_processes, 1);
	assert_in_range(s->processes[0].n_signals, 100, 4999);
	assert_int_equal(s->processes[0].signals[0].event.header.at_ns, story_ns(0));
	shutdown_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),      cmocka_unit_test(test_deadline_in_any_order),
		cmocka_unit_test(test_deadline),       cmocka_unit_test(test_has_acted),
		cmocka_unit_test(test_many_listeners), cmocka_unit_test(test_many_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
