/* SPDX-License-Identifier: GPL-2.0-only */
/* A bus that is not there, that hangs up, that never answers: the audit goes on without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/capture/unit.h"

#define LIMIT_NS (5 * NSEC_PER_SEC)

/* A bus of our own at an abstract address; nobody accepts. Returns its descriptor. */
static int open_deaf_bus(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char variable[128];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size;

	assert_true(fd >= 0);
	size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
					    "shutwatch-test-%d", getpid()));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	snprintf(variable, sizeof(variable), "unix:abstract=shutwatch-test-%d", getpid());
	setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1);
	return fd;
}

static struct audit asking(void)
{
	struct audit audit = { .signal = 42, .grace_ns = TIME_UNKNOWN };

	strcpy(audit.service.unit, "web.service");
	strcpy(audit.service.cgroup, "/system.slice/web.service");
	return audit;
}

static void assert_untouched(const struct audit *audit)
{
	assert_int_equal(audit->signal, 42);
	assert_int_equal(audit->kill_mode, KILL_MODE_UNKNOWN);
	assert_true(audit->grace_ns == TIME_UNKNOWN);
}

static void test_hanging_bus(void **state)
{
	uint64_t before_ns = clock_boot_ns();
	struct audit audit = asking();
	int fd = open_deaf_bus();

	(void)state;
	assert_int_equal(unit_read(&audit), -ETIMEDOUT);
	assert_true(clock_boot_ns() - before_ns < LIMIT_NS);
	assert_untouched(&audit);
	close(fd);
}

/* A name that no path can be made of. */
static void test_no_unit(void **state)
{
	struct audit audit = asking();

	(void)state;
	audit.service.unit[0] = '\0';
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:abstract=shutwatch-test-nobody", 1);
	assert_true(unit_read(&audit) < 0);
	assert_untouched(&audit);
}

static void test_kill_modes(void **state)
{
	static const char *const names[] = { "control-group", "mixed", "process", "none" };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(kill_mode_name(kill_mode_from_name(names[i])), names[i]);
	assert_int_equal(kill_mode_from_name("Mixed"), KILL_MODE_UNKNOWN);
	assert_int_equal(kill_mode_from_name(""), KILL_MODE_UNKNOWN);
	assert_null(kill_mode_name(KILL_MODE_UNKNOWN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hanging_bus),
		cmocka_unit_test(test_no_unit),
		cmocka_unit_test(test_kill_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
