/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server in one process; how it takes a stop signal is an option:
 *   --stop=handler   TERM, INT and QUIT have a handler and make it drain (the default)
 *   --stop=default   no handler at all
 *   --stop=sigwait   TERM is blocked everywhere, the main thread takes it with sigwait()
 *   --stop=hang      the handler of TERM never returns
 *   --stop=leader    as handler, but the main thread ends once a line comes on stdin
 *   --reload         HUP and USR1 have a handler, and the server serves on
 *   --no-accept --no-read --no-answer --reset     faults of the loop, see loop.h
 *   --pause=MS       wait between the last connection and the exit
 *   --address=A --port=P --backlog=N --comm=NAME
 */
#include "loop.h"

#include <getopt.h>
#include <sys/prctl.h>

#define SEEN_MAX 64

struct seen {
	uint64_t at_ns;
	int signal;
	int sender;
};

static struct {
	const char *address;
	int port;
	int backlog;
	const char *stop;
	const char *comm;
	bool reloads;
	unsigned int pause_ms;
} options = { .address = "127.0.0.1", .backlog = 4096, .stop = "handler" };

static struct seen seen[SEEN_MAX];
static volatile sig_atomic_t n_seen, n_told;

static void note_signal(int signal, const siginfo_t *info)
{
	uint64_t now = now_ns();

	if (n_seen < SEEN_MAX)
		seen[n_seen++] = (struct seen){ now, signal, info->si_pid };
}

static void tell_signals(void)
{
	while (n_told < n_seen) {
		const struct seen *one = &seen[n_told++];

		say_at(one->at_ns, "signal", "\"signal\":%d,\"sender\":%d", one->signal,
		       one->sender);
	}
}

static void on_stop(int signal, siginfo_t *info, void *context)
{
	(void)context;
	note_signal(signal, info);
	server_ask_to_stop();
}

/* Wakes the loop: a signal between its last look and its wait would be told much later. */
static void on_reload(int signal, siginfo_t *info, void *context)
{
	(void)context;
	note_signal(signal, info);
	server_wake();
}

/* The loop stands still in here, so this handler must tell by itself. */
static void on_stop_hang(int signal, siginfo_t *info, void *context)
{
	char line[128];
	int used;

	(void)context;
	used = snprintf(
		line, sizeof(line),
		"{\"event\":\"signal\",\"pid\":%d,\"at_ns\":%llu,\"signal\":%d,\"sender\":%d}\n",
		getpid(), (unsigned long long)now_ns(), signal, info->si_pid);
	write_whole(line, (size_t)used);
	for (;;)
		pause();
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigfillset(&action.sa_mask);
	if (sigaction(signal, &action, NULL) < 0)
		fail("set a signal handler");
}

static void finish(void)
{
	tell_signals();
	truth_flush();
	if (options.pause_ms)
		sleep_ms(options.pause_ms);
	tell_signals();
	say("exiting", "\"code\":0");
	truth_flush();
	_exit(0);
}

static void *serve(void *unused)
{
	(void)unused;
	server_run();
	finish();
	return NULL;
}

static void start_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, NULL))
		fail("start a thread");
}

static void run_sigwait(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	start_thread();
	say_ready(options.port);
	sigwait(&set, &signal);
	say("signal", "\"signal\":%d,\"sender\":0", signal);
	server_ask_to_stop();
	for (;;)
		pause();
}

static void run_leader_exits(void)
{
	start_thread();
	say_ready(options.port);
	getchar();
	pthread_exit(NULL);
}

static void run(void)
{
	if (!strcmp(options.stop, "sigwait"))
		run_sigwait();
	if (!strcmp(options.stop, "handler") || !strcmp(options.stop, "leader")) {
		handle(SIGTERM, on_stop);
		handle(SIGINT, on_stop);
		handle(SIGQUIT, on_stop);
	}
	if (!strcmp(options.stop, "hang"))
		handle(SIGTERM, on_stop_hang);
	if (options.reloads) {
		handle(SIGHUP, on_reload);
		handle(SIGUSR1, on_reload);
	}
	if (!strcmp(options.stop, "leader"))
		run_leader_exits();
	say_ready(options.port);
	serve(NULL);
}

static bool parse_flag(int key)
{
	switch (key) {
	case 'A':
		return server.never_accepts = true;
	case 'R':
		return server.never_reads = true;
	case 'N':
		return server.never_answers = true;
	case 'Z':
		return server.resets = true;
	case 'H':
		return options.reloads = true;
	}
	return false;
}

static void parse_value(int key, char *value)
{
	if (key == 'a')
		options.address = value;
	else if (key == 'p')
		options.port = atoi(value);
	else if (key == 'b')
		options.backlog = atoi(value);
	else if (key == 's')
		options.stop = value;
	else if (key == 'w')
		options.pause_ms = (unsigned int)atoi(value);
	else if (key == 'c')
		options.comm = value;
	else
		exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "backlog", required_argument, NULL, 'b' },
		{ "stop", required_argument, NULL, 's' },
		{ "pause", required_argument, NULL, 'w' },
		{ "comm", required_argument, NULL, 'c' },
		{ "no-accept", no_argument, NULL, 'A' },
		{ "no-read", no_argument, NULL, 'R' },
		{ "no-answer", no_argument, NULL, 'N' },
		{ "reset", no_argument, NULL, 'Z' },
		{ "reload", no_argument, NULL, 'H' },
		{ NULL, 0, NULL, 0 },
	};
	int key;

	while ((key = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (!parse_flag(key))
			parse_value(key, optarg);
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	if (options.comm)
		prctl(PR_SET_NAME, options.comm);
	server.on_wait = tell_signals;
	server_open(listen_on(options.address, options.port, options.backlog));
	run();
	return 0;
}
