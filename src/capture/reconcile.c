// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks for what the counts say has not left. Usually that is nothing, and nobody looks. Else it is
 * in the kernel's table of sockets of a namespace where the service was: in a queue, or in the
 * hands of whomever. What is not there, in another namespace or closed and not told, is somebody's
 * file.
 */
#include "src/capture/reconcile.h"

#include <errno.h>

#include "src/base/cleanup.h"
#include "src/capture/namespaces.h"
#include "src/capture/procfs.h"

/* Returns 0 or -errno. */
static int reconcile_namespace(struct probe *probe, const struct target *target, uint32_t inum,
			       struct namespaces *done)
{
	_cleanup_close_ int netns = -1;
	int err = namespaces_add(done, inum);

	if (err <= 0)
		return err;
	netns = procfs_find_netns(inum);
	return netns < 0 ? 0 : probe_reconcile_table(probe, target, netns); /* nobody is there */
}

/* Ours, and those of its listeners and processes: it may have queues of which others have more. */
static int reconcile_tables(struct probe *probe, const struct shutdown *shutdown,
			    const struct target *target)
{
	struct namespaces done = {};
	size_t i;
	int err = namespaces_add(&done, procfs_own_netns());

	if (err >= 0)
		err = probe_reconcile_table(probe, target, -1);
	for (i = 0; !err && i < shutdown->n_listeners; i++)
		err = reconcile_namespace(probe, target, shutdown->listeners[i].netns, &done);
	for (i = 0; !err && i < shutdown->n_processes; i++)
		err = reconcile_namespace(probe, target, shutdown->processes[i].netns, &done);
	namespaces_fini(&done);
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
