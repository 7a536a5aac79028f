/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The text report in every look: it keeps within its width, and no stranger's name or number
 * reaches the terminal raw.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "tests/unit/fixtures.h"
#include "tests/unit/presentable.h"

static void test_orders_anywhere(void **state)
{
	struct record *record = fixture_orders();

	(void)state;
	assert_presentable_anywhere(record, true);
	fixture_free(record);
}

/* Every string that others choose, at its full length, with the same hostile bytes. */
static void fill(char *string, size_t size, const char *pattern)
{
	for (size_t i = 0; i < size - 1; i++)
		string[i] = pattern[i % strlen(pattern)];
	string[size - 1] = '\0';
}

static void make_hostile(struct record *record, const char *pattern)
{
	fill(record->host.name, sizeof(record->host.name), pattern);
	fill(record->host.kernel, sizeof(record->host.kernel), pattern);
	fill(record->service.name, sizeof(record->service.name), pattern);
	fill(record->service.cgroup, sizeof(record->service.cgroup), pattern);
	fill(record->trigger_sender.comm, sizeof(record->trigger_sender.comm), pattern);
	record->trigger_sender.ancestors = ANCESTRY_MAX;
	for (size_t i = 0; i < ANCESTRY_MAX; i++)
		fill(record->trigger_sender.ancestry[i], COMM_BYTES + 1, pattern);
	for (size_t i = 0; i < record->n_processes; i++) {
		struct record_process *process = &record->processes[i];

		fill(process->comm, sizeof(process->comm), pattern);
		for (size_t j = 0; j < process->n_signals; j++)
			fill(process->signals[j].sender.comm, COMM_BYTES + 1, pattern);
	}
}

static void test_hostile_names(void **state)
{
	static const char *const patterns[] = {
		"\033[2J\033]0;owned\007",
		"\n\r\t\v",
		"\xff\xfe\x80",
		"\u202e\u2066evil\u202c",
		"\xc2\x9bm",
		"   a ",
		"%s%n%d",
		"\\x1b",
		"日本語",
		"x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct record *record = fixture_orders();

		for (enum verdict v = VERDICT_CLEAN; v <= VERDICT_DRAINING; v++) {
			record->verdict = v;
			make_hostile(record, patterns[i]);
			assert_presentable_anywhere(record, false);
		}
		fill(record->service.container_id, NAME_BYTES + 1, patterns[i]);
		fill(record->service.pod_uid, NAME_BYTES + 1, patterns[i]);
		assert_presentable_anywhere(record, false);
		fixture_free(record);
	}
}

/* A recording may hold any number. */
static void test_hostile_numbers(void **state)
{
	static const int64_t numbers[] = { INT64_MIN + 1, INT64_MAX, -1, TIME_UNKNOWN };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct record *record = fixture_orders();

		record->timing = (struct record_timing){
			numbers[i], numbers[i], numbers[i], numbers[i], numbers[i],
			numbers[i], numbers[i], numbers[i], numbers[i],
		};
		record->trigger_wall_ns = numbers[i];
		record->processes[0].signals[0].at_ns = numbers[i];
		record->processes[0].exited_at_ns = numbers[i];
		record->details[0].closed_at_ns = numbers[i];
		record->details[0].received_bytes = (uint64_t)numbers[i];
		record->details[0].family = 0;
		record->refused = UINT64_MAX;
		memset(record->directions, 0xff, sizeof(record->directions));
		assert_presentable_anywhere(record, true);
		fixture_free(record);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders_anywhere),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_hostile_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
