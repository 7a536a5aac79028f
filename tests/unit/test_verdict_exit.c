/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outcome where nobody sent a stop signal: an exit, a fault, a kill. And which connections
 * make a shutdown lossy.
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
#include "tests/unit/story.h"

#define SI_KERNEL_CODE 0x80
#define SEGV_MAPERR_CODE 1

struct judgement {
	enum verdict verdict;
	enum trigger_kind trigger;
	bool is_none;
};

/* Frees the shutdown. */
static struct judgement judge(struct shutdown *s)
{
	const struct host host = { .name = "web-1" };
	struct judgement judgement;
	struct record record;

	story_tell(s, story_ended(2000, ENDED_SETTLED));
	assert_int_equal(record_build(s, &host, &record), 0);
	judgement = (struct judgement){
		.verdict = record.verdict,
		.trigger = record.trigger,
		.is_none = verdict_is_no_shutdown(s, &record),
	};
	record_fini(&record);
	shutdown_free(s);
	return judgement;
}

/* 11, a child of 10, ends by itself. */
static struct shutdown *exited(uint32_t status)
{
	struct shutdown *s = story_begin();
	union event event = story_exit(0, 11, status);

	event.exit.flags = EXIT_ARMED;
	story_tell(s, event);
	story_tell(s, story_process(10, 1));
	return s;
}

/* --- without a signal ----------------------------------------------------------------------- */

static void test_exit_with_survivors(void **state)
{
	struct shutdown *s;

	(void)state;
	assert_true(judge(exited(0)).is_none);
	assert_false(judge(exited(STORY_CODE(1))).is_none);
	assert_int_equal(judge(exited(STORY_CODE(1))).verdict, VERDICT_CRASHED);
	assert_false(judge(exited(STORY_DEATH(SIGABRT))).is_none);
	s = exited(0);
	s->counts.outcomes[DIRECTION_OUTBOUND][OUTCOME_ABANDONED] = 1;
	assert_false(judge(s).is_none);
	s = exited(0);
	s->counts.refused = 1;
	assert_false(judge(s).is_none);
}

/* 11, which 10 had forked and no longer waited for, ends by itself. */
static struct shutdown *orphan_exited(void)
{
	struct shutdown *s = story_begin();
	union event event = story_exit(0, 11, STORY_CODE(1));

	event.exit.flags = EXIT_ARMED | EXIT_OF_ROOT | EXIT_OF_ORPHAN;
	story_tell(s, event);
	story_tell(s, story_process(10, 1));
	return s;
}

static void test_exit_of_orphan(void **state)
{
	struct shutdown *s;

	(void)state;
	assert_true(judge(orphan_exited()).is_none);
	s = orphan_exited();
	story_tell(s, story_listener(1, LISTENER_CLOSED, 80));
	assert_false(judge(s).is_none);
	s = orphan_exited();
	s->counts.first_closed_ns = story_ns(1);
	assert_int_equal(judge(s).verdict, VERDICT_CRASHED);
	s = orphan_exited();
	s->counts.first_closed_ns = story_ns(1);
	assert_false(judge(s).is_none);
	s = orphan_exited();
	story_tell(s, story_exit(5, 10, 0));
	assert_false(judge(s).is_none);
}

static void test_exit_of_all(void **state)
{
	static const struct {
		uint32_t status;
		enum verdict verdict;
	} rows[] = {
		{ 0, VERDICT_CLEAN },
		{ STORY_CODE(1), VERDICT_CRASHED },
		{ STORY_CODE(255), VERDICT_CRASHED },
		{ STORY_DEATH(SIGABRT), VERDICT_CRASHED },
		{ STORY_DEATH(SIGSEGV) | 0x80, VERDICT_CRASHED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shutdown *s = exited(rows[i].status);
		struct judgement judgement;

		story_tell(s, story_exit(5, 10, 0));
		judgement = judge(s);
		assert_int_equal(judgement.verdict, rows[i].verdict);
		assert_int_equal(judgement.trigger, TRIGGER_EXIT);
		assert_false(judgement.is_none);
	}
}

/* Without a stop signal a non-zero code is a crash, whichever member it is of. */
static void test_exit_code_of_another(void **state)
{
	struct shutdown *s = exited(0);

	(void)state;
	story_tell(s, story_exit(5, 10, STORY_CODE(1)));
	assert_int_equal(judge(s).verdict, VERDICT_CRASHED);
}

/* --- by a signal that is no stop ------------------------------------------------------------ */

static union event armed(int signal, uint32_t flags, int32_t code, enum disposition disposition)
{
	union event event = story_signal(0, 10, signal, STORY_SYSTEMD, SIGNAL_ARMED | flags);

	event.signal.code = code;
	event.signal.disposition = (uint8_t)disposition;
	return event;
}

static enum verdict verdict_after(union event trigger, uint32_t status)
{
	struct shutdown *s = story_begin();

	story_tell(s, trigger);
	story_tell(s, story_exit(5, 10, status));
	return judge(s).verdict;
}

static void test_faults_and_the_terminal(void **state)
{
	const uint32_t kernel = SIGNAL_FROM_KERNEL;

	(void)state;
	assert_int_equal(
		verdict_after(armed(SIGSEGV, kernel, SEGV_MAPERR_CODE, DISPOSITION_DEFAULT),
			      STORY_DEATH(SIGSEGV) | 0x80),
		VERDICT_CRASHED);
	assert_int_equal(verdict_after(armed(SIGINT, kernel, SI_KERNEL_CODE, DISPOSITION_HANDLER),
				       STORY_CODE(130)),
			 VERDICT_CLEAN);
	assert_int_equal(verdict_after(armed(SIGINT, kernel, SI_KERNEL_CODE, DISPOSITION_DEFAULT),
				       STORY_DEATH(SIGINT)),
			 VERDICT_CLEAN);
	/* kill -USR1 without a handler: it was sent, so it is what the sender wanted. */
	assert_int_equal(verdict_after(armed(SIGUSR1, 0, 0, DISPOSITION_DEFAULT),
				       STORY_DEATH(SIGUSR1)),
			 VERDICT_CLEAN);
	assert_int_equal(verdict_after(armed(SIGTERM, 0, 0, DISPOSITION_HANDLER),
				       STORY_DEATH(SIGUSR1)),
			 VERDICT_CRASHED);
	assert_int_equal(verdict_after(armed(SIGKILL, 0, 0, DISPOSITION_DEFAULT),
				       STORY_DEATH(SIGKILL)),
			 VERDICT_FORCED);
}

/* 10 stops; 11 dies of USR1, sent by that process. */
static enum verdict verdict_of_usr1(uint32_t sender, uint32_t flags)
{
	struct shutdown *s = story_begin();

	story_tell(s, armed(SIGTERM, 0, 0, DISPOSITION_HANDLER));
	story_tell(s, story_process(11, 10));
	story_tell(s, story_signal(5, 11, SIGUSR1, sender, flags));
	story_tell(s, story_exit(6, 11, STORY_DEATH(SIGUSR1)));
	story_tell(s, story_exit(7, 10, 0));
	return judge(s).verdict;
}

static void test_ended_by_its_master(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_usr1(10, SIGNAL_FROM_MEMBER), VERDICT_CLEAN);
	assert_int_equal(verdict_of_usr1(11, SIGNAL_FROM_MEMBER), VERDICT_CRASHED);
	assert_int_equal(verdict_of_usr1(12, SIGNAL_FROM_MEMBER), VERDICT_CRASHED);
	assert_int_equal(verdict_of_usr1(STORY_SYSTEMD, 0), VERDICT_CRASHED);
}

static void test_oom_is_the_trigger(void **state)
{
	struct shutdown *s = story_begin();
	union event event = story_exit(5, 10, STORY_DEATH(SIGKILL));
	struct judgement judgement;

	(void)state;
	story_tell(s, armed(SIGKILL, SIGNAL_FROM_KERNEL, SI_KERNEL_CODE, DISPOSITION_DEFAULT));
	event.exit.flags = EXIT_OOM_VICTIM;
	story_tell(s, event);
	judgement = judge(s);
	assert_int_equal(judgement.verdict, VERDICT_OOM_KILLED);
	assert_int_equal(judgement.trigger, TRIGGER_OOM);
}

/* --- lossy ---------------------------------------------------------------------------------- */

static void test_lossy_outcomes(void **state)
{
	(void)state;
	for (int outcome = OUTCOME_NONE + 1; outcome < OUTCOMES; outcome++) {
		bool is_loss = outcome == OUTCOME_RESET || outcome == OUTCOME_CUT ||
			       outcome == OUTCOME_ABANDONED || outcome == OUTCOME_UNACCEPTED ||
			       outcome == OUTCOME_LATE_RESET;

		for (int direction = 0; direction < DIRECTIONS; direction++) {
			struct shutdown *s = story_begin();

			story_tell(s, armed(SIGTERM, 0, 0, DISPOSITION_HANDLER));
			story_tell(s, story_exit(5, 10, 0));
			s->counts.outcomes[direction][outcome] = 1;
			assert_int_equal(judge(s).verdict, is_loss ? VERDICT_LOSSY : VERDICT_CLEAN);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_with_survivors),
		cmocka_unit_test(test_exit_of_orphan),
		cmocka_unit_test(test_exit_of_all),
		cmocka_unit_test(test_exit_code_of_another),
		cmocka_unit_test(test_faults_and_the_terminal),
		cmocka_unit_test(test_ended_by_its_master),
		cmocka_unit_test(test_oom_is_the_trigger),
		cmocka_unit_test(test_lossy_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
