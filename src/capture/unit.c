// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection to the system bus per question: an audit asks about a handful of units. Every wait
 * has a limit; nothing of this may run in the capture thread.
 */
#include "src/capture/unit.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"

#define LIMIT_US 1000000ULL
#define MANAGER "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1/unit"
#define SERVICE MANAGER ".Service"

/* sd_bus_call() itself waits for the greeting as long as it takes. */
static int wait_until_ready(sd_bus *bus)
{
	uint64_t end_ns = clock_boot_ns() + LIMIT_US * 1000;
	int ready;

	while ((ready = sd_bus_is_ready(bus)) == 0) {
		uint64_t now_ns = clock_boot_ns();
		int done = sd_bus_process(bus, NULL);

		if (done < 0)
			return done;
		if (now_ns >= end_ns)
			return -ETIMEDOUT;
		if (done == 0)
			sd_bus_wait(bus, (end_ns - now_ns) / 1000);
	}
	return ready < 0 ? ready : 0;
}

/* systemd's own socket, for root: there where no bus runs, as systemctl does it. */
static int open_private(sd_bus **ret_bus)
{
	sd_bus *bus = NULL;
	int err = sd_bus_new(&bus);

	if (err >= 0)
		err = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
	if (err >= 0)
		err = sd_bus_start(bus);
	if (err < 0)
		sd_bus_close_unref(bus);
	else
		*ret_bus = bus;
	return err;
}

static int open_bus(sd_bus **ret_bus)
{
	int err = sd_bus_open_system(ret_bus);

	if (err < 0)
		err = open_private(ret_bus);
	if (err >= 0)
		err = sd_bus_set_method_call_timeout(*ret_bus, LIMIT_US);
	return err < 0 ? err : wait_until_ready(*ret_bus);
}

static int check_cgroup(sd_bus *bus, const char *path, const struct record_service *service)
{
	_cleanup_free_ char *cgroup = NULL;
	int err = sd_bus_get_property_string(bus, MANAGER, path, SERVICE, "ControlGroup", NULL,
					     &cgroup);

	if (err < 0)
		return err;
	return strcmp(cgroup, service->cgroup) ? -ENOENT : 0;
}

static int number(sd_bus *bus, const char *path, const char *name, char type, void *ret)
{
	return sd_bus_get_property_trivial(bus, MANAGER, path, SERVICE, name, NULL, type, ret);
}

static int read_properties(sd_bus *bus, const char *path, struct audit *audit)
{
	_cleanup_free_ char *mode = NULL;
	uint64_t timeout_us = 0;
	uint32_t main_pid = 0;
	int32_t signal = 0;
	int sends_kill = 0;
	int err = number(bus, path, "KillSignal", 'i', &signal);

	if (err >= 0)
		err = number(bus, path, "TimeoutStopUSec", 't', &timeout_us);
	if (err >= 0)
		err = number(bus, path, "SendSIGKILL", 'b', &sends_kill);
	if (err >= 0)
		err = number(bus, path, "MainPID", 'u', &main_pid);
	if (err >= 0)
		err = sd_bus_get_property_string(bus, MANAGER, path, SERVICE, "KillMode", NULL,
						 &mode);
	if (err < 0)
		return err;
	if (signal < 1 || signal > SIGNAL_MAX)
		return -EBADMSG;
	audit->kill_mode = kill_mode_from_name(mode);
	audit->main_pid = main_pid;
	audit->sends_kill = sends_kill;
	audit->grace_ns = timeout_us > INT64_MAX / 1000 ? INT64_MAX : (int64_t)timeout_us * 1000;
	if (audit->signal_source != SIGNAL_ASKED) {
		audit->signal = signal;
		audit->signal_source = SIGNAL_BY_UNIT;
	}
	return 0;
}

int unit_read(struct audit *audit)
{
	_cleanup_free_ char *path = NULL;
	sd_bus *bus = NULL;
	int err = sd_bus_path_encode(MANAGER_PATH, audit->service.unit, &path);

	if (err >= 0)
		err = open_bus(&bus);
	if (err >= 0)
		err = check_cgroup(bus, path, &audit->service);
	if (err >= 0)
		err = read_properties(bus, path, audit);
	sd_bus_close_unref(bus);
	return err < 0 ? err : 0;
}
