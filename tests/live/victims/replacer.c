/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replacer WORKERS PORT: a master that takes TERM as the order to replace its workers.
 *
 * TERM: as many new workers start on the same listening socket, then the old ones get TERM, drain
 * and exit; the service serves on. QUIT: all workers get TERM, and the master exits after them.
 */
#include "loop.h"

#include <sys/wait.h>

#define WORKERS_MAX 16

static pid_t workers[WORKERS_MAX];
static int n_workers, listener;
static uint64_t entered_ns;

static void on_term(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	server_ask_to_stop();
}

static void work(const sigset_t *mask)
{
	struct sigaction action = { .sa_handler = on_term, .sa_flags = SA_RESTART };

	server_open(listener);
	sigaction(SIGTERM, &action, NULL);
	sigprocmask(SIG_UNBLOCK, mask, NULL);
	say("worker", "\"ready\":true");
	server_run();
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	say("exiting", "\"code\":0");
	truth_flush();
	_exit(0);
}

static void start(const sigset_t *mask)
{
	for (int i = 0; i < n_workers; i++) {
		workers[i] = fork();
		if (workers[i] < 0)
			fail("fork");
		if (workers[i] == 0)
			work(mask);
	}
}

/* By pid, of children that have not been waited for. */
static void end(const pid_t *old)
{
	for (int i = 0; i < n_workers; i++) {
		say("passes_on", "\"to\":%d", old[i]);
		kill(old[i], SIGTERM);
	}
	for (int i = 0; i < n_workers; i++)
		if (waitpid(old[i], NULL, 0) == old[i])
			say("worker_gone", "\"worker\":%d", old[i]);
	truth_flush();
}

int main(int argc, char **argv)
{
	pid_t old[WORKERS_MAX];
	sigset_t mask;
	siginfo_t info;

	if (argc != 3)
		return 2;
	n_workers = atoi(argv[1]);
	if (n_workers < 1 || n_workers > WORKERS_MAX)
		return 2;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGQUIT);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	listener = listen_on("127.0.0.1", atoi(argv[2]), 4096);
	start(&mask);
	say_ready(atoi(argv[2]));
	while (sigwaitinfo(&mask, &info) == SIGTERM) {
		say("signal", "\"signal\":%d", SIGTERM);
		memcpy(old, workers, sizeof(old));
		start(&mask);
		end(old);
	}
	end(workers);
	say("exiting", "\"code\":0");
	truth_flush();
	return 0;
}
