/* SPDX-License-Identifier: GPL-2.0-only */
/* How a process is described: shared by the fork hook and the snapshot. */
#ifndef SHUTWATCH_PROCESS_BPF_H
#define SHUTWATCH_PROCESS_BPF_H

#include "core.bpf.h"

/* Its pid in its innermost namespace; 0: unknown (it has been reaped). */
static __always_inline u32 process_ns_pid(struct task_struct *leader)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	u32 level = BPF_CORE_READ(pid, level);
	u64 at = (u64)pid + bpf_core_field_offset(struct pid, numbers) +
		 (u64)level * bpf_core_type_size(struct upid) +
		 bpf_core_field_offset(struct upid, nr);
	int nr = 0;

	if (pid)
		bpf_probe_read_kernel(&nr, sizeof(nr), (void *)at);
	return nr;
}

/* `event` is zeroed. service and generation are 0 when the process is not of a shutdown. */
static __always_inline void process_describe(struct event_process *event, struct task_struct *task,
					     u64 service, u64 generation)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	header_init(&event->header, EVENT_PROCESS, sizeof(*event), bpf_ktime_get_boot_ns(), service,
		    generation);
	event->process = process_id_of(task);
	event->parent = process_id_of(BPF_CORE_READ(leader, real_parent));
	event->ns_pid = process_ns_pid(leader);
	event->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	bpf_core_read(event->comm, COMM_BYTES, &leader->comm);
	if (service && member_is_root(task, service))
		event->flags |= PROCESS_ROOT;
	/* A zombie leader is no end while another thread lives. */
	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		event->flags |= PROCESS_ENDED;
}

#endif
