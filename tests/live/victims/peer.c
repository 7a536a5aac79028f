/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peer OWN_PORT [PORT COUNT]...: a service that is a client of others.
 *
 * It listens on OWN_PORT (0: it does not), holds COUNT keep-alive connections to each PORT on
 * 127.0.0.1 (one request answered on each), closes those that the other side closes, and the rest
 * when TERM comes.
 */
#include "outbound.h"

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

static void hold_one(int port)
{
	held[n_held].fd = hold(port, 0, names[n_held]);
	held[n_held++].events = POLLIN;
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
	int listener = -1;

	if (argc < 2 || argc % 2)
		return 2;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	sigaction(SIGTERM, &action, NULL);
	if (atoi(argv[1]))
		listener = listen_on("127.0.0.1", atoi(argv[1]), 8);
	for (int i = 2; i + 1 < argc; i += 2)
		for (int n = atoi(argv[i + 1]); n > 0 && n_held < HELD_MAX; n--)
			hold_one(atoi(argv[i]));
	say_ready(atoi(argv[1]));
	wait_for_the_end(&before);
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	for (int i = 0; i < n_held; i++)
		if (held[i].fd >= 0)
			let_go(i);
	if (listener >= 0)
		close_saying(listener, "listener_closed", "");
	say("exiting", "\"code\":0");
	truth_flush();
	return 0;
}
