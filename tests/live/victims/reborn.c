/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reborn COMM PORT PORT: two servers, one after the other, with the same pid.
 *
 * The second starts when the first has been waited for: clone3() with set_tid (Linux 5.5) asks for
 * the number that has just become free, where others wait until all pids were used once.
 */
#include "loop.h"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static uint64_t entered_ns;

static void on_term(int signal)
{
	(void)signal;
	entered_ns = now_ns();
	server_ask_to_stop();
}

static void serve(const char *comm, int port)
{
	struct sigaction action = { .sa_handler = on_term, .sa_flags = SA_RESTART };

	prctl(PR_SET_NAME, comm);
	if (sigaction(SIGTERM, &action, NULL) < 0)
		fail("set a signal handler");
	server_open(listen_on("127.0.0.1", port, 64));
	say("serving", "\"port\":%d", port);
	server_run();
	say_at(entered_ns, "signal", "\"signal\":%d,\"port\":%d", SIGTERM, port);
	say("exiting", "\"port\":%d", port);
	truth_flush();
	_exit(0);
}

/* As fork(), with a pid of our choice; 0: any. */
static pid_t fork_as(pid_t wanted)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = wanted ? (uintptr_t)&wanted : 0,
		.set_tid_size = wanted ? 1 : 0,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int main(int argc, char **argv)
{
	pid_t pid = 0;

	if (argc != 4)
		return 2;
	for (int i = 2; i < 4; i++) {
		pid = fork_as(pid);
		if (pid < 0)
			fail("fork");
		if (pid == 0)
			serve(argv[1], atoi(argv[i]));
		if (i == 2)
			say_ready(atoi(argv[i]));
		if (waitpid(pid, NULL, 0) != pid)
			fail("wait for a server");
		say("gone", "\"port\":%d", atoi(argv[i]));
		truth_flush();
	}
	return 0;
}
