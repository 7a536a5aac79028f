/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory on bpffs in which the maps and the links of the programs outlive the process:
 *
 *	DIR/vN/maps/NAME		N: MAPS_VERSION
 *	DIR/vN/links/INSTANCE-PROGRAM
 */
#ifndef SHUTWATCH_PINS_H
#define SHUTWATCH_PINS_H

#include <stdint.h>

#include "bpf/maps.h"

struct bpf_object;
struct bpf_object_skeleton;

#define PINS_PATH "/sys/fs/bpf/shutwatch"

/*
 * Mounts bpffs where it is missing, makes the directories, and locks them for as long as the
 * descriptor is open. Returns it; -EBUSY: another process holds them; else -errno; after a log
 * line.
 */
int pins_prepare(const char *dir);

/* Before loading: every map that is to last takes the pinned one, or gets pinned. 0 or -errno. */
int pins_use_maps(const char *dir, struct bpf_object *object);

/* After attaching. 0, or -errno after a log line. */
int pins_add_links(const char *dir, struct bpf_object_skeleton *skeleton, uint64_t instance);

/*
 * Lets all other instances go, of this layout and of others. Their nested runs are added to
 * `nested` (by cause).
 */
void pins_drop_others(const char *dir, uint64_t instance, __u64 nested[LOSS_CAUSES]);

/*
 * Removes everything: nothing of ours stays in the kernel. 0; -ENOENT: nothing was there; -EBUSY:
 * a process holds the pins; else -errno.
 */
int pins_remove(const char *dir);

#endif
