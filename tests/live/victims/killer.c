/* SPDX-License-Identifier: GPL-2.0-only */
/* killer PID SIGNAL: another process that signals; negative PIDs are process groups. */
#include "victim.h"

int main(int argc, char **argv)
{
	uint64_t before;
	int result;

	if (argc != 3)
		return 2;
	before = now_ns();
	result = kill(atoi(argv[1]), atoi(argv[2]));
	say("killed", "\"before_ns\":%llu,\"after_ns\":%llu,\"result\":%d",
	    (unsigned long long)before, (unsigned long long)now_ns(), result);
	truth_flush();
	return result < 0;
}
