// SPDX-License-Identifier: GPL-2.0-only
/* Few of them: a list is as good as a table. */
#include "src/capture/namespaces.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"

int namespaces_add(struct namespaces *namespaces, uint32_t inum)
{
	size_t i;
	int err;

	for (i = 0; i < namespaces->count; i++) {
		if (namespaces->items[i] == inum)
			return 0;
	}
	if (!inum)
		return 0;
	err = array_reserve((void **)&namespaces->items, &namespaces->capacity, namespaces->count,
			    sizeof(*namespaces->items));
	if (err)
		return err;
	namespaces->items[namespaces->count++] = inum;
	return 1;
}

void namespaces_fini(struct namespaces *namespaces)
{
	free(namespaces->items);
	memset(namespaces, 0, sizeof(*namespaces));
}
