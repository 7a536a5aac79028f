// SPDX-License-Identifier: GPL-2.0-only
/* Signals: who told a service to stop, and how it was taken. The stop signal arms the service. */
#include "core.bpf.h"

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGKILL 9
#define SIGTERM 15
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGWINCH 28

#define SIGNAL_BIT(signal) (1ULL << ((signal)-1))
#define STOP_SIGNALS                                                                               \
	(SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGKILL))
/* By default these end no process (signal(7)). */
#define HARMLESS_SIGNALS                                                                           \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) |   \
	 SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

/* include/linux/signal_types.h: not pointers */
#define SEND_SIG_NOINFO 0UL
#define SEND_SIG_PRIV 1UL

static __always_inline void *handler_of(struct task_struct *task, int sig)
{
	struct sighand_struct *sighand = BPF_CORE_READ(task, sighand);
	u64 at = (u64)sighand + bpf_core_field_offset(struct sighand_struct, action) +
		 (u64)(sig - 1) * bpf_core_type_size(struct k_sigaction) +
		 bpf_core_field_offset(struct k_sigaction, sa) +
		 bpf_core_field_offset(struct sigaction, sa_handler);
	void *handler = NULL;

	bpf_probe_read_kernel(&handler, sizeof(handler), (void *)at);
	return handler;
}

/* A thread in sigwait() has the signal taken out of `blocked`, not out of `real_blocked`. */
static __always_inline bool is_blocked(struct task_struct *task, int sig)
{
	u64 mask = BPF_CORE_READ(task, blocked.sig[0]) | BPF_CORE_READ(task, real_blocked.sig[0]);

	return sig != SIGKILL && (mask & SIGNAL_BIT(sig));
}

static __always_inline enum disposition disposition_of(struct task_struct *task, int sig)
{
	u64 handler = (u64)handler_of(task, sig);

	if (is_blocked(task, sig))
		return DISPOSITION_BLOCKED;
	if (handler == 0)
		return DISPOSITION_DEFAULT;
	return handler == 1 ? DISPOSITION_IGNORED : DISPOSITION_HANDLER;
}

/* A stop signal always counts; any other one only if it ends the process by default. */
static __always_inline bool is_stop(int sig, u64 more_signals, u8 disposition, int result)
{
	if (SIGNAL_BIT(sig) & (STOP_SIGNALS | more_signals))
		return true;
	return disposition == DISPOSITION_DEFAULT && result != SIGNAL_IGNORED;
}

static __always_inline int code_of(struct kernel_siginfo *info)
{
	if ((u64)info == SEND_SIG_NOINFO)
		return 0; /* SI_USER */
	if ((u64)info == SEND_SIG_PRIV)
		return 0x80; /* SI_KERNEL */
	return BPF_CORE_READ(info, si_code);
}

static __always_inline void describe_sender(struct event_signal *event)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int i;

	event->sender = process_id_of(task);
	event->sender_uid = BPF_CORE_READ(task, cred, uid.val);
	for (i = 0; i < ANCESTRY_MAX; i++) {
		task = BPF_CORE_READ(task, group_leader);
		bpf_core_read(event->ancestry[i], COMM_BYTES, &task->comm);
		event->ancestors = i + 1;
		if (BPF_CORE_READ(task, tgid) <= 1)
			break;
		task = BPF_CORE_READ(task, real_parent);
	}
}

static __always_inline void describe_target(struct event_signal *event, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	event->target_tid = BPF_CORE_READ(task, pid);
	bpf_core_read(event->target_comm, COMM_BYTES, &leader->comm);
}

/* To shutwatch itself, which passes it on: told for the sake of the sender. */
static __noinline int tell_forwarder(struct event_signal *event, struct task_struct *task)
{
	event->flags |= SIGNAL_TO_FORWARDER;
	describe_sender(event);
	describe_target(event, task);
	event_emit(event, sizeof(*event));
	return 0;
}

/*
 * A service that ends a helper program of its own (a time-out, a broken pipe) is not stopping. A
 * worker, forked and never exec()ed, is another matter.
 */
static __always_inline bool is_housekeeping(struct task_struct *task, u64 service)
{
	struct process_id sender = process_id_current();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct member *from = member_find(&sender);

	if (!from || from->service != service || member_is_root(task, service))
		return false;
	return BPF_CORE_READ(leader, self_exec_id) != BPF_CORE_READ(leader, parent_exec_id);
}

/* Marks the target, arms the service, and says of which kind this signal is. */
static __always_inline u32 arm_by_signal(struct service_state *state, struct member *member,
					 struct task_struct *task, struct event_signal *event)
{
	bool is_root = member_is_root(task, member->service);
	u32 flags = is_root ? SIGNAL_TO_ROOT : 0;

	if (event->result != SIGNAL_IGNORED) {
		__sync_fetch_and_or(&member->flags, MEMBER_SIGNALLED);
		if (is_root)
			__sync_fetch_and_or(&state->flags, SERVICE_WHOLE);
	}
	if (!state->generation && service_arm(state, event->header.at_ns))
		flags |= SIGNAL_ARMED;
	if (state->flags & SERVICE_WHOLE)
		flags |= SIGNAL_WHOLE_SERVICE;
	return flags;
}

/* Of a member, or (member is NULL) of shutwatch itself, which passes it on. */
static __always_inline int take_signal(int sig, struct kernel_siginfo *info,
				       struct task_struct *task, int result,
				       const struct process_id *target, struct member *member)
{
	struct service_state *state = member ? service_find(member->service) : NULL;
	struct event_signal event = {};
	struct member *from;

	if (member && !state)
		return 0;
	if (SIGNAL_BIT(sig) & HARMLESS_SIGNALS & ~(state ? state->stop_signals : 0))
		return 0;

	header_init(&event.header, EVENT_SIGNAL, sizeof(event), bpf_ktime_get_boot_ns(), 0, 0);
	event.target = *target;
	event.signal = sig;
	event.result = result;
	event.disposition = disposition_of(task, sig);
	event.code = code_of(info);
	if (event.code > 0)
		event.flags |= SIGNAL_FROM_KERNEL;
	if (!member)
		return tell_forwarder(&event, task);
	if (!is_stop(sig, state->stop_signals, event.disposition, result))
		return 0;
	if (!state->generation && is_housekeeping(task, member->service))
		return 0;
	event.flags |= arm_by_signal(state, member, task, &event);
	event.header.service = member->service;
	event.header.generation = state->generation;
	describe_sender(&event);
	describe_target(&event, task);
	from = member_find(&event.sender);
	if (from && from->service == member->service)
		event.flags |= SIGNAL_FROM_MEMBER;
	event_emit(&event, sizeof(event));
	return 0;
}

/*
 * Hook:    tp_btf/signal_generate
 * Kernel:  since 5.5; (sig, info, task, group, result). info may be 0 or 1 instead of a pointer.
 * Context: the sender, or a bystander when the kernel itself sends; siglock held, interrupts off.
 * Emits:   EVENT_SIGNAL for signals that stop a member; nothing for anybody else.
 * Rate:    every signal on the host; the harmless ones (SIGCHLD, a Go runtime's SIGURG) leave
 *          after one load, those to strangers after two more.
 * Caveats: a fatal default is delivered as SIGKILL later on: only this hook knows the killer.
 */
SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal_generate, int sig, struct kernel_siginfo *info, struct task_struct *task,
	     int group, int result)
{
	struct process_id target;
	struct member *member;
	bool is_to_forwarder;

	if (sig < 1 || sig > SIGNAL_MAX ||
	    SIGNAL_BIT(sig) & HARMLESS_SIGNALS & ~(u64)shared.harmless_stops)
		return 0;
	is_to_forwarder = forwarder_tgid && (u32)task->tgid == forwarder_tgid;
	if ((is_stranger(task->tgid) && !is_to_forwarder) || is_retired())
		return 0;
	target = process_id_at_hook(task);
	member = member_find(&target);
	if (!member && !is_to_forwarder)
		return 0;
	return take_signal(sig, info, task, result, &target, member);
}

/* Something is stopping: is it this process, and by this signal? */
static __noinline int take_delivery(int sig)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event_delivered event = {};
	struct service_state *state;
	struct member *member;

	event.process = process_id_of(task);
	member = member_find(&event.process);
	state = member ? service_find(member->service) : NULL;
	if (!state || !state->generation)
		return 0;
	if (!(SIGNAL_BIT(sig) & (STOP_SIGNALS | state->stop_signals)))
		return 0;
	header_init(&event.header, EVENT_DELIVERED, sizeof(event), bpf_ktime_get_boot_ns(),
		    member->service, state->generation);
	event.tid = BPF_CORE_READ(task, pid);
	event.signal = sig;
	event_emit(&event, sizeof(event));
	return 0;
}

/*
 * Hook:    tp_btf/signal_deliver
 * Kernel:  since 5.5; (sig, info, k_sigaction).
 * Context: the receiver, on its way back to user space.
 * Emits:   EVENT_DELIVERED when a handler of a member of a stopping service is about to run.
 * Rate:    every delivered signal on the host; leaves after one load unless something stops.
 * Caveats: silent for blocked signals (sigwait, signalfd) and for default dispositions.
 */
SEC("tp_btf/signal_deliver")
int BPF_PROG(on_signal_deliver, int sig, struct kernel_siginfo *info, struct k_sigaction *ka)
{
	if (!shared.armed_services || is_retired() || sig < 1 || sig > SIGNAL_MAX ||
	    (u64)ka->sa.sa_handler <= 1 || is_stranger(bpf_get_current_pid_tgid() >> 32))
		return 0;
	return take_delivery(sig);
}
