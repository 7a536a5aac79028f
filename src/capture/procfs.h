/* SPDX-License-Identifier: GPL-2.0-only */
/* What /proc says of a process. All of it may be gone at any moment, and be anything. */
#ifndef SHUTWATCH_PROCFS_H
#define SHUTWATCH_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/model/host.h"

/*
 * The path of the program that runs as `pid`, NUL-terminated, cut to `size`; " (deleted)" is
 * removed. Returns 0 or -errno (-ENOENT: gone, or a kernel thread).
 */
int procfs_exe(uint32_t pid, char *ret_path, size_t size);

/* The pid of its parent; 0: unknown. */
uint32_t procfs_parent(uint32_t pid);

/* Its name, NUL-terminated, cut to `size`. Returns 0 or -errno. */
int procfs_comm(uint32_t pid, char *ret_comm, size_t size);

/* Does it have children now? True also where the kernel does not tell. */
bool procfs_has_children(uint32_t pid);

/*
 * Its arguments as they are: each ends with a NUL, as does ret_bytes; cut to `size`. Returns how
 * many bytes there are, or -errno (-ENOENT: gone, or a kernel thread).
 */
ssize_t procfs_command_line(uint32_t pid, char *ret_bytes, size_t size);

/*
 * Its arguments, with blanks between them, NUL-terminated, cut to `size`; a process may have
 * rewritten them. Returns 0 or -errno (-ENOENT: gone, or a kernel thread).
 */
int procfs_arguments(uint32_t pid, char *ret_text, size_t size);

/*
 * The cgroup path of the process, as cgroup_pick() picks it. Returns 0 or -errno (-ENOENT and
 * -ESRCH: gone). "/" when it is in none.
 */
int procfs_cgroup(uint32_t pid, char *ret_path, size_t size);

/* The number of our own network namespace; 0: unknown. */
uint32_t procfs_own_netns(void);

/* The network namespace of the process, as an open file. Returns a descriptor or -errno. */
int procfs_open_netns(uint32_t pid);

/* The same by its number. -ENOENT: no process is in it. */
int procfs_find_netns(uint32_t inum);

/* Name, boot id and kernel of this machine; what cannot be read stays empty. */
void procfs_host(struct host *ret_host);

#endif
