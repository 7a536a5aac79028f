// SPDX-License-Identifier: GPL-2.0-only
/* Processes: the members of a service, their children and their ends. */
#include "compat.bpf.h"
#include "core.bpf.h"
#include "look.bpf.h"
#include "process.bpf.h"

/* What wait(2) will say of the process whose last thread is `task`. */
static __always_inline u32 status_of(struct task_struct *task)
{
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(task, signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

static __always_inline void tell_exit(struct task_struct *task, const struct process_id *id,
				      u64 now_ns, u64 service, u64 generation, u32 flags)
{
	struct event_exit event = {};
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	header_init(&event.header, EVENT_EXIT, sizeof(event), now_ns, service, generation);
	event.process = *id;
	event.parent = process_id_of(BPF_CORE_READ(leader, real_parent));
	event.ns_pid = process_ns_pid(leader);
	event.status = status_of(task);
	event.flags = flags;
	bpf_core_read(event.comm, COMM_BYTES, &leader->comm);
	event_emit(&event, sizeof(event));
}

/*
 * Hook:    tp_btf/sched_process_exit
 * Kernel:  since 5.5; (task), since 6.16 (task, group_dead): not read, signal->live says the same.
 * Context: each thread that ends, before its files are closed.
 * Emits:   EVENT_EXIT once a process of a stopping service has lost its last thread. A member
 *          that ends without a stop signal and has no parent in its service arms the service.
 * Rate:    every thread end on the host; strangers leave after two loads.
 * Caveats: sockets are closed after this event, about a millisecond later. Two threads may both
 *          see live == 0: the first one to mark the member speaks.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_process_exit, struct task_struct *task)
{
	struct process_id id;
	struct service_state *state;
	struct member *member;
	u64 now_ns;
	u32 flags = 0;

	if (is_stranger(task->tgid) || !is_last_thread(task) || is_retired())
		return 0;
	id = process_id_at_hook(task);
	member = member_find(&id);
	if (!member)
		return 0;
	look_at_end(task);
	if (__sync_fetch_and_or(&member->flags, MEMBER_EXITING) & MEMBER_EXITING)
		return 0;
	state = service_find(member->service);
	if (!state) {
		member_remove(&id);
		return 0;
	}
	if (member_is_root(task, member->service))
		flags |= member->flags & MEMBER_FORKED ? EXIT_OF_ROOT | EXIT_OF_ORPHAN
						       : EXIT_OF_ROOT;
	if (!state->generation && !(flags & EXIT_OF_ROOT)) {
		member_remove(&id); /* a child came and went: no shutdown */
		return 0;
	}
	now_ns = bpf_ktime_get_boot_ns();
	/* Whom it did not tell to stop, nobody will: they live on, and serve. */
	if (flags & EXIT_OF_ROOT)
		__sync_fetch_and_and(&state->flags, ~SERVICE_WHOLE);
	if (!state->generation && service_arm(state, now_ns))
		flags |= EXIT_ARMED;
	if (!state->generation) {
		member_remove(&id); /* its service is being removed */
		return 0;
	}
	if (BPF_CORE_READ(task, signal, oom_mm))
		flags |= EXIT_OOM_VICTIM;
	tell_exit(task, &id, now_ns, member->service, state->generation, flags);
	return 0;
}

/*
 * Hook:    tp_btf/sched_process_fork
 * Kernel:  since 5.5; (parent, child).
 * Context: the parent.
 * Emits:   EVENT_PROCESS for children of a stopping service.
 * Rate:    every fork and new thread on the host; strangers leave after two loads.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct process_id parent_id, id;
	struct service_state *state;
	struct member *member;
	u64 service;
	int err;

	if (is_stranger(parent->tgid) || child->pid != child->tgid || is_retired())
		return 0;
	parent_id = process_id_at_hook(parent);
	member = member_find(&parent_id);
	if (!member)
		return 0;
	service = member->service;
	state = service_find(service);
	if (!state)
		return 0;
	id = process_id_of(child);
	err = member_add(&id, &parent_id, service, MEMBER_FORKED);
	if (err && err != -EEXIST) {
		__sync_fetch_and_or(&state->flags, SERVICE_SHORT);
		return 0; /* its end would not be told, and be waited for */
	}
	if (state->generation) {
		struct event_process event = {};

		process_describe(&event, child, service, state->generation);
		event.flags |= PROCESS_FORKED;
		event_emit(&event, sizeof(event));
	}
	return 0;
}
