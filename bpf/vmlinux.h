/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel contract on a page: every kernel type and field that shutwatch reads, and no other.
 * CO-RE finds the real offsets when the programs are loaded; a field that is missing on a kernel
 * makes the load fail there, so each line of this file is a requirement.
 */
#ifndef SHUTWATCH_VMLINUX_H
#define SHUTWATCH_VMLINUX_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum; /* named by a helper's prototype */
typedef _Bool bool;
enum { false, true };

/* include/uapi/linux/bpf.h: what the maps and helpers of this project need */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY, BPF_NOEXIST, BPF_EXIST };
enum { BPF_F_NO_PREALLOC = 1 << 0, BPF_F_CLONE = 1 << 9 };
enum { BPF_SK_STORAGE_GET_F_CREATE = 1 << 0 };
enum { BPF_RB_NO_WAKEUP = 1 << 0, BPF_RB_FORCE_WAKEUP = 1 << 1 };
enum { BPF_RB_AVAIL_DATA, BPF_RB_RING_SIZE };

/* Read as it lies: the names differ between kernels (bio_vec, netmem), the layout does not. */
struct page_fragment {
	unsigned long page;
	unsigned int len;
	unsigned int offset;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* --- processes ------------------------------------------------------------------------------ */

typedef struct {
	unsigned long sig[1];
} sigset_t;

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t uid; /* real user of a sender */
};

struct sigaction {
	void *sa_handler; /* 0: default, 1: ignore, else the handler */
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[64]; /* index: signal - 1 */
};

struct kernel_siginfo {
	int si_code; /* 0 and below: sent by a process; above: by the kernel */
};

typedef struct {
	int counter;
} atomic_t;

struct mm_struct;

struct signal_struct {
	atomic_t live;	     /* threads that have not yet exited: 0 at the last one's exit */
	int group_exit_code; /* valid with SIGNAL_GROUP_EXIT in flags */
	unsigned int flags;
	struct mm_struct *oom_mm; /* set when the OOM killer chose this process (since 4.8) */
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

struct nsproxy {
	struct net *net_ns;
};

struct upid {
	int nr; /* the pid as seen in that namespace */
};

struct pid {
	unsigned int level;	/* depth of the innermost pid namespace */
	struct upid numbers[1]; /* index: level */
};

struct thread_info {
	unsigned long flags; /* arm64: TIF_32BIT */
	u32 status;	     /* x86: TS_COMPAT */
};

struct files_struct;

struct task_struct {
	struct thread_info thread_info; /* CONFIG_THREAD_INFO_IN_TASK */
	unsigned int __state;		/* since 5.14 */
	unsigned int flags;		/* PF_EXITING, PF_KTHREAD */
	int exit_state;
	int exit_code;
	int pid;  /* of the thread */
	int tgid; /* of the process */
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	u64 start_boottime; /* kept over exec, also by a thread other than the leader */
	const struct cred *cred;
	char comm[16];
	struct nsproxy *nsproxy; /* NULL late in the exit */
	struct files_struct *files;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	u64 parent_exec_id; /* self_exec_id of the parent when it forked */
	u64 self_exec_id;   /* counts exec */
	sigset_t blocked;
	sigset_t real_blocked; /* the mask set aside while the thread waits in sigwait() */
};

/* --- sockets -------------------------------------------------------------------------------- */

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	s64 counter;
} atomic64_t;

struct in6_addr {
	union {
		u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	union {
		struct {
			__be32 skc_daddr;
			__be32 skc_rcv_saddr;
		};
	};
	union {
		struct {
			__be16 skc_dport;
			u16 skc_num; /* 0 already at the transition to TCP_CLOSE */
		};
	};
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie; /* also valid in a TIME_WAIT mini-socket */
	union {
		unsigned long skc_flags; /* bits of enum sock_flags */
	};
};

enum sock_flags {
	SOCK_DEAD, /* its owner has closed it */
};

typedef struct {
	int owned; /* 1: a process is inside the socket; 0: a packet or timer */
} socket_lock_t;

struct socket;

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	struct socket *sk_socket; /* NULL: in the accept queue, or orphaned */
	socket_lock_t sk_lock;
	u16 sk_protocol; /* IPPROTO_MPTCP is no tcp_sock */
	u16 sk_type;
	u8 sk_shutdown; /* 1: no more in, 2: no more out, 3: closed */
	u32 sk_ack_backlog;
};

struct socket {
	struct sock *sk;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport; /* survives the transition to TCP_CLOSE */
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	void *icsk_ulp_data; /* of a subflow: its mptcp_subflow_context */
	struct {
		u32 lrcvtime; /* jiffies of the last data received */
	} icsk_ack;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 rcv_nxt;
	u32 copied_seq;
	u32 write_seq;
	u32 snd_nxt;
	u32 snd_una;
	u32 snd_wl1;  /* where the last segment began that brought an acknowledgement or a window */
	u32 lsndtime; /* jiffies of the last data sent */
	u64 bytes_received; /* the peer's FIN counts as one */
	u64 bytes_sent;	    /* data only; with retransmissions (since 4.19) */
	u64 bytes_retrans;
	u64 tcp_mstamp;	    /* us by CLOCK_MONOTONIC: when the last packet came or went */
	u32 chrono_start;   /* jiffies: since when what chrono_type says is so */
	u8 chrono_type : 2; /* enum tcp_chrono */
	bool is_mptcp;	    /* a subflow, or the listener inside one of MPTCP; CONFIG_MPTCP */
};

enum tcp_chrono {
	TCP_CHRONO_BUSY = 1, /* data of ours is not acknowledged yet */
};

struct mptcp_subflow_context { /* CONFIG_MPTCP */
	struct sock *conn;     /* the MPTCP socket around it */
};

struct mptcp_sock { /* CONFIG_MPTCP */
	struct inet_connection_sock sk;
	struct sock *first; /* of a listener: the TCP socket inside, with the accept queue */
};

struct sockaddr_un {
	unsigned short sun_family;
};

struct unix_address {
	int len; /* of the name that follows */
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr; /* NULL: not bound */
	struct sock *peer;
};

struct net_device {
	possible_net_t nd_net;
};

struct skb_shared_info {
	struct page_fragment frags[17];
};

struct sk_buff {
	struct net_device *dev;
	unsigned int len;
	unsigned int data_len;
	__be16 protocol;
	u16 transport_header;
	u16 network_header;
	unsigned int end; /* an offset on every 64-bit kernel */
	unsigned char *head;
	unsigned char *data;
};

struct file;

/* --- iterators ------------------------------------------------------------------------------ */

struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

#pragma clang attribute pop

/* --- constants that are no ABI and have not moved ------------------------------------------- */

#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000 /* since 6.4 */
#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004 /* signal_struct.flags */

#define TASK_RUNNING 0x0000 /* task_struct.__state */
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED 0x0004
#define TASK_TRACED 0x0008

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define SHUTDOWN_MASK 3
#define NULL ((void *)0)

#define E2BIG 7
#define EEXIST 17
#define ENOMEM 12
#define EBUSY 16
#define ECONNRESET 104
#define EPIPE 32
#define ETIMEDOUT 110
#define EHOSTUNREACH 113

enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};

#endif
