// SPDX-License-Identifier: GPL-2.0-only
/* `watch` and `record`: report the shutdowns of the services on this host; keep the events. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/capture/privileges.h"
#include "src/capture/probe.h"
#include "src/capture/procfs.h"
#include "src/capture/session.h"
#include "src/cli/commands.h"
#include "src/cli/gate.h"
#include "src/cli/options.h"
#include "src/cli/selection.h"
#include "src/cli/show.h"
#include "src/cli/status.h"

struct watch {
	struct options options;
	struct host host;
	struct recording_writer *recording;
	struct session *session;
	struct gate gate;
	bool is_silent; /* record without --json */
	bool has_complained;
	uint64_t shown;
};

/* Returns 0, or -EPIPE after a line in the log. */
static int print(struct watch *watch, const char *text)
{
	if (watch->is_silent)
		return 0;
	if (!watch->options.is_json && watch->shown > 1)
		fputs("\n\n", stdout); /* between two reports */
	if (!show_write(stdout, text))
		return 0;
	watch->has_complained = true;
	return -EPIPE;
}

static int on_shutdown(void *context, const struct shutdown *shutdown)
{
	struct watch *watch = context;
	_cleanup_free_ char *text = NULL;
	struct record record;
	int err = show_build(shutdown, &watch->host, &record);

	if (err <= 0)
		return err;
	text = show_record(&record, watch->options.is_json, stdout);
	err = text ? 0 : -ENOMEM;
	if (text && (!watch->options.count || watch->shown < watch->options.count)) {
		watch->shown++;
		gate_judge(&watch->gate, &record);
		err = print(watch, text);
		gate_tell(&watch->gate);
	}
	record_fini(&record);
	return err;
}

static int seed(struct watch *watch)
{
	const struct selector *unmatched;
	struct roster *roster = session_roster(watch->session);
	size_t services;
	int err = roster_seed(roster, &services);

	if (err) {
		log_error("cannot list the services of this host: %s",
			  err == -E2BIG ? "there are more than can be watched" : strerror(-err));
		return STATUS_FAILED;
	}
	unmatched = roster_unmatched(roster);
	if (unmatched) {
		selection_complain(unmatched);
		return STATUS_USAGE;
	}
	fprintf(stderr, "watching %zu service%s\n", services, services == 1 ? "" : "s");
	return STATUS_OK;
}

/* A pid is one process for ever: nobody new can match. */
static bool can_match_more(const struct selectors *selectors)
{
	size_t i;

	for (i = 0; i < selectors->count; i++) {
		if (selectors->items[i].kind != SELECT_PID)
			return true;
	}
	return selectors->count == 0;
}

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_timer(uint64_t duration_ns)
{
	struct itimerspec timer = {
		.it_value = { .tv_sec = (time_t)(duration_ns / NSEC_PER_SEC),
			      .tv_nsec = (long)(duration_ns % NSEC_PER_SEC) },
	};
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		timerfd_settime(fd, 0, &timer, NULL);
	return fd;
}

/* Until a signal, the duration or the count ends it. Returns 0 or -errno. */
static int watch_loop(struct watch *watch)
{
	_cleanup_close_ int signals = open_signals();
	_cleanup_close_ int timer = open_timer(watch->options.duration_ns);
	_cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
	int session_pollable = session_fd(watch->session);
	int err;

	if (signals < 0 || timer < 0 || epoll < 0 || poll_add(epoll, signals) ||
	    poll_add(epoll, timer) || poll_add(epoll, session_pollable))
		return -errno;
	err = seed(watch);
	if (err)
		return err;
	for (;;) {
		struct epoll_event event;

		if (epoll_wait(epoll, &event, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (event.data.fd != session_pollable)
			return session_wind_up(watch->session);
		err = session_step(watch->session);
		if (err)
			return err;
		if (watch->options.count && watch->shown >= watch->options.count)
			return 0;
	}
}

static int watch_session(struct watch *watch)
{
	struct session_options options = {
		.model = watch->options.model,
		.follow_listeners = can_match_more(&watch->options.selectors),
		.detail_ring_bytes = watch->options.detail_ring_bytes,
		.roster = { .selectors = &watch->options.selectors,
			    .rules = &watch->options.rules },
		.recording = watch->recording,
		.on_shutdown = on_shutdown,
		.context = watch,
	};
	int status;

	signal(SIGPIPE, SIG_IGN); /* a closed stdout is an error that is told */
	if (gate_open(&watch->options, &watch->gate))
		return STATUS_FAILED;
	if (session_open(&options, &watch->session)) {
		gate_fini(&watch->gate);
		return STATUS_NO_TRACING;
	}
	gate_warn(&watch->gate, probe_sees_all_resets(session_probe(watch->session)));
	status = watch_loop(watch);
	if (status < 0 && !watch->has_complained)
		log_error("watching failed: %s", strerror(-status));
	session_close(watch->session);
	if (!status)
		status = gate_close(&watch->gate, STATUS_OK);
	gate_fini(&watch->gate);
	return status < 0 ? STATUS_FAILED : status;
}

static const char watch_doc[] =
	"Reports every shutdown of the services that listen on this host, or of the targets "
	"given (each may be repeated).\vPrints \"watching ...\" on stderr once it is armed. "
	"SIGINT or SIGTERM end it with what is known so far.\n\n"
	"Exit status: 0 fine; 1 failed; 2 no such target, or wrong usage; 3 a condition of "
	"--fail-on held; 77 tracing is not possible here.";

int command_watch(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "",
		.doc = watch_doc,
		.sets = OPTIONS_TARGETS | OPTIONS_END | OPTIONS_SERVICE | OPTIONS_JSON |
			OPTIONS_MODEL | OPTIONS_GATE,
	};
	struct watch watch = {};
	int status;

	options_parse(&usage, argc, argv, &watch.options);
	procfs_host(&watch.host);
	status = privileges_check() ? STATUS_NO_TRACING : watch_session(&watch);
	options_fini(&watch.options);
	return status;
}

static int record_to(struct watch *watch)
{
	int status, err;

	err = recording_create(watch->options.file, &watch->host, &watch->recording);
	if (err) {
		log_error("cannot write %s: %s", watch->options.file, strerror(-err));
		return STATUS_FAILED;
	}
	status = watch_session(watch);
	err = recording_finish(watch->recording);
	if (err) {
		log_error("writing %s failed: %s; the recording is not whole", watch->options.file,
			  strerror(-err));
		return status ? status : STATUS_FAILED;
	}
	if (!status)
		fprintf(stderr, "recorded %llu shutdown%s to %s\n",
			(unsigned long long)watch->shown, watch->shown == 1 ? "" : "s",
			watch->options.file);
	return status;
}

int command_record(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "FILE",
		.doc = "Watches as `shutwatch watch` does, and keeps every event in FILE for "
		       "`shutwatch replay`.\vWith --json the records are printed as well.",
		.sets = OPTIONS_TARGETS | OPTIONS_END | OPTIONS_SERVICE | OPTIONS_JSON |
			OPTIONS_MODEL | OPTIONS_FILE,
	};
	struct watch watch = {};
	int status;

	options_parse(&usage, argc, argv, &watch.options);
	watch.is_silent = !watch.options.is_json;
	procfs_host(&watch.host);
	status = privileges_check() ? STATUS_NO_TRACING : record_to(&watch);
	options_fini(&watch.options);
	return status;
}
