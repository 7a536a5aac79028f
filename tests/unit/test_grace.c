/* SPDX-License-Identifier: GPL-2.0-only */
/* A systemd that answers, that does not know, that hangs up, that never answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/capture/grace.h"

#define UNITS "/org/freedesktop/systemd1/unit"
#define SEC NSEC_PER_SEC
#define MANY 1024

struct world {
	int listener, epoll_fd;
	char address[128];
	sd_bus *systemd; /* its side of the connection */
	struct graces *graces;
	size_t n_told;
	uint64_t told[4][2]; /* generation, ns */
	int sink_err, heard_err;
};

static const struct {
	const char *name;
	uint64_t timeout_us;
} units[] = {
	{ "web.service", 3000000 },
	{ "a-b@c.service", 90000000 },
	{ "endless.service", UINT64_MAX },
	{ "ages.service", INT64_MAX / 1000 },
	{ "none.service", 0 },
};

/* --- the other side ------------------------------------------------------------------------- */

static int find_unit(sd_bus *bus, const char *path, const char *interface, void *userdata,
		     void **ret_found, sd_bus_error *error)
{
	_cleanup_free_ char *name = NULL;

	(void)bus, (void)interface, (void)userdata, (void)error;
	if (sd_bus_path_decode(path, UNITS, &name) <= 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(units[i].name, name))
			continue;
		*ret_found = (void *)(uintptr_t)&units[i];
		return 1;
	}
	return 0;
}

static int get_timeout(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const uint64_t *timeout_us = (const uint64_t *)((const char *)userdata +
							offsetof(__typeof__(units[0]), timeout_us));

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "t", *timeout_us);
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("TimeoutStopUSec", "t", get_timeout, 0, 0),
	SD_BUS_VTABLE_END,
};

static void accept_one(struct world *world)
{
	int fd = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	assert_true(fd >= 0);
	assert_true(sd_bus_new(&world->systemd) >= 0);
	assert_true(sd_bus_set_fd(world->systemd, fd, fd) >= 0);
	assert_true(sd_bus_set_server(world->systemd, 1,
				      SD_ID128_MAKE(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e,
						    f)) >= 0);
	assert_true(sd_bus_set_trusted(world->systemd, 1) >= 0);
	assert_true(sd_bus_start(world->systemd) >= 0);
	assert_true(sd_bus_add_fallback_vtable(world->systemd, NULL, UNITS,
					       "org.freedesktop.systemd1.Service", vtable,
					       find_unit, NULL) >= 0);
}

/* Both sides speak until neither has anything to say. */
static void talk(struct world *world, uint64_t now_ns)
{
	struct epoll_event event;
	int done;

	do {
		done = world->systemd ? sd_bus_process(world->systemd, NULL) : 0;
		if (done < 0)
			world->systemd = sd_bus_close_unref(world->systemd);
		if (epoll_wait(world->epoll_fd, &event, 1, 0) == 1) {
			int err = graces_hear(world->graces, now_ns);

			world->heard_err = err ? err : world->heard_err;
			done = 1;
		}
	} while (done > 0);
}

static bool is_connected(const struct world *world)
{
	return world->systemd && sd_bus_is_open(world->systemd) > 0;
}

static bool has_caller(const struct world *world)
{
	int fd = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* --- our side ------------------------------------------------------------------------------- */

static int note(void *context, uint64_t generation, uint64_t grace_ns)
{
	struct world *world = context;

	assert_true(world->n_told < ARRAY_SIZE(world->told));
	world->told[world->n_told][0] = generation;
	world->told[world->n_told++][1] = grace_ns;
	return world->sink_err;
}

static void open_world(struct world *world)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct grace_options options = { .sink = note, .context = world };
	socklen_t size;

	memset(world, 0, sizeof(*world));
	world->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	world->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	assert_true(world->listener >= 0 && world->epoll_fd >= 0);
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
					    "shutwatch-grace-%d", getpid()));
	assert_int_equal(bind(world->listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(world->listener, 4), 0);
	snprintf(world->address, sizeof(world->address), "unix:abstract=shutwatch-grace-%d",
		 getpid());
	options.address = world->address;
	options.epoll_fd = world->epoll_fd;
	world->graces = graces_new(&options);
	assert_non_null(world->graces);
}

static void close_world(struct world *world)
{
	graces_free(world->graces);
	sd_bus_close_unref(world->systemd);
	close(world->epoll_fd);
	if (world->listener >= 0)
		close(world->listener);
}

static void assert_told(const struct world *world, size_t i, uint64_t generation, uint64_t grace_ns)
{
	assert_true(i < world->n_told);
	assert_true(world->told[i][0] == generation);
	assert_true(world->told[i][1] == grace_ns);
}

/* --- what happens --------------------------------------------------------------------------- */

/* Two at once, over one connection, which is given up after the last answer. */
static void test_answers(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	assert_int_equal(graces_hear(world.graces, 0), 0);
	assert_int_equal(graces_ask(world.graces, "web.service", 7, 0), 0);
	assert_int_equal(graces_ask(world.graces, "a-b@c.service", 8, 0), 0);
	accept_one(&world);
	assert_false(has_caller(&world));
	talk(&world, 0);
	assert_int_equal(world.n_told, 2);
	assert_told(&world, 0, 7, 3 * SEC);
	assert_told(&world, 1, 8, 90 * SEC);
	assert_false(is_connected(&world));
	sd_bus_close_unref(TAKE_PTR(world.systemd));

	assert_int_equal(graces_ask(world.graces, "web.service", 9, 1), 0);
	accept_one(&world);
	talk(&world, 1);
	assert_told(&world, 2, 9, 3 * SEC);
	close_world(&world);
}

/* For ever is no grace period, nor is nothing; and who does not know has answered. */
static void test_no_grace(void **state)
{
	static const char *const names[] = { "endless.service", "ages.service", "none.service",
					     "who.service" };
	struct world world;

	(void)state;
	open_world(&world);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(graces_ask(world.graces, names[i], i, 0), 0);
	accept_one(&world);
	talk(&world, 0);
	assert_int_equal(world.n_told, 0);
	assert_false(is_connected(&world));
	assert_int_equal(graces_ask(world.graces, "web.service", 9, 0), 0);
	close_world(&world);
}

/* Then it is left alone, and asked again after a minute. */
static void assert_paused(struct world *world, uint64_t failed_ns)
{
	assert_int_equal(graces_ask(world->graces, "web.service", 1, failed_ns), -EAGAIN);
	assert_int_equal(graces_ask(world->graces, "web.service", 1, failed_ns + 59 * SEC),
			 -EAGAIN);
	assert_false(has_caller(world));
	assert_int_equal(graces_ask(world->graces, "web.service", 5, failed_ns + 60 * SEC), 0);
	accept_one(world);
	talk(world, failed_ns + 60 * SEC);
	assert_int_equal(world->n_told, 1);
	assert_told(world, 0, 5, 3 * SEC);
}

static void test_hang_up(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	assert_int_equal(graces_ask(world.graces, "web.service", 1, SEC), 0);
	assert_int_equal(graces_ask(world.graces, "web.service", 2, SEC), 0);
	assert_true(has_caller(&world)); /* and closes it */
	talk(&world, 2 * SEC);
	assert_paused(&world, 2 * SEC);
	close_world(&world);
}

/* It greets, as the kernel's socket does for one that is stopped, and no more. */
static void test_hang_up_later(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	assert_int_equal(graces_ask(world.graces, "web.service", 1, SEC), 0);
	accept_one(&world);
	while (sd_bus_is_ready(world.systemd) == 0) {
		assert_true(sd_bus_process(world.systemd, NULL) >= 0);
		assert_int_equal(graces_hear(world.graces, SEC), 0);
	}
	sd_bus_close_unref(TAKE_PTR(world.systemd));
	talk(&world, 2 * SEC);
	assert_paused(&world, 2 * SEC);
	close_world(&world);
}

static void test_silence(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	assert_int_equal(graces_ask(world.graces, "web.service", 1, SEC), 0);
	assert_int_equal(graces_hear(world.graces, 11 * SEC), 0);
	assert_int_equal(graces_ask(world.graces, "web.service", 2, 11 * SEC), 0);
	assert_int_equal(graces_hear(world.graces, 11 * SEC + 1), 0);
	assert_true(has_caller(&world)); /* one, that has hung up */
	assert_paused(&world, 11 * SEC + 1);
	close_world(&world);
}

static void test_no_systemd(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	close(world.listener);
	world.listener = -1;
	assert_int_equal(graces_ask(world.graces, "web.service", 1, 0), -ECONNREFUSED);
	assert_int_equal(graces_ask(world.graces, "web.service", 1, 59 * SEC), -EAGAIN);
	assert_int_equal(graces_ask(world.graces, "web.service", 1, 60 * SEC), -ECONNREFUSED);
	close_world(&world);
}

/* As many as stop at once; beyond that nobody asks, and those asked are answered. */
static void test_many(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	assert_int_equal(graces_ask(world.graces, "web.service", 1, 0), 0);
	for (size_t i = 1; i < MANY; i++)
		assert_int_equal(graces_ask(world.graces, "endless.service", i, 0), 0);
	assert_int_equal(graces_ask(world.graces, "web.service", 2, 0), -EBUSY);
	accept_one(&world);
	talk(&world, 0);
	assert_int_equal(world.n_told, 1);
	assert_int_equal(graces_ask(world.graces, "web.service", 3, 0), 0);
	close_world(&world);
}

/* Its error comes out, and is not systemd's. */
static void test_sink_fails(void **state)
{
	struct world world;

	(void)state;
	open_world(&world);
	world.sink_err = -ENOMEM;
	assert_int_equal(graces_ask(world.graces, "web.service", 1, 0), 0);
	accept_one(&world);
	talk(&world, 0);
	assert_int_equal(world.n_told, 1);
	assert_int_equal(world.heard_err, -ENOMEM);
	assert_int_equal(graces_ask(world.graces, "web.service", 1, 0), 0);
	close_world(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers), cmocka_unit_test(test_no_grace),
		cmocka_unit_test(test_hang_up), cmocka_unit_test(test_hang_up_later),
		cmocka_unit_test(test_silence), cmocka_unit_test(test_no_systemd),
		cmocka_unit_test(test_many),	cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
