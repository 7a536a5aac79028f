/* SPDX-License-Identifier: GPL-2.0-only */
/* How processes form services. The listing is made by hand; no kernel and no /proc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/array.h"
#include "src/capture/census.h"
#include "tests/unit/story.h"

static const struct selectors everybody;

static size_t add(struct census *census, uint32_t pid, uint32_t parent, const char *comm)
{
	struct census_process *process;

	assert_int_equal(array_reserve((void **)&census->processes, &census->processes_capacity,
				       census->n_processes, sizeof(*census->processes)),
			 0);
	process = &census->processes[census->n_processes];
	memset(process, 0, sizeof(*process));
	process->id = story_id(pid);
	process->parent = story_id(parent);
	process->root = SIZE_MAX;
	snprintf(process->comm, sizeof(process->comm), "%s", comm);
	return census->n_processes++;
}

static void listen_on(struct census *census, size_t who, uint16_t port)
{
	assert_int_equal(array_reserve((void **)&census->listeners, &census->listeners_capacity,
				       census->n_listeners, sizeof(*census->listeners)),
			 0);
	census->listeners[census->n_listeners] = story_listener(0, LISTENER_LISTED, port).listener;
	census->listeners[census->n_listeners++].process = census->processes[who].id;
}

static void put_into(struct census *census, size_t who, const char *unit)
{
	struct census_process *process = &census->processes[who];

	process->has_identity = true;
	process->identity.kind = SERVICE_UNIT;
	snprintf(process->identity.unit, sizeof(process->identity.unit), "%s", unit);
	snprintf(process->identity.cgroup, sizeof(process->identity.cgroup), "/system.slice/%s",
		 unit);
}

#define NOBODY (-1)

/* `roots` tells the index of the root for each process in turn. */
static void assert_roots(const struct census *census, const int *roots, size_t count)
{
	assert_int_equal(census->n_processes, count);
	for (size_t i = 0; i < count; i++) {
		size_t expected = roots[i] == NOBODY ? SIZE_MAX : (size_t)roots[i];

		if (census->processes[i].root != expected)
			print_error("process %zu, %s\n", i, census->processes[i].comm);
		assert_int_equal(census->processes[i].root, expected);
	}
}

#define ASSERT_ROOTS(census, ...)                                                                  \
	do {                                                                                       \
		static const int roots_[] = { __VA_ARGS__ };                                       \
		assert_roots(census, roots_, sizeof(roots_) / sizeof(roots_[0]));                  \
	} while (0)

/* init, a shell, a master with two workers that share its listener, and a child without one. */
static struct census prefork(void)
{
	struct census census = {};

	add(&census, 1, 0, "systemd");
	add(&census, 5, 1, "bash");
	add(&census, 10, 5, "gunicorn");
	add(&census, 11, 10, "gunicorn");
	add(&census, 12, 10, "gunicorn");
	add(&census, 13, 12, "tracker");
	for (size_t i = 2; i < 5; i++)
		listen_on(&census, i, 8000);
	return census;
}

static void test_prefork(void **state)
{
	struct census census = prefork();

	(void)state;
	census_group(&census, &everybody, NULL);
	ASSERT_ROOTS(&census, NOBODY, NOBODY, 2, 2, 2, 2);
	assert_false(census.processes[1].is_candidate);
	assert_true(census.processes[4].is_candidate);
	assert_false(census.processes[5].is_candidate);
	census_fini(&census);
}

/* A supervisor with a port of its own: each of its children is a service. */
static void test_supervisor(void **state)
{
	struct census census = {};

	(void)state;
	add(&census, 10, 1, "supervisord");
	add(&census, 11, 10, "web");
	add(&census, 12, 10, "api");
	add(&census, 13, 10, "cron"); /* no listener: it goes with the supervisor */
	add(&census, 14, 12, "worker");
	listen_on(&census, 0, 9001);
	listen_on(&census, 1, 8000);
	listen_on(&census, 2, 8001);
	census_group(&census, &everybody, NULL);
	ASSERT_ROOTS(&census, 0, 1, 2, 0, 2);
	census_fini(&census);
}

/* A cgroup that is a service: all who sit in it, in whatever tree they hang. */
static void test_unit(void **state)
{
	struct census census = {};

	(void)state;
	add(&census, 10, 1, "launcher");
	add(&census, 11, 10, "server");
	add(&census, 12, 1, "orphan");
	add(&census, 13, 1, "other");
	add(&census, 14, 11, "escaped");
	for (size_t i = 0; i < 3; i++)
		put_into(&census, i, "orders.service");
	put_into(&census, 3, "mail.service");
	put_into(&census, 4, "mail.service");
	listen_on(&census, 1, 8000);
	census_group(&census, &everybody, NULL);
	ASSERT_ROOTS(&census, 0, 0, 0, NOBODY, NOBODY);
	census_fini(&census);
}

/* A child that was moved out of the unit is no part of it, though it shares the listener. */
static void test_moved_out(void **state)
{
	struct census census = {};

	(void)state;
	add(&census, 10, 1, "server");
	add(&census, 11, 10, "server");
	put_into(&census, 0, "orders.service");
	listen_on(&census, 0, 8000);
	listen_on(&census, 1, 8000);
	census_group(&census, &everybody, NULL);
	ASSERT_ROOTS(&census, 0, 1);
	census_fini(&census);
}

/* init and shutwatch's own ancestors are nobody's service, unless asked for by pid. */
static void test_kin(void **state)
{
	struct census census = prefork();
	struct selector selector = { .kind = SELECT_PORT, .number = 8000 };
	const struct selectors selectors = { .items = &selector, .count = 1 };

	(void)state;
	listen_on(&census, 0, 8000);
	listen_on(&census, 1, 8000);
	census.processes[1].is_kin = true;
	census_group(&census, &everybody, NULL);
	ASSERT_ROOTS(&census, NOBODY, NOBODY, 2, 2, 2, 2);
	census.processes[2].is_kin = true;
	for (size_t i = 0; i < census.n_processes; i++)
		census.processes[i].root = SIZE_MAX;
	selector = (struct selector){ .kind = SELECT_COMM, .text = "bash" };
	census_group(&census, &selectors, NULL);
	ASSERT_ROOTS(&census, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY);
	selector = (struct selector){ .kind = SELECT_PID, .number = 5 };
	census_group(&census, &selectors, NULL);
	ASSERT_ROOTS(&census, NOBODY, 1, 1, 1, 1, 1);
	census_fini(&census);
}

/* A unix socket has no port: it makes a service, but matches no --port. */
static void test_unix_listener(void **state)
{
	struct census census = {};
	const struct selector selector = { .kind = SELECT_PORT, .number = 0 };

	(void)state;
	add(&census, 10, 1, "app");
	listen_on(&census, 0, 0);
	census_group(&census, &everybody, NULL);
	ASSERT_ROOTS(&census, 0);
	assert_false(census_matches(&census, &selector));
	census_fini(&census);
}

static void test_selectors(void **state)
{
	static const struct {
		struct selector selector;
		int roots[6];
	} rows[] = {
		{ { .kind = SELECT_PID, .number = 12 }, { -1, -1, -1, -1, 4, 4 } },
		{ { .kind = SELECT_PID, .number = 13 }, { -1, -1, -1, -1, -1, 5 } },
		{ { .kind = SELECT_COMM, .text = "gunicorn" }, { -1, -1, 2, 2, 2, 2 } },
		{ { .kind = SELECT_COMM, .text = "tracker" }, { -1, -1, -1, -1, -1, 5 } },
		{ { .kind = SELECT_PORT, .number = 8000 }, { -1, -1, 2, 2, 2, 2 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct census census = prefork();
		struct selector selector = rows[i].selector;
		const struct selectors selectors = { .items = &selector, .count = 1 };

		assert_true(census_matches(&census, &selector));
		census_group(&census, &selectors, NULL);
		assert_roots(&census, rows[i].roots, 6);
		census_fini(&census);
	}
}

static void test_matches(void **state)
{
	static const struct {
		struct selector selector;
		bool matches;
	} rows[] = {
		{ { .kind = SELECT_PID, .number = 10 }, true },
		{ { .kind = SELECT_PID, .number = 99 }, false },
		{ { .kind = SELECT_COMM, .text = "gunicor" }, false },
		{ { .kind = SELECT_PORT, .number = 8001 }, false },
		{ { .kind = SELECT_UNIT, .text = "orders.service" }, true },
		{ { .kind = SELECT_UNIT, .text = "orders" }, false },
		{ { .kind = SELECT_UNIT, .text = "" }, false },
	};
	struct census census = prefork();

	(void)state;
	put_into(&census, 2, "orders.service");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(census_matches(&census, &rows[i].selector), rows[i].matches);
	census_fini(&census);
}

/* Two that claim to be each other's parent: read at different moments. It must end. */
static void test_loop(void **state)
{
	struct census census = {};

	(void)state;
	add(&census, 10, 11, "a");
	add(&census, 11, 10, "b");
	add(&census, 12, 11, "c");
	listen_on(&census, 0, 8000);
	listen_on(&census, 1, 8000);
	census_group(&census, &everybody, NULL);
	assert_true(census.processes[0].root < 2);
	assert_true(census.processes[1].root < 2);
	assert_true(census.processes[2].root < 2);
	census_fini(&census);
}

/* A pid that came back is nobody's parent. */
static void test_pid_reuse(void **state)
{
	struct census census = {};

	(void)state;
	add(&census, 10, 1, "server");
	add(&census, 11, 10, "stranger");
	census.processes[1].parent.started_ns--;
	listen_on(&census, 0, 8000);
	census_group(&census, &everybody, NULL);
	ASSERT_ROOTS(&census, 0, NOBODY);
	census_fini(&census);
}

/* A member that has closed its listener stays one, and so do its children. */
static void test_members_without_listener(void **state)
{
	struct census census = {};

	(void)state;
	add(&census, 10, 1, "draining");
	add(&census, 11, 10, "worker");
	add(&census, 12, 1, "stranger");
	add(&census, 13, 12, "member");
	census.processes[0].service = census.processes[1].service = 7;
	census.processes[3].service = 8;
	census_group(&census, &everybody, NULL);
	assert_int_equal(census.processes[0].root, 0);
	assert_int_equal(census.processes[1].root, 0);
	assert_true(census.processes[2].root == SIZE_MAX);
	assert_int_equal(census.processes[3].root, 3);
	census_fini(&census);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_without_listener),
		cmocka_unit_test(test_prefork),
		cmocka_unit_test(test_supervisor),
		cmocka_unit_test(test_unit),
		cmocka_unit_test(test_kin),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_unix_listener),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_pid_reuse),
		cmocka_unit_test(test_moved_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
