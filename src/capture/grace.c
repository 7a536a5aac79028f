// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owns the questions to systemd that are open, and one connection to it while there are any: not
 * longer, for systemd sends every client of its private socket all that changes, and an idle
 * watcher sleeps. Through that socket, as systemctl does it for root: no bus is needed, which may
 * be stopping as well.
 *
 * Runs in the capture thread: connecting, sending and reading never wait. A systemd that fails to
 * answer is left alone for PAUSE_NS.
 */
#include "src/capture/grace.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-bus.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/model/decode.h"

#define MANAGER "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1/unit"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define PAUSE_NS (60 * NSEC_PER_SEC)
#define LIMIT_NS (10 * NSEC_PER_SEC) /* systemd may be busy with all that stops */
#define QUESTIONS_MAX 1024	     /* of more, no grace period is known */
#define MESSAGES_MAX 256	     /* at once: the events of others wait */

struct question {
	struct graces *graces;
	uint64_t generation;
	uint64_t asked_ns;
	sd_bus_slot *slot; /* NULL: free */
};

struct graces {
	struct grace_options options;
	sd_bus *bus; /* NULL: not connected */
	bool is_polled;
	bool has_failed;
	int sink_err;
	uint64_t silent_until_ns;
	size_t n_open;
	struct question questions[QUESTIONS_MAX];
};

struct graces *graces_new(const struct grace_options *options)
{
	struct graces *graces = calloc(1, sizeof(*graces));

	if (graces)
		graces->options = *options;
	return graces;
}

static void end_question(struct question *question)
{
	question->slot = sd_bus_slot_unref(question->slot);
	question->graces->n_open--;
}

static void disconnect(struct graces *graces)
{
	for (size_t i = 0; i < ARRAY_SIZE(graces->questions); i++) {
		if (graces->questions[i].slot)
			end_question(&graces->questions[i]);
	}
	graces->bus = sd_bus_close_unref(graces->bus);
	graces->is_polled = false; /* a closed descriptor leaves its epoll sets */
}

static void fail(struct graces *graces, uint64_t now_ns)
{
	disconnect(graces);
	graces->has_failed = false;
	graces->silent_until_ns = now_ns + PAUSE_NS;
}

void graces_free(struct graces *graces)
{
	if (graces)
		disconnect(graces);
	free(graces);
}

static int connect_to(struct graces *graces)
{
	sd_bus *bus = NULL;
	int err = sd_bus_new(&bus);

	if (err >= 0)
		err = sd_bus_set_address(bus, graces->options.address);
	if (err >= 0)
		err = sd_bus_start(bus);
	if (err < 0)
		sd_bus_close_unref(bus);
	else
		graces->bus = bus;
	return err;
}

/* What it waits for changes: while it greets, and when not all could be sent. */
static int poll_bus(struct graces *graces)
{
	int fd = sd_bus_get_fd(graces->bus), events = sd_bus_get_events(graces->bus);
	struct epoll_event event = { .events = (uint32_t)events, .data.fd = fd };
	int operation = graces->is_polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (fd < 0 || events < 0)
		return fd < 0 ? fd : events;
	if (epoll_ctl(graces->options.epoll_fd, operation, fd, &event))
		return -errno;
	graces->is_polled = true;
	return 0;
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct question *question = userdata;
	struct graces *graces = question->graces;
	uint64_t timeout_us;
	int err = 0;

	(void)error;
	/* Of libsystemd: systemd hung up, or its own limit is over, if nobody came by before. */
	if (sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NO_REPLY) ||
	    sd_bus_message_is_method_error(answer, SD_BUS_ERROR_TIMEOUT))
		graces->has_failed = true;
	else if (!sd_bus_message_is_method_error(answer, NULL) &&
		 sd_bus_message_read(answer, "v", "t", &timeout_us) >= 0 && timeout_us &&
		 timeout_us <= EVENT_TIME_MAX_NS / 1000) /* above: for ever, or as good as */
		err = graces->options.sink(graces->options.context, question->generation,
					   timeout_us * 1000);
	if (err && !graces->sink_err)
		graces->sink_err = err;
	end_question(question);
	return 0;
}

static struct question *free_question(struct graces *graces)
{
	for (size_t i = 0; i < ARRAY_SIZE(graces->questions); i++) {
		if (!graces->questions[i].slot)
			return &graces->questions[i];
	}
	return NULL;
}

static int send_question(struct graces *graces, const char *unit, uint64_t generation,
			 uint64_t now_ns)
{
	_cleanup_free_ char *path = NULL;
	struct question *question = free_question(graces);
	int err = question ? sd_bus_path_encode(MANAGER_PATH, unit, &path) : -EBUSY;

	if (err < 0)
		return err;
	*question = (struct question){
		.graces = graces,
		.generation = generation,
		.asked_ns = now_ns,
	};
	err = sd_bus_call_method_async(graces->bus, &question->slot, MANAGER, path, PROPERTIES,
				       "Get", on_answer, question, "ss", MANAGER ".Service",
				       "TimeoutStopUSec");
	if (err < 0)
		return err;
	graces->n_open++;
	return 0;
}

int graces_ask(struct graces *graces, const char *unit, uint64_t generation, uint64_t now_ns)
{
	int err = 0;

	if (now_ns < graces->silent_until_ns)
		return -EAGAIN;
	if (!graces->bus)
		err = connect_to(graces);
	if (err >= 0)
		err = send_question(graces, unit, generation, now_ns);
	if (err == -EBUSY)
		return err;
	if (err >= 0)
		err = poll_bus(graces);
	if (err < 0)
		fail(graces, now_ns);
	return err < 0 ? err : 0;
}

static bool is_overdue(const struct graces *graces, uint64_t now_ns)
{
	for (size_t i = 0; i < ARRAY_SIZE(graces->questions); i++) {
		const struct question *question = &graces->questions[i];

		if (question->slot && now_ns - question->asked_ns > LIMIT_NS)
			return true;
	}
	return false;
}

int graces_hear(struct graces *graces, uint64_t now_ns)
{
	int done = 1;

	if (!graces->bus)
		return 0;
	graces->sink_err = 0;
	for (size_t i = 0; i < MESSAGES_MAX && done > 0 && graces->n_open; i++)
		done = sd_bus_process(graces->bus, NULL);
	if (done < 0 || graces->has_failed || is_overdue(graces, now_ns) ||
	    (graces->n_open && poll_bus(graces) < 0))
		fail(graces, now_ns);
	else if (!graces->n_open)
		disconnect(graces);
	return graces->sink_err;
}
