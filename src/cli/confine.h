/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a daemon that works keeps of root. The order at start-up: load the BPF programs,
 * confine_capabilities(), start threads, confine_syscalls(). Neither can be undone.
 */
#ifndef SHUTWATCH_CONFINE_H
#define SHUTWATCH_CONFINE_H

/*
 * Leaves CAP_SYS_ADMIN and CAP_SYS_PTRACE to this thread and to those that it will start (not to
 * others: capset(2) is per thread), and no way to gain more: bounding set, no_new_privs. Ports
 * below 1024 must be bound before. Returns 0, or -errno after a line in the log.
 */
int confine_capabilities(void);

/*
 * Leaves to all threads the system calls that tracing, store and HTTP take. Any other fails with
 * EPERM and a line in the kernel's log; those that only an attacker would make kill the process
 * (SIGSYS). Returns 0, or -errno after a line in the log.
 */
int confine_syscalls(void);

#endif
