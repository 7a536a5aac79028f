/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * local PATH: a server on a Unix socket only. It echoes what it is sent.
 *
 * TERM: it closes the listener, then the connections, waits 100 ms, and exits.
 */
#include "victim.h"

#include <poll.h>
#include <sys/un.h>

#define HELD_MAX 16

static struct pollfd held[HELD_MAX]; /* [0] is the listener */
static nfds_t n_held;
static volatile sig_atomic_t is_stopping;
static uint64_t entered_ns;

static void on_term(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	is_stopping = 1;
}

static void listen_at(const char *path)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&where, sizeof(where)) < 0 || listen(fd, 8) < 0)
		fail("listen");
	held[n_held++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void let_in(void)
{
	int fd = accept4(held[0].fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 || n_held == HELD_MAX)
		fail("accept");
	held[n_held++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	say("accepted", "\"fd\":%d", fd);
}

static void echo(int fd)
{
	char text[64];
	ssize_t got = recv(fd, text, sizeof(text), 0);

	if (got <= 0 || send(fd, text, (size_t)got, MSG_NOSIGNAL) < 0)
		fail("echo");
}

static void serve(const sigset_t *during)
{
	while (!is_stopping) {
		truth_flush();
		if (ppoll(held, n_held, NULL, during) <= 0)
			continue;
		for (nfds_t i = 1; i < n_held; i++)
			if (held[i].revents)
				echo(held[i].fd);
		if (held[0].revents)
			let_in();
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };
	sigset_t term, before;

	if (argc != 2)
		return 2;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	sigaction(SIGTERM, &action, NULL);
	listen_at(argv[1]);
	say_ready(0);
	serve(&before);
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	close_saying(held[0].fd, "listener_closed", "");
	for (nfds_t i = 1; i < n_held; i++)
		close_saying(held[i].fd, "closed", "unix");
	sleep_ms(100);
	say("exiting", "\"code\":0");
	truth_flush();
	return 0;
}
