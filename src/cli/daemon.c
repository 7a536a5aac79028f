// SPDX-License-Identifier: GPL-2.0-only
/*
 * `daemon`: the parts put together. The capture has a thread (watcher.h), HTTP has one
 * (libmicrohttpd's), and this one waits for the disk: it takes the records from the capture and
 * stores them.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/capture/pins.h"
#include "src/capture/privileges.h"
#include "src/capture/procfs.h"
#include "src/cli/commands.h"
#include "src/cli/confine.h"
#include "src/cli/daemon_options.h"
#include "src/cli/ledger.h"
#include "src/cli/runtime.h"
#include "src/cli/self.h"
#include "src/cli/status.h"
#include "src/cli/watcher.h"
#include "src/serve/server.h"

struct daemon {
	struct daemon_options options;
	struct config configs[2]; /* the capture thread looks into the one in force */
	struct config *config;	  /* that one */
	struct host host;
	struct runtime runtime;
	struct watcher *watcher;
	struct ledger *ledger;
	struct server *server; /* NULL: none */
	int timer_fd;
	atomic_bool is_ready;
	atomic_ullong reloads_failed;
	atomic_bool is_reload_bad;
};

/* --- configuration -------------------------------------------------------------------------- */

static const char *given(const char *flag, const char *configured)
{
	if (!flag)
		return configured;
	return strcmp(flag, "none") ? flag : NULL;
}

/* Returns 0 or -errno after a log line. */
static int load_config(const struct daemon_options *options, struct config *ret_config)
{
	int err = config_load(options->config_path, ret_config);

	if (err == -ENOENT && !options->is_config_given)
		return 0;
	if (err == -ENOENT) {
		config_fini(ret_config);
		log_error("cannot read %s: %s", options->config_path, strerror(ENOENT));
	}
	return err;
}

static const char *web_config_path(const struct daemon *daemon)
{
	return given(daemon->options.web_config_path, daemon->config->web_config_path);
}

static int check_config(struct daemon *daemon)
{
	int err = load_config(&daemon->options, daemon->config);

	if (err)
		return STATUS_USAGE;
	if (web_config_path(daemon) && server_check_web_config(web_config_path(daemon)))
		return STATUS_USAGE;
	log_info("%s is fine", daemon->options.config_path);
	return STATUS_OK;
}

/* --- HTTP ----------------------------------------------------------------------------------- */

static char *metrics(void *context, bool is_openmetrics, size_t *ret_size)
{
	struct daemon *daemon = context;
	struct server_stats stats = {};
	struct metrics_self self = {
		.version = SHUTWATCH_VERSION,
		.kernel = daemon->host.kernel,
		.config_reloads_failed = atomic_load(&daemon->reloads_failed),
		.log_lines_dropped = log_dropped(),
		.is_config_reload_good = !atomic_load(&daemon->is_reload_bad),
	};

	/* The first request may come before the server is known here. */
	if (atomic_load(&daemon->is_ready))
		stats = server_stats(daemon->server);
	self.http_requests = stats.requests;
	self.http_refused = stats.refused;
	self_read(&self);
	return ledger_text(daemon->ledger, &self,
			   is_openmetrics ? METRICS_OPENMETRICS : METRICS_TEXT, ret_size);
}

static bool is_ready(void *context)
{
	struct daemon *daemon = context;

	return atomic_load(&daemon->is_ready);
}

static int serve(struct daemon *daemon)
{
	struct server_options options = {
		.listen_address =
			given(daemon->options.listen_address, daemon->config->listen_address),
		.web_config_path = web_config_path(daemon),
		.store_path = given(daemon->options.store_path, daemon->config->store_path),
		.metrics = metrics,
		.is_ready = is_ready,
		.context = daemon,
	};

	if (!options.listen_address)
		return 0;
	return server_start(&options, &daemon->server);
}

/* --- reload --------------------------------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void note_fixed(const struct config *old, const struct config *new)
{
	if (!is_same(old->store_path, new->store_path) ||
	    !is_same(old->listen_address, new->listen_address) ||
	    !is_same(old->web_config_path, new->web_config_path))
		log_info("another store path, listen address or web configuration file takes "
			 "effect when the daemon is restarted");
}

static void take_over(struct daemon *daemon, struct config *config)
{
	int err = watcher_reload(daemon->watcher, config);

	if (err)
		log_error("the new configuration is only partly in force: %s", strerror(-err));
	note_fixed(daemon->config, config);
	config_fini(daemon->config);
	daemon->config = config;
	ledger_set_retention(daemon->ledger, &config->retention);
	log_info("%s was read again", daemon->options.config_path);
}

static void reload(struct daemon *daemon)
{
	struct config *other = &daemon->configs[daemon->config == daemon->configs];
	int err;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(clock_ns(CLOCK_MONOTONIC) / 1000));
	err = load_config(&daemon->options, other);
	if (!err) {
		take_over(daemon, other);
	} else {
		atomic_fetch_add(&daemon->reloads_failed, 1);
		log_error("the configuration stays as it was");
	}
	atomic_store(&daemon->is_reload_bad, err != 0);
	sd_notify(0, "READY=1");
}

/* --- the loop ------------------------------------------------------------------------------- */

static void set_timer(const struct daemon *daemon)
{
	uint64_t deadline_ns = ledger_deadline_ns(daemon->ledger);
	struct itimerspec timer = {};

	if (deadline_ns != UINT64_MAX) {
		timer.it_value.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC);
		timer.it_value.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC) + 1; /* 0 is off */
	}
	timerfd_settime(daemon->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

/* Returns true when the daemon is to end; ret_status: how. */
static bool take_messages(struct daemon *daemon, int *ret_status)
{
	struct message *message;

	while ((message = watcher_take(daemon->watcher))) {
		enum message_kind kind = message->kind;

		if (kind == MESSAGE_FAILED)
			log_error("the capture broke: %s", strerror(-message->err));
		ledger_take(daemon->ledger, message);
		if (kind == MESSAGE_RELOAD)
			reload(daemon);
		if (kind != MESSAGE_STOP && kind != MESSAGE_FAILED)
			continue;
		*ret_status = kind == MESSAGE_STOP ? STATUS_OK : STATUS_FAILED;
		return true;
	}
	return false;
}

static int loop(struct daemon *daemon)
{
	_cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
	int status = STATUS_FAILED;

	if (epoll < 0 || poll_add(epoll, watcher_fd(daemon->watcher)) ||
	    poll_add(epoll, daemon->timer_fd)) {
		log_error("cannot wait for events: %s", strerror(errno));
		return STATUS_FAILED;
	}
	while (!take_messages(daemon, &status)) {
		struct epoll_event event;
		uint64_t expirations;

		set_timer(daemon);
		if (epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR)
			break;
		if (read(daemon->timer_fd, &expirations, sizeof(expirations)) > 0)
			ledger_step(daemon->ledger);
	}
	sd_notify(0, "STOPPING=1");
	ledger_flush(daemon->ledger);
	if (!status && daemon->options.pins_path)
		log_info("stopped; the recorder goes on in the kernel, until the next daemon takes "
			 "over or `shutwatch daemon --unpin` ends it");
	return status;
}

/* --- start ---------------------------------------------------------------------------------- */

static int open_watcher(struct daemon *daemon)
{
	struct watcher_options options = {
		.config = daemon->config,
		.host = &daemon->host,
		.pins = daemon->options.pins_path,
		.journal = daemon->options.pins_path ? daemon->runtime.journal : NULL,
		.detail_ring_bytes = daemon->options.detail_ring_bytes,
	};

	return watcher_open(&options, &daemon->watcher);
}

static int open_ledger(struct daemon *daemon)
{
	struct ledger_options options = {
		.store_path = given(daemon->options.store_path, daemon->config->store_path),
		.retention = daemon->config->retention,
		.host = &daemon->host,
		.watcher = daemon->watcher,
	};

	daemon->ledger = ledger_new(&options);
	daemon->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (daemon->ledger && daemon->timer_fd >= 0)
		return 0;
	log_error("cannot keep records: %s", strerror(ENOMEM));
	return -ENOMEM;
}

/* All that needs root happens before the privileges go. */
static int start(struct daemon *daemon)
{
	size_t services;
	int err;

	if (privileges_check())
		return STATUS_NO_TRACING;
	if (runtime_open(daemon->options.runtime_path, &daemon->runtime))
		return STATUS_FAILED;
	err = open_watcher(daemon);
	if (err)
		return err == -EBUSY ? STATUS_FAILED : STATUS_NO_TRACING;
	/* Threads inherit what is left. */
	if (confine_capabilities() || open_ledger(daemon) || serve(daemon))
		return STATUS_FAILED;
	if (watcher_start(daemon->watcher) || confine_syscalls())
		return STATUS_FAILED;
	atomic_store(&daemon->is_ready, true);
	services = watcher_stats(daemon->watcher).session.services;
	log_info("watching %zu service%s", services, services == 1 ? "" : "s");
	malloc_trim(0); /* what loading took */
	sd_notify(0, "READY=1");
	return STATUS_OK;
}

static int run(struct daemon *daemon)
{
	const char *format = daemon->options.log_format;
	int status;

	if (load_config(&daemon->options, daemon->config))
		return STATUS_USAGE;
	if (format ? !strcmp(format, "json") : daemon->config->is_log_json)
		log_set_format(LOG_JSON);
	else
		log_set_format(LOG_LOGFMT);
	signal(SIGPIPE, SIG_IGN);
	procfs_host(&daemon->host);
	status = start(daemon);
	if (!status)
		status = loop(daemon);
	server_stop(daemon->server);
	watcher_close(daemon->watcher);
	ledger_free(daemon->ledger);
	if (daemon->timer_fd >= 0)
		close(daemon->timer_fd);
	return status;
}

static int unpin(struct daemon *daemon)
{
	const char *pins = daemon->options.pins_path;
	int err;

	if (runtime_open(daemon->options.runtime_path, &daemon->runtime))
		return STATUS_FAILED;
	err = pins ? pins_remove(pins) : -ENOENT;
	if (err && err != -ENOENT) {
		log_error("cannot remove %s: %s", pins,
			  err == -EBUSY ? "a daemon holds it" : strerror(-err));
		return STATUS_FAILED;
	}
	unlink(daemon->runtime.journal);
	log_info(err ? "nothing was pinned" : "nothing is pinned any more");
	return STATUS_OK;
}

int command_daemon(int argc, char **argv)
{
	struct daemon daemon = { .timer_fd = -1, .runtime.lock_fd = -1 };
	int status;

	daemon.config = daemon.configs;
	daemon_options_parse(argc, argv, &daemon.options);
	if (daemon.options.only_checks_config)
		status = check_config(&daemon);
	else if (daemon.options.only_unpins)
		status = unpin(&daemon);
	else
		status = run(&daemon);
	config_fini(daemon.config);
	runtime_fini(&daemon.runtime);
	return status;
}
