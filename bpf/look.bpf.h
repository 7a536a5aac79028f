/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that an iterator of ours shows. It holds each until it goes on, and what the
 * application closes meanwhile is closed by us, when our read() ends, maybe when the application
 * has begun to end: who closed it, the exit or the application before that, only its descriptors
 * tell, while they are there. So they are asked whenever the iterator goes on, and at the exit.
 */
#ifndef SHUTWATCH_LOOK_BPF_H
#define SHUTWATCH_LOOK_BPF_H

#include "core.bpf.h"
#include "vmlinux_waits.h"

/* Of the one thread that looks. */
extern struct look look;

static __always_inline void look_note_closed(u64 sk, u32 tgid)
{
	u32 slot = __sync_fetch_and_add(&look.n_closed, 1) & (LOOK_CLOSED_MAX - 1);

	look.closed[slot].sk = sk;
	look.closed[slot].tgid = tgid;
}

/* Has the application closed it? False as well once the exit has taken all its descriptors. */
static __always_inline bool look_is_gone(struct task_struct *task, u32 fd, u64 file)
{
	struct files_struct *table;
	struct file **files;
	u64 found = 0;

	if (!task)
		return false;
	table = BPF_CORE_READ(task, files);
	if (!table)
		return false;
	files = BPF_CORE_READ(table, fdt, fd);
	if (bpf_probe_read_kernel(&found, sizeof(found), &files[fd]))
		return false;
	return found != file;
}

/* From the program of an iterator: now it holds this file. */
static __always_inline void look_at(struct task_struct *task, u32 fd, struct file *file,
				    struct sock *sk)
{
	if (look.tgid == (u32)task->tgid && look_is_gone(task, look.fd, look.file))
		look_note_closed(look.sk, look.tgid);
	look.turn++;
	barrier();
	look.file = (u64)file;
	look.sk = (u64)sk;
	look.fd = fd;
	look.tgid = task->tgid;
	barrier();
	look.turn++;
}

/* From the end of the last thread, before its files are closed and before it counts as ending. */
static __always_inline void look_at_end(struct task_struct *task)
{
	u32 turn = look.turn, fd = look.fd;
	u64 file = look.file, sk = look.sk;

	if (look.tgid != (u32)task->tgid || turn & 1)
		return;
	if (look_is_gone(task, fd, file) && look.turn == turn)
		look_note_closed(sk, task->tgid);
}

/* Has the application of that process closed what we let go of now? */
static __always_inline bool look_is_closed(const struct sock *sk, const struct process_id *owner)
{
	u32 slot;

	if (!sk || !owner || (u32)(bpf_get_current_pid_tgid() >> 32) != collector_tgid)
		return false;
	for (slot = 0; slot < LOOK_CLOSED_MAX; slot++) {
		if (look.closed[slot].sk == (u64)sk && look.closed[slot].tgid == owner->tgid)
			return true;
	}
	return false;
}

#endif
