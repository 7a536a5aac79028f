// SPDX-License-Identifier: GPL-2.0-only
/*
 * Iterators that user space runs: who is there, what they hold, what waits, what is left. Each
 * writes events (events.h) to its seq file, so that nothing can overflow. The shutdown they work
 * on is in `target`.
 */
#include "connection.bpf.h"
#include "listener.bpf.h"
#include "look.bpf.h"
#include "process.bpf.h"

/*
 * Iter:  task. All processes, for grouping them into services.
 * Emits: EVENT_PROCESS per process; header.service is 0 for those that are not watched.
 */
SEC("iter/task")
int list_processes(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct event_process event = {};
	struct process_id id;
	struct member *member;
	u64 service;

	if (!task || task->pid != task->tgid)
		return 0;
	id = process_id_of(task);
	member = member_find(&id);
	service = member ? member->service : 0;
	if (target.service && service != target.service)
		return 0;
	process_describe(&event, task, service, target.service ? target.generation : 0);
	/* A wrapper may have died meanwhile, and what it started has another parent by now. */
	if (member && member_find(&member->parent))
		event.parent = member->parent;
	bpf_seq_write(ctx->meta->seq, &event, sizeof(event));
	return 0;
}

static __always_inline bool is_stream_listener(const struct sock *sk)
{
	u8 state = sk->__sk_common.skc_state;

	return state == TCP_LISTEN && sk->sk_type == SOCK_STREAM;
}

static __always_inline void write_listener(struct seq_file *seq, struct sock *sk,
					   const struct process_id *id, u64 service, u64 generation)
{
	struct event_listener event = {};
	struct listener_key key = {};

	header_init(&event.header, EVENT_LISTENER, sizeof(event), bpf_ktime_get_boot_ns(), service,
		    generation);
	event.process = *id;
	event.cookie = bpf_get_socket_cookie(sk);
	event.family = sk->__sk_common.skc_family;
	event.netns = sk->__sk_common.skc_net.net->ns.inum;
	event.queued = listener_queued(sk);
	event.change = LISTENER_LISTED;
	if (event.family != AF_UNIX) {
		connection_local(sk, &key);
		__builtin_memcpy(event.address, key.address, ADDRESS_BYTES);
		event.port = key.port;
	}
	bpf_seq_write(seq, &event, sizeof(event));
}

static __always_inline struct sock *stream_socket_of(struct file *file)
{
	struct socket *socket = bpf_sock_from_file(file);
	struct sock *sk = socket ? socket->sk : NULL;
	u16 family;

	if (!sk)
		return NULL;
	family = sk->__sk_common.skc_family;
	if (family == AF_UNIX)
		return sk->sk_type == SOCK_STREAM ? sk : NULL;
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	if (sk->sk_protocol == IPPROTO_MPTCP) /* of its connections only TCP ones are read */
		return is_stream_listener(sk) ? sk : NULL;
	return sk->sk_protocol == IPPROTO_TCP ? sk : NULL;
}

/*
 * Iter:  task_file, of one process or of all. Who listens, for the seeding.
 * Emits: EVENT_LISTENER per descriptor of a listening stream socket.
 */
SEC("iter/task_file")
int list_listeners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct process_id id;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = stream_socket_of(file);
	if (sk)
		look_at(task, ctx->fd, file, sk);
	if (!sk || !is_stream_listener(sk))
		return 0;
	id = process_id_of(task);
	write_listener(ctx->meta->seq, sk, &id, 0, 0);
	return 0;
}

static __always_inline bool is_open(const struct sock *sk)
{
	switch (sk->__sk_common.skc_state) {
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
	case TCP_FIN_WAIT1: /* half closed: still in a process's hands */
	case TCP_FIN_WAIT2:
		return true;
	default:
		return false;
	}
}

/*
 * Iter:  task_file, of all processes. What is open now, for the audit; nothing is tagged.
 * Emits: EVENT_CONNECTION per descriptor of a TCP connection, as it would be at a T0 of now.
 */
SEC("iter/task_file")
int list_connections(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct event_connection event = {};
	struct file *file = ctx->file;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = stream_socket_of(file);
	if (!sk || sk->__sk_common.skc_family == AF_UNIX || !is_open(sk))
		return 0;
	if (!connection_describe(sk, &event))
		return 0;
	event.process = process_id_of(task);
	bpf_seq_write(ctx->meta->seq, &event, sizeof(event));
	return 0;
}

/* Its entry may have had to make room for another one: arrivals looked like our own doing. */
static __always_inline void enter_again(const struct sock *sk)
{
	struct listener_key key = {};

	connection_local(sk, &key);
	if (listener_find(&key))
		return;
	loss_count(LOSS_LISTENERS_FULL);
	connection_local(sk, &key);
	listener_opened(&key, target.service);
}

/*
 * Iter:  task_file, of one member of the target.
 * Emits: EVENT_LISTENER per listening socket. Tags listeners and connections; these are told
 *        when they leave.
 */
SEC("iter/task_file")
int tag_sockets(struct bpf_iter__task_file *ctx)
{
	struct sighting sighting = { .has_baseline = true };
	struct task_struct *task = ctx->task;
	struct listener_tag tag = {};
	struct file *file = ctx->file;
	struct process_id id;
	struct member *member;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = stream_socket_of(file);
	if (!sk)
		return 0;
	look_at(task, ctx->fd, file, sk);
	id = process_id_of(task);
	member = member_find(&id);
	if (!member || member->service != target.service)
		return 0;
	if (is_stream_listener(sk)) {
		tag.service = target.service;
		tag.generation = target.generation;
		if (sk->__sk_common.skc_family != AF_UNIX) {
			listener_tag_set(sk, &tag);
			enter_again(sk);
		}
		write_listener(ctx->meta->seq, sk, &id, target.service, target.generation);
	} else if (sk->__sk_common.skc_family != AF_UNIX && is_open(sk)) {
		sighting.service = target.service;
		sighting.generation = target.generation;
		sighting.owner = id;
		connection_see(sk, &sighting);
	}
	return 0;
}

/*
 * Iter:  tcp, in one network namespace. Tags what waits in the accept queues of all services whose
 *        snapshot is being taken, and what was accepted while tag_sockets ran: one pass does for
 *        all of them, since on a busy host it goes through many sockets.
 * Emits: nothing.
 */
SEC("iter/tcp")
int tag_queued(struct bpf_iter__tcp *ctx)
{
	struct sighting sighting = { .has_baseline = true };
	struct sock_common *common = ctx->sk_common;
	struct service_state *state;
	struct listener_entry *entry;
	struct listener_key key = {};
	struct tcp_sock *tp;
	struct sock *sk;
	u8 status;

	if (!common)
		return 0;
	status = common->skc_state;
	if (status != TCP_ESTABLISHED && status != TCP_CLOSE_WAIT)
		return 0; /* most of a table may be in TIME_WAIT */
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp)
		return 0;
	sk = (struct sock *)tp;
	connection_local(sk, &key);
	entry = listener_find(&key);
	if (!entry || entry->is_shared)
		return 0;
	sighting.service = entry->service;
	state = service_find(sighting.service);
	if (!state || state->flags & SERVICE_SNAPSHOT_DONE)
		return 0;
	sighting.generation = state->generation;
	if (!sighting.generation)
		return 0;
	if (!sk->sk_socket)
		sighting.at_signal = AT_SIGNAL_QUEUED;
	connection_see(sk, &sighting);
	return 0;
}

/* Syscall program: what is seen for the first time from now on was not open at T0. */
SEC("syscall")
int end_snapshot(void *ctx)
{
	struct service_state *state = service_find(target.service);

	if (!state || state->generation != target.generation)
		return 1;
	__sync_fetch_and_or(&state->flags, SERVICE_SNAPSHOT_DONE);
	return 0;
}

/* What became of a tagged connection that has not left, if it is of the target. */
static __always_inline void leave_left_over(struct seq_file *seq, struct sock *sk)
{
	struct connection_tag *tag = connection_tag_find(sk);
	struct departure departure = {};
	struct event_connection event = {};

	if (!tag || tag->service != target.service || tag->generation != target.generation)
		return;
	if (sk->__sk_common.skc_state == TCP_CLOSE) {
		departure.closed_by = CLOSED_BY_PEER;
		departure.error = socket_error_of(sk);
		if (!departure.error)
			departure.error = ERROR_PEER_RESET;
		if (departure.error == ERROR_TIMED_OUT)
			departure.closed_by = CLOSED_BY_KERNEL;
	} else {
		departure.outcome = target.leftover;
	}
	if (connection_leave(sk, tag, &departure, &event))
		bpf_seq_write(seq, &event, sizeof(event));
}

/*
 * Iter:  tcp, in the network namespaces of the target's listeners. Before a record is made, what
 *        is left is told: in queues, and in the hands of whomever.
 * Emits: EVENT_CONNECTION per connection of the target that has not left: `target.leftover` says
 *        what became of it.
 */
SEC("iter/tcp")
int reconcile_table(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tcp_sock *tp = NULL;

	if (common && common->skc_state != TCP_TIME_WAIT && common->skc_state != TCP_LISTEN)
		tp = bpf_skc_to_tcp_sock(common);
	if (tp)
		leave_left_over(ctx->meta->seq, (struct sock *)tp);
	return 0;
}

/*
 * Iter:  task_file, of all processes. The same for what is in somebody's hands: in any network
 *        namespace, and also what is closed, if its transition was lost to a nested run.
 * Emits: as above.
 */
SEC("iter/task_file")
int reconcile_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct sock *sk;

	if (!task || !file)
		return 0;
	sk = stream_socket_of(file);
	if (!sk)
		return 0;
	look_at(task, ctx->fd, file, sk);
	leave_left_over(ctx->meta->seq, sk);
	return 0;
}

/*
 * Syscall program: the record of the shutdown in `target` is about to be made. Says in `target`
 * whether there is anything to reconcile: to look for it goes through all sockets, or all files.
 */
SEC("syscall")
int freeze_shutdown(void *ctx)
{
	struct service_state *state = service_find(target.service);

	if (!state || state->generation != target.generation)
		return 1;
	__sync_fetch_and_or(&state->flags, SERVICE_FROZEN);
	if (state->flags & SERVICE_UNCOUNTED || counts_staying(target.generation))
		target.flags |= SOME_STAY;
	return 0;
}

/*
 * Syscall program: the shutdown in `target` is over. Disarms the service in the kernel, where no
 * new signal can slip in between.
 */
SEC("syscall")
int end_shutdown(void *ctx)
{
	struct service_state *state = service_find(target.service);
	u64 generation = target.generation;

	if (!state || !generation || state->generation != generation)
		return 1;
	__sync_fetch_and_and(&state->flags, SERVICE_MULTIPLEXED);
	if (__sync_val_compare_and_swap(&state->generation, generation, 0) != generation)
		return 1;
	__sync_fetch_and_add(&shared.armed_services, -1);
	members_forgive(target.service);
	return 0;
}

/*
 * Syscall program: nobody asks for the service in `target`. Leaves the generation that a stop had
 * armed it with, or 0, in `target`; once this has run, no other can follow.
 */
SEC("syscall")
int remove_service(void *ctx)
{
	u64 service = target.service;
	struct service_state *state = service_find(service);
	u64 generation;

	if (!state)
		return 1;
	__sync_fetch_and_or(&state->flags, SERVICE_REMOVED);
	generation = state->generation;
	if (generation &&
	    __sync_val_compare_and_swap(&state->generation, generation, 0) == generation)
		__sync_fetch_and_add(&shared.armed_services, -1);
	target.generation = generation;
	service_delete(service);
	return 0;
}

/* Syscall program: what the configuration says of the service in `target`. */
SEC("syscall")
int configure_service(void *ctx)
{
	struct service_state *state = service_find(target.service);

	if (!state)
		return 1;
	/* First: a signal must not find the one without the other. */
	__sync_fetch_and_or(&shared.harmless_stops, (u32)target.stop_signals);
	state->stop_signals = target.stop_signals;
	if (target.flags & SERVICE_MULTIPLEXED)
		__sync_fetch_and_or(&state->flags, SERVICE_MULTIPLEXED);
	else
		__sync_fetch_and_and(&state->flags, ~SERVICE_MULTIPLEXED);
	return 0;
}
