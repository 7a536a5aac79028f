/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prefork WORKERS PORT PAUSE_MS [KEEP_MS]: a master and its workers on one listening socket.
 *
 * TERM to the master: it closes its copy of the listener, passes TERM on to each worker, waits for
 * all of them, and exits. TERM to a worker: it drains, waits PAUSE_MS and exits; the master goes on
 * with the others. TTIN to the master: one worker more; once TERM has come, it serves nobody, waits
 * PAUSE_MS and exits. With KEEP_MS the master passes TERM on first, and closes its copy of the
 * listener so much later: nobody accepts, and clients still get through.
 */
#include "loop.h"

#include <sys/wait.h>

#define WORKERS_MAX 16

static pid_t workers[WORKERS_MAX];
static int n_workers;
static volatile sig_atomic_t is_stopping, n_wanted;
static uint64_t entered_ns;
static unsigned int keep_ms;

static void on_term_worker(int signal)
{
	(void)signal;
	if (!entered_ns)
		entered_ns = now_ns();
	server_ask_to_stop();
}

static void on_term_master(int signal)
{
	(void)signal;
	if (!entered_ns)
		entered_ns = now_ns();
	is_stopping = 1;
}

static void on_more(int signal)
{
	(void)signal;
	n_wanted++;
}

/* Without SA_RESTART: the master's wait must end when the signal comes. */
static void handle(int signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	if (sigaction(signal, &action, NULL) < 0)
		fail("set a signal handler");
}

static void work(int listener, unsigned int pause_ms)
{
	sigset_t none;

	sigemptyset(&none);
	server_open(listener);
	handle(SIGTERM, on_term_worker);
	sigprocmask(SIG_SETMASK, &none, NULL);
	say("worker", "\"ready\":true");
	server_run();
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	truth_flush();
	sleep_ms(pause_ms);
	say("exiting", "\"code\":0");
	truth_flush();
	_exit(0);
}

static void start_worker(int i, int listener, unsigned int pause_ms)
{
	workers[i] = fork();
	if (workers[i] < 0)
		fail("fork");
	if (workers[i] > 0)
		return;
	if (!is_stopping)
		work(listener, pause_ms);
	sleep_ms(pause_ms);
	_exit(0);
}

static void start_more(int listener, unsigned int pause_ms)
{
	while (n_wanted > 0) {
		n_wanted--;
		if (n_workers == WORKERS_MAX)
			fail("start so many workers");
		truth_flush();
		start_worker(n_workers++, listener, pause_ms);
		say("more", "\"worker\":%d", workers[n_workers - 1]);
		truth_flush();
	}
}

static void pass_on(int listener)
{
	say_at(entered_ns, "signal", "\"signal\":%d", SIGTERM);
	if (!keep_ms)
		close_saying(listener, "listener_closed", "");
	for (int i = 0; i < n_workers; i++) {
		if (workers[i] == 0)
			continue;
		say("passes_on", "\"to\":%d", workers[i]);
		kill(workers[i], SIGTERM);
	}
	truth_flush();
	if (!keep_ms)
		return;
	sleep_ms(keep_ms);
	close_saying(listener, "listener_closed", "");
}

static void forget(pid_t pid)
{
	for (int i = 0; i < n_workers; i++)
		if (workers[i] == pid)
			workers[i] = 0;
	say("worker_gone", "\"worker\":%d", pid);
	truth_flush();
}

/* Until all workers are gone; passes TERM on once. */
static void oversee(int listener, unsigned int pause_ms)
{
	bool passed_on = false;
	sigset_t term, before;
	siginfo_t info;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigaddset(&term, SIGCHLD);
	sigaddset(&term, SIGTTIN);
	sigprocmask(SIG_BLOCK, &term, &before);
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0)
			return; /* ECHILD */
		if (info.si_pid)
			forget(info.si_pid);
		else if (is_stopping && !passed_on)
			pass_on(listener), passed_on = true;
		else if (n_wanted > 0)
			start_more(listener, pause_ms);
		else
			sigsuspend(&before);
	}
}

static void on_child(int signal)
{
	(void)signal;
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 4 && argc != 5)
		return 2;
	if (argc == 5)
		keep_ms = (unsigned int)atoi(argv[4]);
	n_workers = atoi(argv[1]);
	if (n_workers < 1 || n_workers > WORKERS_MAX)
		return 2;
	signal(SIGCHLD, on_child);
	listener = listen_on("127.0.0.1", atoi(argv[2]), 4096);
	for (int i = 0; i < n_workers; i++)
		start_worker(i, listener, (unsigned int)atoi(argv[3]));
	handle(SIGTERM, on_term_master);
	handle(SIGTTIN, on_more);
	say_ready(atoi(argv[2]));
	oversee(listener, (unsigned int)atoi(argv[3]));
	say("exiting", "\"code\":0");
	truth_flush();
	return 0;
}
