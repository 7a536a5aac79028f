/* SPDX-License-Identifier: GPL-2.0-only */
/* How late the client may be: by what it works, not by what it sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "src/base/clock.h"
#include "tools/client/lateness.h"

#define MS 1000000ULL
#define TICK_NS (10 * MS) /* running time is entered at a tick of the scheduler */

static uint64_t work(uint64_t ns)
{
	uint64_t began_ns = clock_boot_ns(), end_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end_ns)
		;
	return clock_boot_ns() - began_ns;
}

static void test_work_makes_late(void **state)
{
	struct lateness lateness;
	uint64_t took_ns;

	(void)state;
	lateness_init(&lateness);
	if (!lateness_now(&lateness)) {
		lateness_fini(&lateness);
		skip(); /* no schedstat here */
	}
	took_ns = work(40 * MS);
	assert_true(lateness_now(&lateness) >= took_ns); /* not asked since */
	lateness_asked(&lateness);
	assert_true(lateness_now(&lateness) >= 40 * MS - TICK_NS);
	lateness_fini(&lateness);
}

static void test_sleep_does_not(void **state)
{
	const struct timespec nap = { .tv_nsec = 60 * MS };
	struct lateness lateness;
	uint64_t began_ns = clock_boot_ns(), late_ns;

	(void)state;
	lateness_init(&lateness);
	nanosleep(&nap, NULL);
	lateness_asked(&lateness);
	late_ns = lateness_now(&lateness);
	assert_true(late_ns + 60 * MS <= clock_boot_ns() - began_ns + TICK_NS);
	lateness_fini(&lateness);
}

static void test_unknown(void **state)
{
	struct lateness lateness = { .fd = -1 };

	(void)state;
	lateness_asked(&lateness);
	assert_int_equal(lateness_now(&lateness), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work_makes_late),
		cmocka_unit_test(test_sleep_does_not),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
