// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the threads of a stopping service wait for: looked at now and then, not traced.
 *
 * Why a sampling iterator, and not sys_enter and sys_exit attached while something drains: those
 * run at every system call of every process on the host, of bystanders too; they have missed the
 * enter of a call in which a thread waits already when they are attached, which is the one that
 * matters; and they see no busy loop. Measured on 6.18 beside nginx with two workers and 100,000
 * requests a second: the two tracepoints, with one hash lookup for a stranger and a sum per call
 * for a member, took 6.5 % of a processor where nginx was a bystander and 8.5 % where it was the
 * one that drains; this program took 0.03 % for 10 threads and 0.5 % for 1,000, whatever they do.
 * tools/bench/waits measures it.
 */
#include "call.bpf.h"
#include "core.bpf.h"

#define PATH_NAME_BYTES 64 /* the longest name in a path; what is longer is cut */
#define PATH_DEPTH_MAX 64  /* names and mounts */

const volatile __u8 wait_calls[WAIT_CALLS_MAX];

/* Too large for the stack. The collector runs one iterator at a time. */
static struct wait_sample sample;

/* --- its object ----------------------------------------------------------------------------- */

/* NULL: not open, or just closed. */
static __always_inline struct file *file_of(struct task_struct *task, u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

struct walk {
	struct dentry *dentry;
	struct mount *mount;
	u32 at;
};

/* One step towards the root. Returns 1 at the end. */
static long add_name(u32 step, struct walk *walk)
{
	struct dentry *dentry = walk->dentry;
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	struct mount *mount = walk->mount;
	u32 at = walk->at;
	long got;

	if (dentry == parent || dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		walk->mount = BPF_CORE_READ(mount, mnt_parent);
		if (walk->mount == mount)
			return 1;
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		return 0;
	}
	if (at > WAIT_PATH_BYTES - PATH_NAME_BYTES) {
		sample.flags |= SAMPLE_CUT;
		return 1;
	}
	got = bpf_probe_read_kernel_str(sample.path + at, PATH_NAME_BYTES,
					BPF_CORE_READ(dentry, d_name.name));
	if (got <= 0)
		return 1;
	walk->at = at + got;
	walk->dentry = parent;
	return 0;
}

/* The names, innermost first, each with its NUL. As the host sees them: mounts are crossed. */
static __always_inline void path_read(struct file *file)
{
	struct vfsmount *mount = BPF_CORE_READ(file, f_path.mnt);
	struct walk walk = {
		.dentry = BPF_CORE_READ(file, f_path.dentry),
		.mount = (void *)mount - bpf_core_field_offset(struct mount, mnt),
	};

	bpf_loop(PATH_DEPTH_MAX, add_name, &walk, 0);
	sample.path_bytes = walk.at;
}

/* Files of no file system have one name: "[timerfd]", "[eventfd]", "inotify". */
static __always_inline void anonymous_read(struct file *file)
{
	long got = bpf_probe_read_kernel_str(sample.path, PATH_NAME_BYTES,
					     BPF_CORE_READ(file, f_path.dentry, d_name.name));

	sample.flags |= SAMPLE_ANONYMOUS;
	sample.path_bytes = got > 0 ? got : 0;
}

/* A bound socket is a listener, or the child of one, which has its name; a client's peer is. */
static __always_inline void unix_read(struct sock *sk)
{
	struct unix_sock *unix = (void *)sk;
	struct unix_address *name = BPF_CORE_READ(unix, addr);
	u32 length;

	if (name) {
		sample.flags |= SAMPLE_INBOUND;
	} else {
		unix = (void *)BPF_CORE_READ(unix, peer);
		name = BPF_CORE_READ(unix, addr);
	}
	length = name ? BPF_CORE_READ(name, len) : 0;
	length = length > 2 ? length - 2 : 0; /* the family */
	if (length > UNIX_PATH_BYTES)
		length = UNIX_PATH_BYTES;
	bpf_probe_read_kernel(sample.path, length,
			      (void *)name + bpf_core_field_offset(struct unix_address, name) + 2);
	sample.path_bytes = length;
}

static __always_inline void address_map(u8 address[ADDRESS_BYTES], u32 four)
{
	__builtin_memset(address, 0, ADDRESS_BYTES);
	address[10] = address[11] = 0xff;
	__builtin_memcpy(address + 12, &four, sizeof(four));
}

/* The peer; of a listener, where it listens. The end of ours tells the direction. */
static __always_inline void inet_read(struct sock *sk)
{
	bool is_listener = BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN;
	struct listener_key key = {};
	struct listener_entry *entry;

	key.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (sample.family == AF_INET) {
		address_map(key.address, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
		address_map(sample.address, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	} else {
		BPF_CORE_READ_INTO(&key.address, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&sample.address, sk, __sk_common.skc_v6_daddr);
	}
	sample.port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (is_listener) {
		sample.flags |= SAMPLE_LISTENER;
		sample.port = key.port;
		__builtin_memcpy(sample.address, key.address, ADDRESS_BYTES);
	}
	entry = listener_find(&key);
	if (entry && entry->service == target.service)
		sample.flags |= SAMPLE_INBOUND;
}

static __always_inline void socket_read(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);

	sample.object = WAIT_ON_SOCKET;
	if (!sk)
		return;
	sample.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (sample.family == AF_UNIX)
		unix_read(sk);
	else if (sample.family == AF_INET || sample.family == AF_INET6)
		inet_read(sk);
}

static __always_inline void file_read(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	u16 kind = BPF_CORE_READ(inode, i_mode) & S_IFMT;

	if (kind == S_IFSOCK && magic == SOCKFS_MAGIC) {
		socket_read(file);
		return;
	}
	sample.object = kind == S_IFIFO ? WAIT_ON_PIPE : WAIT_ON_FILE;
	if (magic == ANON_INODE_FS_MAGIC)
		anonymous_read(file);
	else if (magic == PIPEFS_MAGIC)
		sample.inode = BPF_CORE_READ(inode, i_ino);
	else
		path_read(file);
}

static __always_inline void call_describe(struct task_struct *task, const struct call *call)
{
	struct file *file;

	switch (wait_calls[call->number & (WAIT_CALLS_MAX - 1)]) {
	case CALL_ON_DESCRIPTOR:
		file = file_of(task, call->first);
		if (file)
			file_read(file);
		break;
	case CALL_ON_FUTEX:
		sample.object = WAIT_ON_FUTEX;
		break;
	case CALL_ON_TIMER:
		sample.object = WAIT_ON_TIMER;
		break;
	case CALL_ON_EPOLL:
		sample.object = WAIT_ON_EPOLL;
		break;
	case CALL_ON_CHILD:
		sample.object = WAIT_ON_CHILD;
		sample.child = call->first;
		break;
	case CALL_ON_CHILD_BY_ID:
		sample.object = WAIT_ON_CHILD;
		sample.child = call->first == P_PID ? call->second : 0;
		break;
	}
}

/* --- the thread ----------------------------------------------------------------------------- */

static __always_inline void thread_describe(struct task_struct *task)
{
	u32 state = BPF_CORE_READ(task, __state);
	struct call call = {};

	sample.call = -1;
	sample.state = WAIT_SLEEPING;
	if (state & (TASK_STOPPED | TASK_TRACED)) {
		sample.flags |= SAMPLE_STOPPED;
		return;
	}
	if (state == TASK_RUNNING) { /* or about to; its registers are of an earlier call */
		sample.state = WAIT_RUNNING;
		return;
	}
	if (state & TASK_UNINTERRUPTIBLE)
		sample.state = WAIT_BLOCKED;
	call_read(task, &call);
	sample.call = call.number;
	if (call.number >= 0 && call.number < WAIT_CALLS_MAX)
		call_describe(task, &call);
}

/*
 * Iter:  task, of one member of the target or of the host.
 * Emits: a wait_sample (maps.h) per thread of a member that lives; threads that the kernel works
 *        with in the process's name (io_uring) are left out.
 */
SEC("iter/task")
int sample_waits(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct process_id id;
	struct member *member;
	u32 size;

	if (!task || task->exit_state || task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		return 0;
	id = process_id_of(task);
	member = member_find(&id);
	if (!member || member->service != target.service)
		return 0;
	__builtin_memset(&sample, 0, sizeof(sample));
	sample.process = id;
	sample.tid = task->pid;
	bpf_core_read(sample.comm, COMM_BYTES, &task->comm);
	thread_describe(task);
	size = sample.path_bytes ? sizeof(sample) : WAIT_SAMPLE_SHORT_BYTES;
	header_init(&sample.header, EVENT_NONE, size, bpf_ktime_get_boot_ns(), target.service,
		    target.generation);
	bpf_seq_write(ctx->meta->seq, &sample, size);
	return 0;
}
