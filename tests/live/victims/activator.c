/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * activator PORT: holds a listening socket that others serve, as systemd does for a socket unit.
 *
 * It starts a server on its socket; once that has ended and a line has come on stdin, the next.
 * A server that gets TERM drains and exits; connections wait in the queue until its successor.
 */
#include "loop.h"

#include <sys/wait.h>

static uint64_t entered_ns;

static void on_term(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	server_ask_to_stop();
}

static void serve(int listener)
{
	struct sigaction action = { .sa_handler = on_term, .sa_flags = SA_RESTART };

	server_open(listener);
	if (sigaction(SIGTERM, &action, NULL) < 0)
		fail("set a signal handler");
	say("serving", "\"ready\":true");
	server_run();
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	say("exiting", "\"code\":0");
	truth_flush();
	_exit(0);
}

static void start_and_wait(int listener)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0)
		serve(listener);
	if (waitpid(pid, NULL, 0) != pid)
		fail("wait for a server");
	say("gone", "\"server\":%d", pid);
	truth_flush();
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 2)
		return 2;
	listener = listen_on("127.0.0.1", atoi(argv[1]), 64);
	say_ready(atoi(argv[1]));
	do
		start_and_wait(listener);
	while (getchar() == '\n');
	return 0;
}
