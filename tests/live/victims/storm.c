/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * storm COUNT: for each line on stdin that many processes without sockets come and go, BATCH at a
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

static void storm(int count)
{
	int done = 0;

	for (int i = 0; i < count; i++) {
		if (i - done >= BATCH && wait(NULL) > 0)
			done++;
		start(i);
	}
	while (wait(NULL) > 0)
		done++;
	say("over", "\"processes\":%d", done);
	truth_flush();
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	say_ready(0);
	while (getchar() == '\n')
		storm(atoi(argv[1]));
	return 0;
}
