/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces, each of which is to be gone through once. */
#ifndef SHUTWATCH_NAMESPACES_H
#define SHUTWATCH_NAMESPACES_H

#include <stddef.h>
#include <stdint.h>

struct namespaces {
	uint32_t *items;
	size_t count;
	size_t capacity;
};

/* Returns 1 if this number was not there and is now; 0: it was, or is 0 (unknown); -ENOMEM. */
int namespaces_add(struct namespaces *namespaces, uint32_t inum);
void namespaces_fini(struct namespaces *namespaces);

#endif
