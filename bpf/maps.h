/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map contract: keys and values that user space reads or writes while the programs run.
 * Only bpf/ and src/capture include it; what leaves for the model is in events.h.
 */
#ifndef SHUTWATCH_MAPS_H
#define SHUTWATCH_MAPS_H

#include "events.h"

/* members: process_id -> member. Who is watched. */
enum member_flags {
	MEMBER_SIGNALLED = 1 << 0, /* a stop signal that counts was sent to it */
	MEMBER_EXITING = 1 << 1,   /* its last thread ended; what closes now, the exit closes */
	MEMBER_FORKED = 1 << 2,	   /* by a member, while we watched */
};

struct member {
	__u64 service;
	__u32 flags;
	__u32 pad;
	struct process_id parent; /* who started it: the kernel forgets that; 0: unknown */
};

/* Services that the kernel adds have numbers from here on, those of user space below. */
#define SERVICE_FROM_KERNEL (1ULL << 48)

/* services: number -> service_state. Armed while generation is not 0. */
enum service_flags {
	SERVICE_WHOLE = 1 << 0,		/* by its root, told, or by itself: arrivals are late */
	SERVICE_SNAPSHOT_DONE = 1 << 1, /* what is first seen from now on was not open at T0 */
	SERVICE_MULTIPLEXED = 1 << 2,
	SERVICE_FROZEN = 1 << 3,    /* the record is being made: no new sightings */
	SERVICE_REMOVED = 1 << 4,   /* nobody asks for it: never armed again */
	SERVICE_UNCOUNTED = 1 << 5, /* has tags that counted as nothing when they were made */
	SERVICE_SHORT = 1 << 6,	    /* of a member, for lack of room: each stop of it has a loss */
};

struct service_state {
	__u64 generation;
	__u64 armed_ns;
	__u64 stop_signals; /* more than the usual ones: bit signal - 1 */
	__u32 armed_jiffies;
	__u32 flags;
};

/* listeners: address -> entry. Kept after the close: for refused connections and directions. */
struct listener_key {
	__u8 address[ADDRESS_BYTES]; /* all zero: any address, of either family */
	__u32 netns;
	__u16 port;
	__u16 pad;
};

struct listener_entry {
	__u64 service;
	__u32 open;	 /* listening sockets now */
	__u32 is_shared; /* by two services (SO_REUSEPORT): a port no longer tells whose it is */
	__u64 opened_ns; /* the last one that the kernel saw opened; 0: none */
};

/* counts: one process in one shutdown -> struct counts (events.h) */
struct counts_key {
	__u64 generation;
	struct process_id process;
};

/* closed: both ends of a connection -> event_connection, whose fields they are, in this order. */
struct ends {
	__u8 local[ADDRESS_BYTES];
	__u8 peer[ADDRESS_BYTES];
	__u16 local_port;
	__u16 peer_port;
	__u32 netns;
};

_Static_assert(__builtin_offsetof(struct event_connection, netns) -
			       __builtin_offsetof(struct event_connection, local) ==
		       __builtin_offsetof(struct ends, netns),
	       "the ends of a connection stand together");

#define SOME_STAY (1u << 0) /* connections that were seen may not have left yet */

/* Which shutdown the iterators and syscall programs are asked to work on. */
struct target {
	__u64 service;
	__u64 generation;
	__u64 stop_signals; /* configure_service: as in service_state */
	__u32 leftover;	    /* reconcile_*: enum connection_outcome of what is still open */
	/* SERVICE_MULTIPLEXED: configure_service; SOME_STAY: the answer of freeze_shutdown. */
	__u32 flags;
};

#define LOOK_CLOSED_MAX 16 /* a power of two */

/* The file that an iterator of ours shows now, and which of the last ones the application of the
 * process closed meanwhile (look.bpf.h). */
struct look {
	__u64 file;
	__u64 sk;
	__u32 fd;
	__u32 tgid;
	__u32 turn; /* odd: it is being changed */
	__u32 n_closed;
	struct {
		__u64 sk;
		__u64 tgid;
	} closed[LOOK_CLOSED_MAX];
};

/* What the first arguments of a system call say about what it waits for. */
enum wait_call {
	CALL_PLAIN,
	CALL_ON_DESCRIPTOR, /* the first one is a file descriptor */
	CALL_ON_FUTEX,
	CALL_ON_TIMER,
	CALL_ON_EPOLL,
	CALL_ON_CHILD,	     /* the first one is its pid, if above 0 */
	CALL_ON_CHILD_BY_ID, /* waitid(): the second one is, if the first is P_PID */
};
#define WAIT_CALLS_MAX 512 /* a power of two, above all numbers of system calls */

/* Bits of wait_sample.flags. */
enum sample_flags {
	SAMPLE_STOPPED = 1 << 0,   /* by a signal, or a debugger */
	SAMPLE_LISTENER = 1 << 1,  /* the socket listens; the address is its own */
	SAMPLE_INBOUND = 1 << 2,   /* the socket belongs to a listener of the service */
	SAMPLE_ANONYMOUS = 1 << 3, /* path is one name, of no file system */
	SAMPLE_CUT = 1 << 4,	   /* path has more parents */
};
#define WAIT_PATH_BYTES 256
#define UNIX_PATH_BYTES 108

/* One look at one thread, from the iterator to the collector. Its header has no event type. */
struct wait_sample {
	struct event_header header;
	struct process_id process;
	__u64 inode; /* of a pipe without a name */
	__u32 tid;
	__s32 call;	  /* the kernel's number; -1: none */
	__s32 child;	  /* pid, as the thread sees it; 0 and below: any */
	__u32 path_bytes; /* names, innermost first, each with its NUL; of a Unix socket as bound */
	__u16 port;
	__u8 family;
	__u8 state;  /* enum wait_state */
	__u8 object; /* enum wait_object */
	__u8 flags;  /* enum sample_flags */
	__u8 pad[2];
	__u8 address[ADDRESS_BYTES];
	char comm[COMM_BYTES];
	char path[WAIT_PATH_BYTES];
};
#define WAIT_SAMPLE_SHORT_BYTES __builtin_offsetof(struct wait_sample, path) /* without one */

/*
 * shared: one per host, for all instances of the programs. Pinned, it outlives the collector. A
 * change of layout, here or of any map, increments MAPS_VERSION.
 */
#define MAPS_VERSION 5

#define MEMBER_SLOTS 8192 /* a power of two */

struct shared {
	__u64 active_instance; /* of the programs; any other one returns at once */
	__u64 shutdowns;       /* numbers the generations */
	__u64 kernel_services; /* numbers the services that the kernel adds */
	__u64 user_services;   /* and those of user space; written by user space only */
	__u32 armed_services;  /* how many are stopping */
	__u32 harmless_stops;  /* stop signals of any service ever: bit signal - 1, up to 32 */
	/* How many members have this tgid modulo MEMBER_SLOTS; for a moment more, never fewer. */
	__u32 member_slots[MEMBER_SLOTS];
	/* What user space has told of the losses, and the nested runs of instances gone by. */
	__u64 told_losses[LOSS_CAUSES];
	__u64 past_nested[LOSS_CAUSES];
};

#endif
