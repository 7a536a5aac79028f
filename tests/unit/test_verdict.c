/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table "Outcome of the shutdown": each row, and the order of the rows. Second signals are in
 * test_second_signal.c, stops without a signal in test_verdict_exit.c.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/analysis/build.h"
#include "src/analysis/verdict.h"
#include "src/base/cleanup.h"
#include "tests/unit/story.h"

/* --- what can happen, one thing each -------------------------------------------------------- */

static void all_end(struct shutdown *s)
{
	story_tell(s, story_exit(790, 11, 0));
	story_tell(s, story_exit(800, 10, 0));
}

static void all_end_with_codes(struct shutdown *s)
{
	story_tell(s, story_exit(790, 11, STORY_CODE(1)));
	story_tell(s, story_exit(800, 10, STORY_CODE(143)));
}

static void all_end_by_term(struct shutdown *s)
{
	story_tell(s, story_exit(790, 11, STORY_DEATH(SIGTERM)));
	story_tell(s, story_exit(800, 10, STORY_DEATH(SIGTERM)));
}

static void master_ends(struct shutdown *s)
{
	story_tell(s, story_exit(800, 10, 0));
}

static void worker_faults(struct shutdown *s)
{
	story_tell(s, story_exit(790, 11, STORY_DEATH(SIGSEGV) | 0x80));
}

static void nothing_ends(struct shutdown *s)
{
	(void)s;
}

static void listener_closes(struct shutdown *s)
{
	story_tell(s, story_listener(10, LISTENER_CLOSED, 8000));
}

static void cut(struct shutdown *s)
{
	s->counts.open[DIRECTION_INBOUND] = s->counts.outcomes[DIRECTION_INBOUND][OUTCOME_CUT] = 1;
}

static void all_end_cut(struct shutdown *s)
{
	cut(s);
	all_end(s);
}

static void all_end_refused(struct shutdown *s)
{
	s->counts.refused = 1;
	all_end(s);
}

static void all_end_refused_handshake(struct shutdown *s)
{
	s->counts.refused_handshakes = 1;
	all_end(s);
}

static void all_end_late_close(struct shutdown *s)
{
	s->counts.late_closes = 1;
	all_end(s);
}

/* --- kills ---------------------------------------------------------------------------------- */

static void kill_from(struct shutdown *s, uint32_t sender, uint32_t flags)
{
	listener_closes(s);
	story_tell(s, story_signal(780, 11, SIGKILL, sender, flags));
	story_tell(s, story_exit(790, 11, STORY_DEATH(SIGKILL)));
	story_tell(s, story_exit(800, 10, 0));
}

static void killed_from_outside(struct shutdown *s)
{
	kill_from(s, STORY_SYSTEMD, 0);
}

static void killed_by_master(struct shutdown *s)
{
	kill_from(s, 10, SIGNAL_FROM_MEMBER);
}

static void killed_by_sibling(struct shutdown *s)
{
	kill_from(s, 12, SIGNAL_FROM_MEMBER);
}

static void killed_by_itself(struct shutdown *s)
{
	kill_from(s, 11, SIGNAL_FROM_MEMBER);
}

static void killed_while_another_serves(struct shutdown *s)
{
	story_tell(s, story_signal(780, 11, SIGKILL, STORY_SYSTEMD, 0));
	story_tell(s, story_exit(790, 11, STORY_DEATH(SIGKILL)));
}

static void killed_and_fault(struct shutdown *s)
{
	killed_from_outside(s);
	story_tell(s, story_exit(795, 12, STORY_DEATH(SIGSEGV)));
}

static void oom(struct shutdown *s)
{
	union event event = story_exit(790, 11, STORY_DEATH(SIGKILL));

	event.exit.flags = EXIT_OOM_VICTIM;
	story_tell(s, story_signal(780, 11, SIGKILL, 12, SIGNAL_FROM_KERNEL));
	story_tell(s, event);
	story_tell(s, story_exit(800, 10, STORY_DEATH(SIGSEGV)));
}

static void oom_of_one(struct shutdown *s)
{
	union event event = story_exit(790, 11, STORY_DEATH(SIGKILL));

	event.exit.flags = EXIT_OOM_VICTIM;
	story_tell(s, event);
}

/* --- judging -------------------------------------------------------------------------------- */

struct row {
	const char *name;
	void (*tell)(struct shutdown *s);
	enum ended_reason reason;
	enum verdict verdict;
};

#define ROW(tell, reason, verdict)                                                                 \
	{                                                                                          \
#tell, tell, reason, verdict                                                       \
	}

/* TERM to the master 10; 11 is its worker. */
static struct shutdown *signalled(void)
{
	struct shutdown *s = story_begin();

	story_tell(s, story_signal(0, 10, SIGTERM, STORY_SYSTEMD, SIGNAL_ARMED));
	story_tell(s, story_process(10, 1));
	story_tell(s, story_process(11, 10));
	story_tell(s, story_listener(0, LISTENER_LISTED, 8000));
	return s;
}

/* Frees the shutdown. */
static enum verdict judge(struct shutdown *s, enum ended_reason reason, bool *ret_is_none)
{
	const struct host host = { .name = "web-1" };
	struct record record;
	enum verdict verdict;

	story_tell(s, story_ended(2000, reason));
	assert_int_equal(record_build(s, &host, &record), 0);
	verdict = record.verdict;
	assert_int_equal(verdict, verdict_of(s, &record));
	*ret_is_none = verdict_is_no_shutdown(s, &record);
	record_fini(&record);
	shutdown_free(s);
	return verdict;
}

static void judge_rows(const struct row *rows, size_t count)
{
	bool is_none;

	for (size_t i = 0; i < count; i++) {
		struct shutdown *s = signalled();
		enum verdict verdict;

		rows[i].tell(s);
		verdict = judge(s, rows[i].reason, &is_none);
		if (verdict != rows[i].verdict)
			print_error("%s: %s\n", rows[i].name, verdict_name(verdict));
		assert_int_equal(verdict, rows[i].verdict);
		assert_int_equal(is_none, rows[i].reason == ENDED_DROPPED);
	}
}

static void test_rows(void **state)
{
	static const struct row rows[] = {
		ROW(all_end, ENDED_SETTLED, VERDICT_CLEAN),
		ROW(all_end, ENDED_PATIENCE, VERDICT_CLEAN), /* just in time */
		ROW(all_end, ENDED_DROPPED, VERDICT_CLEAN),
		ROW(all_end_with_codes, ENDED_SETTLED, VERDICT_CLEAN),
		ROW(all_end_by_term, ENDED_SETTLED, VERDICT_CLEAN),
		ROW(all_end_late_close, ENDED_SETTLED, VERDICT_CLEAN),
		ROW(all_end_cut, ENDED_SETTLED, VERDICT_LOSSY),
		ROW(all_end_refused, ENDED_SETTLED, VERDICT_LOSSY),
		ROW(all_end_refused_handshake, ENDED_SETTLED, VERDICT_LOSSY),
		ROW(master_ends, ENDED_SETTLED, VERDICT_PARTIAL),
		ROW(killed_from_outside, ENDED_SETTLED, VERDICT_FORCED),
		ROW(killed_by_master, ENDED_SETTLED, VERDICT_FORCED),
		ROW(killed_by_sibling, ENDED_SETTLED, VERDICT_CLEAN),
		ROW(killed_by_itself, ENDED_SETTLED, VERDICT_CLEAN),
		ROW(nothing_ends, ENDED_PATIENCE, VERDICT_UNAFFECTED),
		ROW(nothing_ends, ENDED_INTERRUPTED, VERDICT_UNAFFECTED),
		ROW(listener_closes, ENDED_PATIENCE, VERDICT_DRAINING),
		ROW(listener_closes, ENDED_INTERRUPTED, VERDICT_DRAINING),
		ROW(master_ends, ENDED_PATIENCE, VERDICT_DRAINING),
	};

	(void)state;
	judge_rows(rows, ARRAY_SIZE(rows));
}

static void fault_only(struct shutdown *s)
{
	worker_faults(s);
	story_tell(s, story_exit(800, 10, 0));
}

static void fault_and_cut(struct shutdown *s)
{
	cut(s);
	fault_only(s);
}

static void master_ends_cut(struct shutdown *s)
{
	cut(s);
	master_ends(s);
}

static void test_order(void **state)
{
	static const struct row rows[] = {
		ROW(fault_only, ENDED_SETTLED, VERDICT_CRASHED),
		ROW(fault_and_cut, ENDED_SETTLED, VERDICT_CRASHED),
		ROW(worker_faults, ENDED_SETTLED, VERDICT_CRASHED), /* though 10 lives on */
		ROW(master_ends_cut, ENDED_SETTLED, VERDICT_PARTIAL),
		ROW(killed_and_fault, ENDED_SETTLED, VERDICT_FORCED),
		ROW(killed_while_another_serves, ENDED_SETTLED, VERDICT_FORCED),
		ROW(oom, ENDED_SETTLED, VERDICT_OOM_KILLED),
		ROW(oom_of_one, ENDED_SETTLED, VERDICT_OOM_KILLED),
		ROW(oom_of_one, ENDED_PATIENCE, VERDICT_DRAINING),
		ROW(worker_faults, ENDED_PATIENCE, VERDICT_DRAINING),
	};

	(void)state;
	judge_rows(rows, ARRAY_SIZE(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
