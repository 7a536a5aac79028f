/* SPDX-License-Identifier: GPL-2.0-only */
/* The system call in which a thread is: one helper per architecture. */
#ifndef SHUTWATCH_CALL_BPF_H
#define SHUTWATCH_CALL_BPF_H

#include "vmlinux_waits.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct call {
	s32 number; /* -1: none, or one of another ABI */
	u64 first;
	u64 second;
};

#if defined(__TARGET_ARCH_x86)
static __always_inline void call_read(struct task_struct *task, struct call *call)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);

	call->number = -1;
	if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)
		return;
	call->number = BPF_CORE_READ(regs, orig_ax);
	call->first = BPF_CORE_READ(regs, di);
	call->second = BPF_CORE_READ(regs, si);
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline void call_read(struct task_struct *task, struct call *call)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);

	call->number = -1;
	if (BPF_CORE_READ(task, thread_info.flags) & TIF_32BIT)
		return;
	call->number = BPF_CORE_READ(regs, syscallno);
	call->first = BPF_CORE_READ(regs, orig_x0);
	call->second = BPF_CORE_READ(regs, regs[1]);
}
#else
static __always_inline void call_read(struct task_struct *task, struct call *call)
{
	call->number = -1;
}
#endif

/*
 * Does it only look: through an iterator's descriptor, or at the links of /proc/PID/fd? Whatever
 * goes along such a path, or lists them, holds the file for an instant, and may be the last to let
 * go of it.
 */
static __always_inline bool call_is_look(const struct call *call)
{
	switch (call->number) {
#if defined(__TARGET_ARCH_x86)
	case 0:	  /* read */
	case 2:	  /* open */
	case 4:	  /* stat */
	case 6:	  /* lstat */
	case 17:  /* pread64 */
	case 21:  /* access */
	case 78:  /* getdents */
	case 89:  /* readlink */
	case 217: /* getdents64 */
	case 257: /* openat */
	case 262: /* newfstatat */
	case 267: /* readlinkat */
	case 269: /* faccessat */
	case 332: /* statx */
	case 437: /* openat2 */
	case 439: /* faccessat2 */
		return true;
#elif defined(__TARGET_ARCH_arm64)
	case 48:  /* faccessat */
	case 56:  /* openat */
	case 61:  /* getdents64 */
	case 63:  /* read */
	case 67:  /* pread64 */
	case 78:  /* readlinkat */
	case 79:  /* newfstatat */
	case 291: /* statx */
	case 437: /* openat2 */
	case 439: /* faccessat2 */
		return true;
#endif
	default:
		return false;
	}
}

#endif
