// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks for what the counts say has not left. Usually that is nothing, and nobody looks. Else it is
 * in the kernel's table of sockets, where the service listened: in a queue, or in the hands of
 * whomever. What is not there, in another namespace or closed and not told, is somebody's file.
 */
#include "src/capture/reconcile.h"

#include <errno.h>

#include "src/base/cleanup.h"
#include "src/capture/procfs.h"

static bool is_visited(const struct shutdown *shutdown, size_t listener)
{
	size_t i;

	for (i = 0; i < listener; i++) {
		if (shutdown->listeners[i].netns == shutdown->listeners[listener].netns)
			return true;
	}
	return false;
}

static int reconcile_tables(struct probe *probe, const struct shutdown *shutdown,
			    const struct target *target)
{
	uint32_t own = procfs_own_netns();
	size_t i;
	int err = 0;

	for (i = 0; !err && i < shutdown->n_listeners; i++) {
		uint32_t inum = shutdown->listeners[i].netns;
		_cleanup_close_ int netns = -1;

		if (!inum || is_visited(shutdown, i))
			continue;
		if (inum != own) {
			netns = procfs_find_netns(inum);
			if (netns < 0)
				continue; /* nobody is left there who could accept */
		}
		err = probe_reconcile_table(probe, target, netns);
	}
	return err;
}

int reconcile(struct probe *probe, const struct shutdown *shutdown, const struct target *target)
{
	bool has_left;
	int err = probe_freeze(probe, target, &has_left);

	if (err == -ENOENT)
		return 0; /* disarmed: a collector before us had done it */
	if (err || has_left)
		return err;
	err = reconcile_tables(probe, shutdown, target);
	if (!err)
		err = probe_freeze(probe, target, &has_left);
	return err || has_left ? err : probe_reconcile_files(probe, target);
}
