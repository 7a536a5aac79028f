/* SPDX-License-Identifier: GPL-2.0-only */
/* Which connections are kept and in which order: the same, however they came in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/model/details.h"
#include "tests/unit/story.h"

/* The most telling first. */
static const struct {
	enum connection_outcome outcome;
	enum at_signal at_signal;
	int64_t at_ms;
	uint64_t cookie;
} ranking[] = {
	{ OUTCOME_CUT, AT_SIGNAL_IN_FLIGHT, 1, 1 },
	{ OUTCOME_LATE_RESET, AT_SIGNAL_NEW, 1, 2 },
	{ OUTCOME_RESET, AT_SIGNAL_IDLE, 9, 3 },
	{ OUTCOME_ABANDONED, AT_SIGNAL_IDLE, 8, 4 }, /* losses of one kind: the last to leave */
	{ OUTCOME_CUT, AT_SIGNAL_IDLE, 7, 6 },
	{ OUTCOME_LATE_RESET, AT_SIGNAL_IDLE, 7, 5 }, /* at the same time: one fixed order */
	{ OUTCOME_UNACCEPTED, AT_SIGNAL_NEW, 99, 7 },
	{ OUTCOME_UNACCEPTED, AT_SIGNAL_QUEUED, 99, 8 },
	{ OUTCOME_UNDECIDED, AT_SIGNAL_IN_FLIGHT, 99, 9 },
	{ OUTCOME_LEFT_OPEN, AT_SIGNAL_IN_FLIGHT, 99, 10 },
	{ OUTCOME_OPEN, AT_SIGNAL_IDLE, 99, 11 },
	{ OUTCOME_TIMED_OUT, AT_SIGNAL_IDLE, 99, 12 },
	{ OUTCOME_PEER_RESET, AT_SIGNAL_IDLE, 98, 13 },
	{ OUTCOME_HANDED_OVER, AT_SIGNAL_IN_FLIGHT, 99, 14 },
	{ OUTCOME_COMPLETED, AT_SIGNAL_IN_FLIGHT, 1, 15 },
	{ OUTCOME_COMPLETED, AT_SIGNAL_NEW, 1, 16 },
	{ OUTCOME_IDLE, AT_SIGNAL_IDLE, 99, 17 },
	{ OUTCOME_PEER_CLOSED, AT_SIGNAL_UNKNOWN, 98, 18 },
	{ OUTCOME_IDLE, AT_SIGNAL_IDLE, 97, 19 },
};

#define RANKED ARRAY_SIZE(ranking)

static void add(struct details *details, struct event_connection connection)
{
	assert_int_equal(details_add(details, &connection), 0);
}

static struct event_connection ranked(size_t i)
{
	union event event =
		story_connection(ranking[i].at_ms, ranking[i].cookie, ranking[i].outcome);

	event.connection.at_signal = (uint8_t)ranking[i].at_signal;
	return event.connection;
}

static struct event_connection plain(uint64_t cookie, int64_t at_ms)
{
	return story_connection(at_ms, cookie, OUTCOME_IDLE).connection;
}

static struct event_connection revised(uint64_t cookie, int64_t at_ms)
{
	union event event = story_connection(at_ms, cookie, OUTCOME_LATE_RESET);

	event.connection.flags = CONNECTION_REVISED;
	return event.connection;
}

/* The same shuffles every time (Knuth's MMIX generator). */
static size_t next_below(uint64_t *seed, size_t limit)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (size_t)(*seed >> 33) % limit;
}

static void shuffle(size_t *order, size_t count, uint64_t *seed)
{
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = count - 1; i > 0; i--) {
		size_t other = next_below(seed, i + 1);
		size_t kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
}

/* For every limit, and in many orders of arrival, the first of the ranking stay, in its order. */
static void test_ranking(void **state)
{
	size_t order[RANKED];
	uint64_t seed = 1;

	(void)state;
	for (size_t round = 0; round < 50 * (RANKED + 2); round++) {
		const size_t limit = round % (RANKED + 2);
		const size_t kept = limit < RANKED ? limit : RANKED;
		struct details details;

		details_init(&details, limit);
		shuffle(order, RANKED, &seed);
		for (size_t i = 0; i < RANKED; i++)
			add(&details, ranked(order[i]));
		details_sort(&details);
		assert_int_equal(details.count, kept);
		for (size_t i = 0; i < kept; i++)
			assert_int_equal(details.items[i].cookie, ranking[i].cookie);
		details_fini(&details);
	}
}

static void test_limit_0(void **state)
{
	struct details details;

	(void)state;
	details_init(&details, 0);
	for (size_t i = 0; i < RANKED; i++)
		add(&details, ranked(i));
	add(&details, revised(1, 5));
	details_sort(&details);
	assert_int_equal(details.count, 0);
	details_fini(&details);
}

static void test_no_limit(void **state)
{
	struct details details;

	(void)state;
	details_init(&details, SIZE_MAX);
	for (uint64_t i = 0; i < 5000; i++)
		add(&details, plain(i + 1, (int64_t)(i * 7 % 5000)));
	details_sort(&details);
	assert_int_equal(details.count, 5000);
	for (size_t i = 1; i < details.count; i++)
		assert_true(details.items[i].header.at_ns < details.items[i - 1].header.at_ns);
	details_fini(&details);
}

/* A late reset replaces what was told before, wherever that lies in the heap. */
static void test_revision(void **state)
{
	(void)state;
	for (uint64_t target = 1; target <= 40; target++) {
		struct details details;

		details_init(&details, 100);
		for (uint64_t i = 1; i <= 40; i++)
			add(&details, plain(i, (int64_t)(i * 17 % 41)));
		add(&details, revised(target, 50));
		details_sort(&details);
		assert_int_equal(details.count, 40);
		assert_int_equal(details.items[0].cookie, target);
		assert_int_equal(details.items[0].outcome, OUTCOME_LATE_RESET);
		for (size_t i = 2; i < details.count; i++) {
			assert_int_not_equal(details.items[i].cookie, target);
			assert_true(details.items[i].header.at_ns <
				    details.items[i - 1].header.at_ns);
		}
		details_fini(&details);
	}
}

/* Also when the earlier one had been dropped for lack of room, and then at somebody's expense. */
static void test_revision_at_the_limit(void **state)
{
	(void)state;
	for (uint64_t target = 1; target <= 20; target++) {
		struct details details;

		details_init(&details, 8);
		for (uint64_t i = 1; i <= 20; i++)
			add(&details, plain(i, (int64_t)(i * 7 % 21)));
		add(&details, revised(target, 50));
		details_sort(&details);
		assert_int_equal(details.count, 8);
		assert_int_equal(details.items[0].cookie, target);
		for (size_t i = 1; i < details.count; i++)
			assert_int_not_equal(details.items[i].cookie, target);
		details_fini(&details);
	}
}

/* Whatever is revised and whenever: as if only the last word on each had been told. */
static void test_many_revisions(void **state)
{
	const size_t count = 60;
	uint64_t seed = 2;

	(void)state;
	for (size_t round = 0; round < 500; round++) {
		const size_t limit = 1 + round % 70, n_revised = round % (count + 1);
		const size_t kept = limit < count ? limit : count;
		size_t order[2 * 60];
		struct details details;

		details_init(&details, limit);
		shuffle(order, count + n_revised, &seed); /* some late resets come first */
		for (size_t i = 0; i < count + n_revised; i++) {
			uint64_t cookie = order[i] % count + 1;

			add(&details, order[i] < count ? plain(cookie, (int64_t)cookie)
						       : revised(cookie, (int64_t)cookie));
			if (i == count / 2)
				details_sort(&details); /* a provisional record */
		}
		details_sort(&details);
		assert_int_equal(details.count, kept);
		for (size_t i = 0; i < kept; i++)
			assert_int_equal(details.items[i].cookie,
					 i < n_revised ? n_revised - i : count + n_revised - i);
		details_fini(&details);
	}
}

static void test_empty(void **state)
{
	struct details details;

	(void)state;
	details_init(&details, 10);
	details_sort(&details);
	assert_int_equal(details.count, 0);
	details_fini(&details);
	details_fini(&details);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranking),	       cmocka_unit_test(test_limit_0),
		cmocka_unit_test(test_no_limit),       cmocka_unit_test(test_revision),
		cmocka_unit_test(test_empty),	       cmocka_unit_test(test_revision_at_the_limit),
		cmocka_unit_test(test_many_revisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
