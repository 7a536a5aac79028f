// SPDX-License-Identifier: GPL-2.0-only
/*
 * One connection to the system bus per question: an audit asks about a handful of units. Every wait
 * has a limit; nothing of this may run in the capture thread.
 */
#include "src/capture/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "src/analysis/stop_command.h"
#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/text.h"

#define LIMIT_US 1000000ULL
#define MANAGER "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1/unit"
#define SERVICE MANAGER ".Service"
#define COMMAND_MAX 256 /* bytes that are told of one of its words */

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

static void free_words(char ***words)
{
	for (size_t i = 0; *words && (*words)[i]; i++)
		free((*words)[i]);
	free(*words);
}

/* For people; what is beyond COMMAND_MAX is not told. */
static char *join(char *const *words)
{
	struct text text;

	text_init(&text);
	for (size_t i = 0; words[i]; i++) {
		text_add(&text, i ? " " : "");
		text_add_bytes(&text, words[i], strnlen(words[i], COMMAND_MAX));
	}
	return text_take(&text);
}

/* What the commands of ExecStop= do together: the first that is known, else the first. */
struct stopping {
	char *command;
	struct stop_command known;
};

static int read_command(sd_bus_message *reply, struct stopping *stopping)
{
	__attribute__((cleanup(free_words))) char **words = NULL;
	struct stop_command command;
	int err = sd_bus_message_skip(reply, "s"); /* the path, once more */

	if (err >= 0)
		err = sd_bus_message_read_strv(reply, &words);
	if (err >= 0)
		err = sd_bus_message_skip(reply, "bttttuii");
	if (err < 0 || !words || !words[0])
		return err;
	command = stop_command_read(words);
	if (stopping->known.signal || (stopping->command && !command.signal))
		return 0;
	free(stopping->command);
	stopping->known = command;
	stopping->command = join(words);
	return stopping->command ? 0 : -ENOMEM;
}

static int read_commands(sd_bus *bus, const char *path, struct stopping *stopping)
{
	sd_bus_message *reply = NULL;
	int err = sd_bus_get_property(bus, MANAGER, path, SERVICE, "ExecStop", NULL, &reply,
				      "a(sasbttttuii)");

	if (err >= 0)
		err = sd_bus_message_enter_container(reply, 'a', "(sasbttttuii)");
	while (err >= 0) {
		err = sd_bus_message_enter_container(reply, 'r', "sasbttttuii");
		if (err <= 0)
			break;
		err = read_command(reply, stopping);
		if (err >= 0)
			err = sd_bus_message_exit_container(reply);
	}
	sd_bus_message_unref(reply);
	return err;
}

/* Takes the command. */
static void take_signal(struct audit *audit, int signal, struct stopping *stopping)
{
	if (audit->signal_source == SIGNAL_ASKED)
		return;
	audit->signal = signal;
	audit->signal_source = SIGNAL_BY_UNIT;
	audit->stop_command = TAKE_PTR(stopping->command);
	if (!audit->stop_command)
		return;
	audit->command_returns = stopping->known.signal && !stopping->known.is_waited;
	if (audit->command_returns)
		return;
	audit->signal_source = stopping->known.signal ? SIGNAL_BY_COMMAND : SIGNAL_UNSEEN;
	if (stopping->known.signal)
		audit->signal = stopping->known.signal;
}

static int read_properties(sd_bus *bus, const char *path, struct audit *audit)
{
	_cleanup_free_ char *mode = NULL;
	uint64_t timeout_us = 0;
	uint32_t main_pid = 0;
	int32_t signal = 0;
	int sends_kill = 0;
	struct stopping stopping = {};
	int32_t restart = 0;
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
	if (err >= 0 && (signal < 1 || signal > SIGNAL_MAX))
		err = -EBADMSG;
	if (err >= 0)
		err = read_commands(bus, path, &stopping);
	if (err < 0) {
		free(stopping.command);
		return err;
	}
	/* Since systemd 244; it says KillSignal= where nothing else is set. */
	if (number(bus, path, "RestartKillSignal", 'i', &restart) >= 0 && restart > 0 &&
	    restart <= SIGNAL_MAX && restart != signal)
		audit->restart_signal = restart;
	audit->kill_mode = kill_mode_from_name(mode);
	audit->main_pid = main_pid;
	audit->sends_kill = sends_kill;
	audit->grace_ns = timeout_us > INT64_MAX / 1000 ? INT64_MAX : (int64_t)timeout_us * 1000;
	take_signal(audit, signal, &stopping);
	free(stopping.command);
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
