/* SPDX-License-Identifier: GPL-2.0-only */
/* Growing arrays: pointer, count and capacity stand in the owner. */
#ifndef SHUTWATCH_ARRAY_H
#define SHUTWATCH_ARRAY_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* Makes room for one more item. Returns 0 or -ENOMEM; on failure nothing has changed. */
static inline int array_reserve(void **items, size_t *capacity, size_t count, size_t item_size)
{
	size_t wanted = *capacity ? *capacity * 2 : 8;
	void *grown;

	if (count < *capacity)
		return 0;
	if (wanted > SIZE_MAX / item_size)
		return -ENOMEM;
	grown = realloc(*items, wanted * item_size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*capacity = wanted;
	return 0;
}

#endif
