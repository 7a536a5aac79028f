/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A server that listens in an unusual way:
 *   --mptcp          its listening socket is one of MPTCP
 *   --defer=SECONDS  TCP_DEFER_ACCEPT: a client that is silent is not let in
 *   --late=MS        it accepts nothing until so long after TERM
 *   --linger=MS      it goes on accepting for so long (after TERM, or after --late)
 *   --pause=MS       wait between the last connection and the exit
 *   --port=P
 */
#include "loop.h"

#include <getopt.h>
#include <netinet/tcp.h>

static int port, defer_s;
static unsigned int late_ms, linger_ms, pause_ms;
static bool is_mptcp;
static timer_t timer;
static volatile uint64_t entered_ns;
static volatile sig_atomic_t sender, may_accept;

static void wait_for(unsigned int ms)
{
	struct itimerspec when = { .it_value = { ms / 1000, (long)(ms % 1000) * 1000000 } };

	timer_settime(timer, 0, &when, NULL);
}

/* What comes after TERM, step by step: accept, stop. */
static void go_on(void)
{
	if (!may_accept) {
		may_accept = 1;
		server_wake();
		if (linger_ms) {
			wait_for(linger_ms);
			return;
		}
	}
	server_ask_to_stop();
}

static void on_timer(int signal)
{
	(void)signal;
	go_on();
}

static void on_term(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	if (entered_ns)
		return;
	sender = info->si_pid;
	entered_ns = now_ns();
	if (late_ms)
		wait_for(late_ms);
	else
		go_on();
}

static void accept_from_now_on(void)
{
	if (!may_accept || !server.never_accepts)
		return;
	server.never_accepts = false;
	server_expect(server.listener, EPOLLIN, EPOLL_CTL_ADD);
}

static int listen_mptcp(void)
{
	struct sockaddr_storage where;
	socklen_t length = parse_address("127.0.0.1", port, &where);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_MPTCP);
	int on = 1;

	if (fd < 0)
		fail("make an MPTCP socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&where, length) < 0)
		fail("bind");
	if (listen(fd, 4096) < 0)
		fail("listen");
	return fd;
}

static int listen_as_told(void)
{
	int fd = is_mptcp ? listen_mptcp() : listen_on("127.0.0.1", port, 4096);

	if (defer_s && setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof(defer_s)) < 0)
		fail("set TCP_DEFER_ACCEPT");
	return fd;
}

static void handle_signals(void)
{
	struct sigaction on_stop = { .sa_sigaction = on_term, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction on_alarm = { .sa_handler = on_timer, .sa_flags = SA_RESTART };

	if (timer_create(CLOCK_MONOTONIC, NULL, &timer) < 0 ||
	    sigaction(SIGALRM, &on_alarm, NULL) < 0 || sigaction(SIGTERM, &on_stop, NULL) < 0)
		fail("handle signals");
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "mptcp", no_argument, NULL, 'm' },
		{ "defer", required_argument, NULL, 'd' },
		{ "late", required_argument, NULL, 'l' },
		{ "linger", required_argument, NULL, 'L' },
		{ "pause", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int key;

	while ((key = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (key == 'p')
			port = atoi(optarg);
		else if (key == 'd')
			defer_s = atoi(optarg);
		else if (key == 'L')
			linger_ms = (unsigned int)atoi(optarg);
		else if (key == 'w')
			pause_ms = (unsigned int)atoi(optarg);
		else if (key == 'm')
			is_mptcp = true;
		else if (key == 'l')
			server.never_accepts = true, late_ms = (unsigned int)atoi(optarg);
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	server.on_wait = accept_from_now_on;
	server_open(listen_as_told());
	handle_signals();
	say_ready(port);
	server_run();
	say_at(entered_ns, "signal", "\"signal\":%d,\"sender\":%d", SIGTERM, (int)sender);
	truth_flush();
	sleep_ms(pause_ms);
	say("exiting", "\"code\":0");
	truth_flush();
	return 0;
}
