// SPDX-License-Identifier: GPL-2.0-only
/* Attaches the programs of empty.bpf.c, prints "ready", and holds them until stdin ends. */
#include <stdio.h>

#include "empty.skel.h"

int main(void)
{
	struct empty_bpf *skeleton = empty_bpf__open_and_load();

	if (!skeleton || empty_bpf__attach(skeleton)) {
		perror("bench-empty");
		empty_bpf__destroy(skeleton);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
	empty_bpf__destroy(skeleton);
	return 0;
}
