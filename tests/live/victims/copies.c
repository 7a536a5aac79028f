/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copies PORT KEEP_MS: connections with several descriptors, in two processes.
 *
 * USR1: every connection is dup()ed, and a child is forked that holds both copies, but not the
 * listener. TERM: it closes the listener and all its own copies, and waits for the child, which
 * closes one copy at once (told that its parent is done, by the end of a pipe) and the last KEEP_MS
 * later.
 */
#include "loop.h"

#include <sys/wait.h>

static volatile sig_atomic_t must_copy;
static uint64_t entered_ns;
static unsigned int keep_ms;
static int copies[CLIENTS_MAX];
static int done_pipe[2];
static pid_t child;

static void on_term(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	server_ask_to_stop();
}

static void on_usr1(int signal)
{
	(void)signal;
	must_copy = 1;
	server_wake();
}

static void keep_copies(void)
{
	char end;

	signal(SIGTERM, SIG_IGN);
	close(server.listener);
	close(done_pipe[1]);
	say("copied", "\"open\":%u", server.open);
	truth_flush();
	if (read(done_pipe[0], &end, 1) != 0)
		fail("wait for the parent");
	for (int fd = 0; fd <= server.highest; fd++)
		if (server.clients[fd].is_open)
			close(copies[fd]);
	sleep_ms(keep_ms);
	for (int fd = 0; fd <= server.highest; fd++) {
		if (!server.clients[fd].is_open)
			continue;
		say("inherited", "\"peer\":\"%s\"", server.clients[fd].peer);
		close_saying(fd, "closed", server.clients[fd].peer);
	}
	server_exit(0);
}

/* Before each wait of the loop. */
static void copy_if_asked(void)
{
	if (!must_copy || child)
		return;
	for (int fd = 0; fd <= server.highest; fd++)
		if (server.clients[fd].is_open)
			copies[fd] = dup(fd);
	truth_flush();
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		keep_copies();
	close(done_pipe[0]);
}

int main(int argc, char **argv)
{
	int status;

	if (argc != 3)
		return 2;
	keep_ms = (unsigned int)atoi(argv[2]);
	if (pipe(done_pipe) < 0)
		fail("make a pipe");
	server.on_wait = copy_if_asked;
	server_open(listen_on("127.0.0.1", atoi(argv[1]), 4096));
	signal(SIGUSR1, on_usr1);
	signal(SIGTERM, on_term);
	say_ready(atoi(argv[1]));
	server_run();
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	for (int fd = 0; fd <= server.highest; fd++)
		if (copies[fd])
			close(copies[fd]);
	truth_flush();
	close(done_pipe[1]);
	if (waitpid(child, &status, 0) < 0)
		fail("wait for the child");
	server_exit(0);
}
