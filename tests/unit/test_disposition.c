/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/PID/status as kernels and strangers write it, and our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/capture/disposition.h"
#include "tests/unit/plain.h"

#define STATUS                                                                                     \
	"Name:\tnginx\nTgid:\t812\nNSpid:\t812\t7\t1\nNSpgid:\t800\t0\t0\n"                        \
	"SigBlk:\t0000000000000001\nSigIgn:\t0000000040001000\nSigCgt:\t0000000198016a07\n"

static void test_masks(void **state)
{
	struct signal_masks masks;

	(void)state;
	assert_int_equal(signal_masks_parse(STATUS, &masks), 0);
	assert_int_equal(masks.blocked, 1);
	assert_int_equal(masks.ignored, 0x40001000);
	assert_int_equal(masks.caught, 0x198016a07);
	assert_int_equal(masks.ns_pid, 1);
	assert_int_equal(masks.group, 800);
}

/* A name is escaped by the kernel; what only looks like a line of its own is none. */
static void test_hostile_name(void **state)
{
	struct signal_masks masks;

	(void)state;
	assert_int_equal(
		signal_masks_parse("Name:\tx\\nSigCgt:\tffffffffffffffff\n" STATUS, &masks), 0);
	assert_int_equal(masks.caught, 0x198016a07);
}

/* "t" is a debugger's, which lets it go on. */
static void test_stopped(void **state)
{
	static const struct {
		const char *text;
		bool is_stopped;
	} cases[] = {
		{ "State:\tT (stopped)\n" STATUS, true },
		{ "State:\tt (tracing stop)\n" STATUS, false },
		{ "State:\tS (sleeping)\n" STATUS, false },
		{ STATUS, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct signal_masks masks;

		assert_int_equal(signal_masks_parse(cases[i].text, &masks), 0);
		assert_int_equal(masks.is_stopped, cases[i].is_stopped);
	}
}

static void test_high_signals(void **state)
{
	struct signal_masks masks;

	(void)state;
	assert_int_equal(signal_masks_parse("SigBlk:\tfffffffe7ffbfeff\nSigIgn:\t0000000000000000\n"
					    "SigCgt:\t8000000000000000\n",
					    &masks),
			 0);
	assert_true(masks.blocked == 0xfffffffe7ffbfeffULL);
	assert_true(masks.caught == 1ULL << 63);
	assert_int_equal(masks.ns_pid, 0); /* not told */
	assert_int_equal(masks.group, 0);
}

static void test_malformed(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"SigBlk:",
		"SigBlk:\t0\nSigIgn:\t0\n",
		"SigBlk:\t0\nSigIgn:\tzzz\nSigCgt:\t0\n",
		" SigBlk:\t0\n SigIgn:\t0\n SigCgt:\t0\n",
		"SigBlk:\t0\nSigIgn:\t0\nSigCgt:",
	};
	struct signal_masks masks = { .caught = 42 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(signal_masks_parse(texts[i], &masks), -EBADMSG);
	assert_int_equal(masks.caught, 42); /* untouched */
}

static void on_signal(int signal)
{
	(void)signal;
}

static void expect(int signal, enum disposition disposition)
{
	struct stance stance;

	assert_int_equal(stance_read((uint32_t)getpid(), signal, &stance), 0);
	assert_int_equal(stance.disposition, disposition);
	assert_false(stance.is_awaited);
}

static void test_own_stance(void **state)
{
	sigset_t set, before;

	(void)state;
	skip_under_valgrind("it has handlers of its own");
	expect(SIGUSR2, DISPOSITION_DEFAULT);
	signal(SIGUSR2, SIG_IGN);
	expect(SIGUSR2, DISPOSITION_IGNORED);
	signal(SIGUSR2, on_signal);
	expect(SIGUSR2, DISPOSITION_HANDLER);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &before);
	expect(SIGUSR2, DISPOSITION_BLOCKED);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGUSR2, SIG_DFL);
}

static void test_nobody(void **state)
{
	struct stance stance;

	(void)state;
	assert_true(stance_read(UINT32_MAX, SIGTERM, &stance) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),	  cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_stopped),	  cmocka_unit_test(test_high_signals),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_own_stance),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
