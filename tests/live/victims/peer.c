/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peer OWN_PORT [PORT COUNT]...: a service that is a client of others.
 *
 * It listens on OWN_PORT, holds COUNT keep-alive connections to each PORT on 127.0.0.1 (one request
 * answered on each), closes those that the other side closes, and the rest when TERM comes.
 */
#include "victim.h"

#include <poll.h>

#define HELD_MAX 64

static struct pollfd held[HELD_MAX];
static char names[HELD_MAX][PEER_BYTES]; /* of our end */
static int n_held;
static volatile sig_atomic_t is_stopping;
static uint64_t entered_ns;

static void on_term(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	is_stopping = 1;
}

static void hold(int port)
{
	static const char request[] = "GET /0/1 HTTP/1.1\r\nHost: peer\r\n\r\n";
	struct sockaddr_storage there, here;
	socklen_t length = parse_address("127.0.0.1", port, &there), size = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[256];
	ssize_t got;

	if (fd < 0 || connect(fd, (struct sockaddr *)&there, length) < 0)
		fail("connect");
	if (send(fd, request, sizeof(request) - 1, 0) < 0)
		fail("send");
	do
		got = recv(fd, answer, sizeof(answer), 0);
	while (got > 0 && answer[got - 1] != 'x');
	if (getsockname(fd, (struct sockaddr *)&here, &size) < 0)
		fail("learn our own address");
	name_address(&here, names[n_held]);
	say("held", "\"local\":\"%s\",\"port\":%d", names[n_held], port);
	held[n_held++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void let_go(int i)
{
	close_saying(held[i].fd, "let_go", names[i]);
	held[i].fd = -1;
}

static void wait_for_the_end(const sigset_t *during)
{
	while (!is_stopping) {
		truth_flush();
		if (ppoll(held, (nfds_t)n_held, NULL, during) <= 0)
			continue;
		for (int i = 0; i < n_held; i++)
			if (held[i].fd >= 0 && held[i].revents)
				let_go(i);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };
	sigset_t term, before;
	int listener;

	if (argc < 2 || argc % 2)
		return 2;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	sigaction(SIGTERM, &action, NULL);
	listener = listen_on("127.0.0.1", atoi(argv[1]), 8);
	for (int i = 2; i + 1 < argc; i += 2)
		for (int n = atoi(argv[i + 1]); n > 0 && n_held < HELD_MAX; n--)
			hold(atoi(argv[i]));
	say_ready(atoi(argv[1]));
	wait_for_the_end(&before);
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	for (int i = 0; i < n_held; i++)
		if (held[i].fd >= 0)
			let_go(i);
	close_saying(listener, "listener_closed", "");
	say("exiting", "\"code\":0");
	truth_flush();
	return 0;
}
