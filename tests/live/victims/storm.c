/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * storm COUNT: after a line on stdin that many processes without sockets come and go, BATCH at a
 * time: of each three, one ends well, one ends badly, one gets TERM.
 */
#include "victim.h"

#include <sys/wait.h>

#define BATCH 50

static void live_shortly(int number)
{
	if (number % 3 == 2)
		raise(SIGTERM);
	_exit(number % 3);
}

static void start(int number)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0)
		live_shortly(number);
}

int main(int argc, char **argv)
{
	int count, done = 0;

	if (argc != 2)
		return 2;
	count = atoi(argv[1]);
	say_ready(0);
	getchar();
	for (int i = 0; i < count; i++) {
		if (i - done >= BATCH && wait(NULL) > 0)
			done++;
		start(i);
	}
	while (wait(NULL) > 0)
		done++;
	say("over", "\"processes\":%d", done);
	truth_flush();
	getchar();
	return 0;
}
