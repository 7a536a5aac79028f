/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The descriptors that shutwatch was started with. They are meant for the command: as long as we
 * hold them too, a listening socket stays open when the command has ended, and whoever reads its
 * output waits.
 */
#ifndef SHUTWATCH_INHERITED_H
#define SHUTWATCH_INHERITED_H

#include <stddef.h>

struct inherited_fds {
	int *fds; /* above stderr */
	size_t count;
	size_t capacity;
};

/* Lists them; to be called before anything is opened. What cannot be listed is left alone. */
void inherited_list(struct inherited_fds *inherited);
/* Lets go of them, of stdin and of stdout, once the command has its own copies. Frees. */
void inherited_release(struct inherited_fds *inherited);

#endif
