// SPDX-License-Identifier: GPL-2.0-only
/* `run`: start a command, be invisible to it, and report when it has ended. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/poll.h"
#include "src/capture/elf.h"
#include "src/capture/privileges.h"
#include "src/capture/probe.h"
#include "src/capture/procfs.h"
#include "src/capture/session.h"
#include "src/cli/child.h"
#include "src/cli/commands.h"
#include "src/cli/forward.h"
#include "src/cli/gate.h"
#include "src/cli/inherited.h"
#include "src/cli/options.h"
#include "src/cli/output.h"
#include "src/cli/show.h"
#include "src/cli/status.h"

struct run {
	struct options options;
	struct host host;
	struct session *session;
	struct child child;
	struct inherited_fds inherited;
	struct forward forward;
	struct output output;
	struct gate gate;
	char *json; /* of the last shutdown */
	sigset_t original_mask;
	bool is_sigpipe_ignored;
	bool is_told_to_end; /* after the command has ended: others of its service live on */
};

static int on_shutdown(void *context, const struct shutdown *shutdown)
{
	struct run *run = context;
	_cleanup_free_ char *report = NULL;
	_cleanup_free_ char *json = NULL;
	struct record record;
	int err = show_build(shutdown, &run->host, &record);

	if (err <= 0)
		return err;
	report = show_record(&record, false, stderr);
	json = show_record(&record, true, stderr);
	err = report && json ? 0 : -ENOMEM;
	if (!err) {
		free(run->json);
		run->json = TAKE_PTR(json);
		fputs(report, stderr); /* a closed stderr is no reason to lose the status */
		gate_judge(&run->gate, &record);
		gate_tell(&run->gate);
	}
	record_fini(&record);
	return err;
}

static int open_signals(struct run *run)
{
	struct sigaction old;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &run->original_mask);
	sigaction(SIGPIPE, NULL, &old);
	run->is_sigpipe_ignored = old.sa_handler == SIG_IGN;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored, the kernel would reap the command itself */
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void read_signals(struct run *run, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			child_reap(&run->child);
		else if (run->child.has_ended)
			run->is_told_to_end = true;
		else
			forward_note(&run->forward, &info);
	}
}

/* Until the command has ended and its shutdown is on record. Returns 0 or -errno. */
static int run_loop(struct run *run, int signals)
{
	_cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
	int err;

	if (epoll < 0)
		return -errno;
	err = poll_add(epoll, signals);
	if (!err)
		err = poll_add(epoll, run->forward.timer_fd);
	if (!err)
		err = poll_add(epoll, session_fd(run->session));
	while (!err) {
		struct epoll_event event;

		if (epoll_wait(epoll, &event, 1, -1) < 0 && errno != EINTR)
			return -errno;
		read_signals(run, signals);
		err = session_step(run->session); /* the exit's event is there before SIGCHLD */
		if (!run->child.has_ended)
			forward_due(&run->forward, run->session, run->child.pid);
		if (run->child.has_ended && session_is_idle(run->session))
			return err;
		if (!err && run->is_told_to_end)
			return session_wind_up(run->session);
	}
	return err;
}

/* The watching broke: the command goes on, and its status is still ours to return. */
static void wait_for_child(struct run *run)
{
	while (!run->child.has_ended) {
		if (waitpid(run->child.pid, &run->child.status, 0) == run->child.pid)
			run->child.has_ended = true;
		else if (errno != EINTR)
			return;
	}
}

static int status_of_exec(int err, const char *command)
{
	log_error("cannot start %s: %s", command, strerror(-err));
	return err == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static void write_record(struct run *run)
{
	int err;

	if (!run->options.output_path)
		return;
	if (!run->json) {
		log_error("no record to write to %s", run->options.output_path);
		return;
	}
	err = output_commit(&run->output, run->json);
	if (err)
		log_error("writing %s failed: %s", run->options.output_path, strerror(-err));
}

/*
 * What exec() will find, by the rules of execvp(); "": nothing, or a script, whose interpreter it
 * will be.
 */
static void find_program(const char *command, char path[PATH_MAX])
{
	const char *rest = strchr(command, '/') ? "" : getenv("PATH");
	char candidate[PATH_MAX];

	path[0] = '\0';
	for (; rest; rest = *rest == ':' ? rest + 1 : NULL) {
		size_t size = strcspn(rest, ":");

		snprintf(candidate, sizeof(candidate), "%.*s%s%s", (int)size, rest, size ? "/" : "",
			 command);
		rest += size;
		if (access(candidate, X_OK) == 0 && realpath(candidate, path))
			break;
	}
	if (!elf_is_file(path))
		path[0] = '\0';
}

/* The command is created, watched, and only then let go. Returns the exit status. */
static int run_watched(struct run *run, int signals)
{
	char **command = run->options.command;
	_cleanup_free_ char *name = strdup(command[0]);
	char exe[PATH_MAX];
	int err;

	find_program(command[0], exe);
	err = child_create(command, &run->original_mask, run->is_sigpipe_ignored, &run->child);
	if (!err)
		err = name ? roster_add_command(session_roster(run->session),
						(uint32_t)run->child.pid, basename(name), exe)
			   : -ENOMEM;
	if (err) {
		log_error("cannot watch %s: %s; it was not started", command[0], strerror(-err));
		return STATUS_FAILED;
	}
	err = child_start(&run->child);
	inherited_release(&run->inherited);
	if (err)
		return status_of_exec(err, command[0]);
	roster_look_at_command(session_roster(run->session), (uint32_t)run->child.pid);
	err = run_loop(run, signals);
	if (err)
		log_error("the watching ended early: %s; the command goes on", strerror(-err));
	wait_for_child(run);
	write_record(run);
	return gate_close(&run->gate, child_shell_status(&run->child));
}

static int run_unwatched(struct run *run)
{
	char **command = run->options.command;

	log_error("starting %s without a record, as --best-effort asks", command[0]);
	output_abandon(&run->output);
	gate_fini(&run->gate);
	if (!run->is_sigpipe_ignored)
		signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &run->original_mask, NULL);
	execvp(command[0], command);
	return status_of_exec(-errno, command[0]);
}

static int open_session(struct run *run)
{
	struct session_options options = {
		.model = run->options.model,
		.forwards_signals = true,
		.detail_ring_bytes = run->options.detail_ring_bytes,
		.roster.selectors = &run->options.selectors,
		.roster.rules = &run->options.rules,
		.on_shutdown = on_shutdown,
		.context = run,
	};
	int err = privileges_check();

	return err ? err : session_open(&options, &run->session);
}

static int run_command(struct run *run)
{
	_cleanup_close_ int signals = open_signals(run);

	if (signals < 0 || forward_init(&run->forward)) {
		log_error("cannot wait for signals: %s", strerror(errno));
		return STATUS_FAILED;
	}
	if (!open_session(run)) {
		gate_warn(&run->gate, probe_sees_all_resets(session_probe(run->session)));
		return run_watched(run, signals);
	}
	if (run->options.is_best_effort)
		return run_unwatched(run);
	log_error("%s was not started (--best-effort starts it all the same)",
		  run->options.command[0]);
	return STATUS_NO_TRACING;
}

int command_run(int argc, char **argv)
{
	const struct options_usage usage = {
		.arguments = "-- CMD...",
		.doc = "Starts CMD, passes signals on to it, and reports on stderr when it has "
		       "ended.\vCMD keeps its stdin, stdout and stderr.\n\nExit status: that of "
		       "CMD, 128+N if signal N ended it; 126 not executable, 127 not found, 77 "
		       "tracing is not possible here and CMD was not started, 3 a condition of "
		       "--fail-on held, whatever CMD returned, 2 wrong usage, 1 an output file "
		       "cannot be written, or there was nothing for --fail-on to judge.",
		.sets = OPTIONS_COMMAND | OPTIONS_SERVICE | OPTIONS_MODEL | OPTIONS_GATE,
	};
	struct run run = { .forward.timer_fd = -1 };
	int status = STATUS_FAILED, err = 0;

	inherited_list(&run.inherited);
	options_parse(&usage, argc, argv, &run.options);
	procfs_host(&run.host);
	if (run.options.output_path)
		err = output_open(run.options.output_path, &run.output);
	if (err)
		log_error("cannot write %s: %s", run.options.output_path, strerror(-err));
	else if (!gate_open(&run.options, &run.gate))
		status = run_command(&run);
	child_discard(&run.child);
	session_close(run.session);
	forward_fini(&run.forward);
	output_abandon(&run.output);
	gate_fini(&run.gate);
	free(run.json);
	free(run.inherited.fds);
	options_fini(&run.options);
	return status;
}
