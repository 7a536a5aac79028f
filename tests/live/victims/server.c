/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server in one process; how it takes a stop signal is an option:
 *   --stop=handler   TERM, INT and QUIT have a handler and make it drain (the default)
 *   --stop=default   no handler at all
 *   --stop=sigwait   TERM is blocked everywhere, the main thread takes it with sigwait()
 *   --stop=hang      the handler of TERM never returns
 *   --stop=leader    as handler, but the main thread ends once a line comes on stdin
 *   --stop=leave     the handler makes it exit at once, with everything open
 *   --stop=twice     as handler; a second signal makes it exit at once, with status 1
 *   --stop=crash     as handler; a segmentation fault while it owes the last answers
 *   --stop=reraise   as handler; in the end the same signal again, with its default disposition
 *   --reload         HUP and USR1 have a handler, and the server serves on
 *   --no-accept --no-read --no-answer --reset --half-close --keep-idle   faults of the loop, see
 *                    loop.h
 *   --pause=MS       wait between the last connection and the exit
 *   --helper         a child without handlers, which it ends with USR1 after the last connection
 *   --orphan         a child that it leaves behind
 *   --ask=PORT:MS    after the last connection it asks 127.0.0.1:PORT for an answer that takes so
 *                    long, and waits for it
 *   --pool=PORT:COUNT   holds so many connections to 127.0.0.1:PORT, and never closes them
 *   --quiet          says nothing but "ready"
 *   --address=A --port=P --backlog=N --comm=NAME --reuseport --send-buffer=BYTES
 */
#include "loop.h"
#include "outbound.h"

#include <getopt.h>
#include <sys/prctl.h>
#include <sys/wait.h>

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
	bool has_helper;
	bool leaves_orphan;
	const char *pool;
	const char *question;
	unsigned int pause_ms;
	struct listening listening;
} options = { .address = "127.0.0.1", .backlog = 4096, .stop = "handler" };

static struct seen seen[SEEN_MAX];
static uint64_t listen_from_ns, listen_to_ns;
static volatile sig_atomic_t n_seen, n_told;
static pid_t helper;
static volatile sig_atomic_t leaves_with = -1; /* an exit status */

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

static bool stops_by(const char *manner)
{
	return !strcmp(options.stop, manner);
}

static void on_stop(int signal, siginfo_t *info, void *context)
{
	(void)context;
	note_signal(signal, info);
	if (stops_by("leave"))
		leaves_with = 0;
	else if (stops_by("twice") && n_seen > 1)
		leaves_with = 1;
	else
		server_ask_to_stop();
	server_wake();
}

static void crash(void)
{
	volatile uintptr_t nowhere = 8;

	say("exiting", "\"code\":null");
	truth_flush();
	*(volatile int *)nowhere = 0;
}

/* Before each wait of the loop. */
static void look_around(void)
{
	tell_signals();
	if (leaves_with >= 0)
		server_exit(leaves_with);
	if (stops_by("crash") && server.is_stopping && server.owed)
		crash();
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

static pid_t start_child(int dies_with_us)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child > 0)
		return child;
	prctl(PR_SET_PDEATHSIG, dies_with_us);
	for (;;)
		pause();
}

static void end_helper(void)
{
	kill(helper, SIGUSR1);
	if (waitpid(helper, NULL, 0) < 0)
		fail("wait for the helper");
}

static void ask_another(void)
{
	char name[PEER_BYTES];
	unsigned int wait_ms;
	int port;

	if (sscanf(options.question, "%d:%u", &port, &wait_ms) != 2)
		exit(2);
	say("asks", "\"port\":%d", port);
	truth_flush();
	hold(port, wait_ms, name);
}

static void finish(void)
{
	if (helper)
		end_helper();
	tell_signals();
	truth_flush();
	if (options.question)
		ask_another();
	if (options.pause_ms)
		sleep_ms(options.pause_ms);
	tell_signals();
	if (stops_by("reraise")) {
		say("exiting", "\"code\":null");
		truth_flush();
		signal(seen[0].signal, SIG_DFL);
		raise(seen[0].signal);
	}
	server_exit(0);
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

static void get_ready(void)
{
	say_ready(options.port);
	say("listening", "\"before_ns\":%llu,\"after_ns\":%llu", (unsigned long long)listen_from_ns,
	    (unsigned long long)listen_to_ns);
	truth_flush();
}

static void run_sigwait(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	start_thread();
	get_ready();
	sigwait(&set, &signal);
	say("signal", "\"signal\":%d,\"sender\":0", signal);
	server_ask_to_stop();
	for (;;)
		pause();
}

static void run_leader_exits(void)
{
	start_thread();
	get_ready();
	getchar();
	pthread_exit(NULL);
}

static void run(void)
{
	if (stops_by("sigwait"))
		run_sigwait();
	if (stops_by("hang")) {
		handle(SIGTERM, on_stop_hang);
	} else if (!stops_by("default")) {
		handle(SIGTERM, on_stop);
		handle(SIGINT, on_stop);
		handle(SIGQUIT, on_stop);
	}
	if (options.reloads) {
		handle(SIGHUP, on_reload);
		handle(SIGUSR1, on_reload);
	}
	if (stops_by("leader"))
		run_leader_exits();
	get_ready();
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
	case 'E':
		return options.has_helper = true;
	case 'O':
		return options.leaves_orphan = true;
	case 'K':
		return server.keeps_idle = true;
	case 'F':
		return server.half_closes = true;
	case 'H':
		return options.reloads = true;
	case 'S':
		return options.listening.is_shared = true;
	case 'Q':
		return truth_is_untold = true;
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
	else if (key == 'o')
		options.pool = value;
	else if (key == 'q')
		options.question = value;
	else if (key == 'n')
		options.listening.send_bytes = atoi(value);
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
		{ "pool", required_argument, NULL, 'o' },
		{ "ask", required_argument, NULL, 'q' },
		{ "send-buffer", required_argument, NULL, 'n' },
		{ "reuseport", no_argument, NULL, 'S' },
		{ "helper", no_argument, NULL, 'E' },
		{ "orphan", no_argument, NULL, 'O' },
		{ "half-close", no_argument, NULL, 'F' },
		{ "keep-idle", no_argument, NULL, 'K' },
		{ "no-accept", no_argument, NULL, 'A' },
		{ "no-read", no_argument, NULL, 'R' },
		{ "no-answer", no_argument, NULL, 'N' },
		{ "reset", no_argument, NULL, 'Z' },
		{ "reload", no_argument, NULL, 'H' },
		{ "quiet", no_argument, NULL, 'Q' },
		{ NULL, 0, NULL, 0 },
	};
	int key;

	while ((key = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (!parse_flag(key))
			parse_value(key, optarg);
}

static void fill_pool(void)
{
	char name[PEER_BYTES];
	int port = 0, count = 0;

	if (sscanf(options.pool, "%d:%d", &port, &count) != 2)
		exit(2);
	while (count-- > 0)
		hold(port, 0, name);
}

int main(int argc, char **argv)
{
	int listener;

	parse(argc, argv);
	if (options.comm)
		prctl(PR_SET_NAME, options.comm);
	if (options.has_helper)
		helper = start_child(SIGKILL);
	if (options.leaves_orphan)
		start_child(0);
	if (options.pool)
		fill_pool();
	server.on_wait = look_around;
	listen_from_ns = now_ns();
	listener = listen_with(options.address, options.port, options.backlog, &options.listening);
	listen_to_ns = now_ns();
	options.port = port_of(listener);
	server_open(listener);
	run();
	return 0;
}
