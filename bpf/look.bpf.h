/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that an iterator of ours shows now. It holds it until it goes on, so that what the
 * application closes meanwhile is closed by us, maybe when the application has begun to end: who
 * closed it, the exit or the application before that, only its descriptors tell, while they are
 * there.
 */
#ifndef SHUTWATCH_LOOK_BPF_H
#define SHUTWATCH_LOOK_BPF_H

#include "core.bpf.h"
#include "vmlinux_waits.h"

/* Of the one thread that looks. */
extern struct look look;

/* From the program of an iterator: now it holds this file. */
static __always_inline void look_at(struct task_struct *task, u32 fd, struct file *file,
				    struct sock *sk)
{
	look.turn++;
	barrier();
	look.file = (u64)file;
	look.sk = (u64)sk;
	look.fd = fd;
	look.tgid = task->tgid;
	look.is_closed = 0;
	barrier();
	look.turn++;
}

/* From the end of the last thread, before its files are closed and before it counts as ending. */
static __always_inline void look_at_end(struct task_struct *task)
{
	u32 turn = look.turn, fd = look.fd;
	u64 file = look.file, found = 0;
	struct file **files;

	if (look.tgid != (u32)task->tgid || turn & 1)
		return;
	files = BPF_CORE_READ(task, files, fdt, fd);
	bpf_probe_read_kernel(&found, sizeof(found), &files[fd]);
	if (found != file && look.turn == turn)
		look.is_closed = 1;
}

/* Has the application of that process closed what we let go of now? */
static __always_inline bool look_is_closed(const struct sock *sk, const struct process_id *owner)
{
	return (u32)(bpf_get_current_pid_tgid() >> 32) == collector_tgid && look.is_closed &&
	       look.sk == (u64)sk && look.tgid == owner->tgid;
}

#endif
