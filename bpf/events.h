/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire contract: every fact that crosses from the kernel (or from /proc) to the model.
 *
 * The same bytes travel through the ring buffers, the iterators and the recording files, so a
 * capture can be replayed. Rules: fixed width, explicit padding, enums only grow at their end,
 * sizes are asserted. A change of layout increments EVENT_VERSION.
 *
 * Times are CLOCK_BOOTTIME nanoseconds; 0 means "not known". Strings end with a NUL if they are
 * shorter than their array, and may hold any byte: they come from strangers.
 */
#ifndef SHUTWATCH_EVENTS_H
#define SHUTWATCH_EVENTS_H

#ifndef SHUTWATCH_VMLINUX_H
#include <linux/types.h>
#endif

#include "outcome.h"

#define EVENT_VERSION 1
#define COMM_BYTES 16
#define ADDRESS_BYTES 16
#define ANCESTRY_MAX 8
#define SIGNAL_MAX 64

enum event_type {
	EVENT_NONE,
	EVENT_SIGNAL,	  /* kernel: a stop signal was sent to a watched process */
	EVENT_DELIVERED,  /* kernel: the signal reached a handler */
	EVENT_PROCESS,	  /* kernel: a member of a stopping service, listed or just forked */
	EVENT_EXIT,	  /* kernel: the last thread of a member ended */
	EVENT_LISTENER,	  /* kernel: a listening socket opened, was listed, or closed */
	EVENT_CONNECTION, /* kernel: a connection left the service, and its outcome */
	EVENT_SERVICE,	  /* user: what is known of the service that began to stop */
	EVENT_PROGRAM,	  /* user: the executable of a member */
	EVENT_COUNTS,	  /* the exact counts of one process; those of a later time replace all */
	EVENT_LOSS,	  /* user: what could not be recorded, by cause */
	EVENT_ENDED,	  /* user: nothing more will come of this shutdown, or not for now */
	EVENT_ARGUMENTS,  /* user: the arguments of a member, where that is wanted */
	EVENT_WAIT,	  /* user: what a thread did for how long, since this was last told */
	EVENT_KNOWN,	  /* user: which well-known program a member is */
	EVENT_TYPES,
};

/* Why the kernel or the collector could not record something. */
enum loss_cause {
	LOSS_EVENT_RING_FULL,  /* a signal, exit or listener event found no room */
	LOSS_DETAIL_RING_FULL, /* the detail of a connection found no room; it is counted */
	LOSS_COUNTS_FULL,      /* no room for the counts of one more process */
	LOSS_CLOSED_FULL,      /* no room to remember a closed connection: late resets unseen */
	LOSS_MEMBERS_FULL,     /* no room for one more watched process */
	LOSS_LISTENERS_FULL,   /* no room for one more listening address */
	LOSS_TAG_FAILED,       /* a socket could not be tagged */
	LOSS_NESTED_PACKET,    /* nested runs of the packet-side program, dropped by the kernel */
	LOSS_NESTED_RESET,     /* nested runs of the reset program, dropped by the kernel */
	LOSS_NESTED_OTHER,     /* nested runs of any other program */
	LOSS_UNBALANCED,       /* outcomes differ from open at the signal + late */
	LOSS_RECORDER_GONE,    /* the programs were removed while it was stopping */
	LOSS_CAUSES,
};

enum direction { DIRECTION_INBOUND, DIRECTION_OUTBOUND, DIRECTIONS };

/* In which state a connection was at T0. */
enum at_signal {
	AT_SIGNAL_UNKNOWN,
	AT_SIGNAL_IN_FLIGHT,
	AT_SIGNAL_IDLE,
	AT_SIGNAL_QUEUED, /* established, in the accept queue */
	AT_SIGNAL_NEW,	  /* it came after T0 */
};

enum listener_change { LISTENER_LISTED, LISTENER_OPENED, LISTENER_CLOSED };

enum disposition {
	DISPOSITION_DEFAULT,
	DISPOSITION_HANDLER,
	DISPOSITION_IGNORED,
	DISPOSITION_BLOCKED,
};

/* As the kernel numbers them (include/trace/events/signal.h). */
enum signal_result {
	SIGNAL_DELIVERED,
	SIGNAL_IGNORED,
	SIGNAL_ALREADY_PENDING,
	SIGNAL_OVERFLOW_FAIL,
	SIGNAL_LOSE_INFO,
};

/* Bits of event_signal.flags. */
enum signal_flags {
	SIGNAL_ARMED = 1 << 0,	       /* this signal began the shutdown */
	SIGNAL_FROM_KERNEL = 1 << 1,   /* terminal, OOM killer, end of a pid namespace */
	SIGNAL_FROM_MEMBER = 1 << 2,   /* the sender belongs to the same service */
	SIGNAL_TO_ROOT = 1 << 3,       /* the parent of the target is outside the service */
	SIGNAL_TO_FORWARDER = 1 << 4,  /* sent to shutwatch itself, which passes it on */
	SIGNAL_WHOLE_SERVICE = 1 << 5, /* the whole service is stopping from now on */
};

/* Bits of event_process.flags. */
enum process_flags {
	PROCESS_FORKED = 1 << 0, /* after T0, else listed by the snapshot */
	PROCESS_ENDED = 1 << 1,	 /* a zombie when it was listed */
	PROCESS_ROOT = 1 << 2,	 /* its parent is outside the service */
};

/* Bits of event_exit.flags. */
enum exit_flags {
	EXIT_ARMED = 1 << 0, /* nobody signalled: this end began the shutdown */
	EXIT_OF_ROOT = 1 << 1,
	EXIT_OOM_VICTIM = 1 << 2, /* the OOM killer had chosen it */
	EXIT_OF_ORPHAN = 1 << 3,  /* a root now, but a member had forked it */
};

/* Bits of event_listener.flags. */
enum listener_flags {
	LISTENER_ARMED = 1 << 0,     /* nobody signalled: this close began the shutdown */
	LISTENER_UNWATCHED = 1 << 1, /* of nobody we watch: there was no room to do so */
};

/* Bits of event_connection.flags. */
enum connection_flags {
	CONNECTION_REVISED = 1 << 0,	/* replaces the detail sent before: a late reset */
	CONNECTION_ANSWERED = 1 << 1,	/* the last data was answered; last_data_ns says when */
	CONNECTION_PEER_FIRST = 1 << 2, /* the peer's FIN came before we closed it */
};

enum ended_reason {
	ENDED_SETTLED,	   /* all is over and the settle time passed */
	ENDED_PATIENCE,	   /* the service did not stop */
	ENDED_INTERRUPTED, /* the collector was told to stop */
	ENDED_DROPPED,	   /* no shutdown after all */
};

/* Bits of event_ended.flags. */
enum ended_flags {
	ENDED_PROVISIONAL = 1 << 0,   /* a record is due, and more will come */
	ENDED_STORED = 1 << 1,	      /* journal only: that record is safe in the store */
	ENDED_RESETS_UNSEEN = 1 << 2, /* the kernel tells no resets without a socket */
};

enum service_kind {
	SERVICE_UNIT,
	SERVICE_CONTAINER,
	SERVICE_CGROUP,
	SERVICE_TREE,
	SERVICE_COMMAND,
};

/* What a thread does. */
enum wait_state { WAIT_SLEEPING, WAIT_RUNNING, WAIT_BLOCKED /* uninterruptible: a disk */ };
enum wait_object {
	WAIT_ON_NOTHING, /* no object that we know */
	WAIT_ON_SOCKET,
	WAIT_ON_FILE,
	WAIT_ON_PIPE,
	WAIT_ON_FUTEX,
	WAIT_ON_CHILD,
	WAIT_ON_TIMER,
	WAIT_ON_EPOLL,
};
#define WAIT_CALL_BYTES 24
#define WAIT_TEXT_BYTES 160

/* A process, for ever: a pid alone comes back. */
struct process_id {
	__u64 started_ns;
	__u32 tgid;
	__u32 pad;
};

struct event_header {
	__u16 type; /* enum event_type */
	__u16 size; /* of the whole event */
	__u32 pad;
	__u64 at_ns;
	__u64 service;
	__u64 generation; /* one shutdown of one service; 0: none */
};

struct event_signal {
	struct event_header header;
	struct process_id target;
	struct process_id sender;
	__u32 target_tid;
	__u32 sender_uid;
	__s32 code;  /* si_code */
	__u32 flags; /* enum signal_flags */
	__u8 signal;
	__u8 result;	  /* enum signal_result */
	__u8 disposition; /* enum disposition */
	__u8 ancestors;	  /* how many entries of ancestry are used */
	__u32 pad;
	char target_comm[COMM_BYTES];
	char ancestry[ANCESTRY_MAX][COMM_BYTES]; /* the sender first, then its parents */
};

struct event_delivered {
	struct event_header header;
	struct process_id process;
	__u32 tid;
	__u8 signal;
	__u8 pad[3];
};

struct event_process {
	struct event_header header;
	struct process_id process;
	struct process_id parent;
	__u32 ns_pid;
	__u32 netns;
	__u32 flags; /* enum process_flags */
	__u32 pad;
	char comm[COMM_BYTES];
};

struct event_exit {
	struct event_header header;
	struct process_id process;
	struct process_id parent;
	__u32 ns_pid;
	__u32 status; /* as wait(2) reports it */
	__u32 flags;  /* enum exit_flags */
	__u32 pad;
	char comm[COMM_BYTES];
};

struct event_listener {
	struct event_header header;
	struct process_id process; /* who holds, opened or closed it */
	__u64 cookie;
	__u8 address[ADDRESS_BYTES]; /* IPv4 as ::ffff:a.b.c.d */
	__u32 netns;
	__u32 queued; /* connections waiting to be accepted */
	__u16 port;
	__u8 family; /* AF_INET, AF_INET6, AF_UNIX */
	__u8 change; /* enum listener_change */
	__u32 flags; /* enum listener_flags */
};

struct event_connection {
	struct event_header header;
	struct process_id process; /* who held it last; tgid 0: never accepted */
	__u64 cookie;
	__u64 arrived_ns;   /* after T0, else 0 */
	__u64 last_data_ns; /* when we last sent data, in steps of a jiffy; 0: never */
	__u64 received_bytes;
	__u64 sent_bytes;
	__u64 unread_bytes;
	__u64 unacked_bytes;
	__u8 local[ADDRESS_BYTES];
	__u8 peer[ADDRESS_BYTES];
	__u16 local_port;
	__u16 peer_port;
	__u32 netns;
	__u8 direction; /* enum direction */
	__u8 at_signal; /* enum at_signal */
	__u8 closed_by; /* enum closer */
	__u8 wire;	/* enum wire */
	__u8 outcome;	/* enum connection_outcome */
	__u8 family;
	__u8 flags; /* enum connection_flags */
	__u8 pad;
};

/*
 * Exact figures of one process in one shutdown (tgid 0: of nobody in particular). The kernel adds
 * to them where things happen, whether or not the ring buffer has room for the details.
 */
struct counts {
	__u32 open[DIRECTIONS];	     /* tagged, at T0 */
	__u32 in_flight[DIRECTIONS]; /* of these */
	__u32 late[DIRECTIONS];	     /* tagged, arrived after T0 */
	__u32 refused;		     /* SYNs answered by RST */
	__u32 refused_handshakes;    /* last ACKs of a handshake answered by RST */
	__u32 late_closes;	     /* goodbyes of peers answered by RST */
	__u32 pad;
	__u32 outcomes[DIRECTIONS][OUTCOME_SLOTS];
	__u64 first_closed_ns; /* first connection the service itself closed */
	__u64 last_left_ns[DIRECTIONS];
	__u64 last_in_flight_ns;  /* last inbound that was in flight at T0: answered or gone */
	__u64 last_exit_close_ns; /* last socket that an exit closed, or that was never accepted */
	__u64 last_refused_ns;
};

struct event_counts {
	struct event_header header;
	struct process_id process;
	struct counts counts;
};

#define NAME_BYTES 256
#define PATH_BYTES 1024

struct event_service {
	struct event_header header;
	__s64 wall_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME at T0 */
	__u64 grace_ns;	      /* 0: unknown */
	__u32 kind;	      /* enum service_kind */
	__u32 pad;
	char name[NAME_BYTES];
	char unit[NAME_BYTES];
	char container_id[NAME_BYTES];
	char pod_uid[NAME_BYTES];
	char cgroup[PATH_BYTES];
};

struct event_program {
	struct event_header header;
	struct process_id process;
	char exe[PATH_BYTES];
};

struct event_arguments {
	struct event_header header;
	struct process_id process;
	char text[PATH_BYTES]; /* with blanks between them; what is longer is cut */
};

#define KNOWN_BYTES 32

struct event_known {
	struct event_header header;
	struct process_id process;
	char program[KNOWN_BYTES]; /* a name of src/analysis/program.h */
};

struct event_loss {
	struct event_header header;
	__u64 events;
	__u32 cause; /* enum loss_cause */
	__u32 pad;
};

struct event_ended {
	struct event_header header;
	__u32 reason; /* enum ended_reason */
	__u32 flags;  /* enum ended_flags */
};

#define EVENT_WAIT_SHORT_BYTES 272 /* of a recording made before there was cleanup_ns */
#define WAIT_TELLS_CLEANUP 1

/* Looked at now and then: total_ns is the time between the looks. tid 0: what found no room. */
struct event_wait {
	struct event_header header;
	struct process_id process;
	__u64 total_ns;
	__u64 samples;
	__u32 tid;
	__u8 state;  /* enum wait_state */
	__u8 object; /* enum wait_object */
	__u8 flags;  /* WAIT_*: cleanup_ns is known */
	__u8 pad;
	char comm[COMM_BYTES];
	char call[WAIT_CALL_BYTES]; /* the system call; "": none, or unknown */
	char text[WAIT_TEXT_BYTES]; /* which object */
	__u64 cleanup_ns; /* of total_ns: after the last client had left and the last listener
			   * was closed */
};

#define EVENT_MAX_BYTES 2176

_Static_assert(sizeof(struct process_id) == 16, "wire layout");
_Static_assert(sizeof(struct event_header) == 32, "wire layout");
_Static_assert(sizeof(struct event_signal) == 232, "wire layout");
_Static_assert(sizeof(struct event_delivered) == 56, "wire layout");
_Static_assert(sizeof(struct event_process) == 96, "wire layout");
_Static_assert(sizeof(struct event_exit) == 96, "wire layout");
_Static_assert(sizeof(struct event_listener) == 88, "wire layout");
_Static_assert(sizeof(struct event_connection) == 152, "wire layout");
_Static_assert(sizeof(struct counts) == 216, "wire layout");
_Static_assert(sizeof(struct event_counts) == 264, "wire layout");
_Static_assert(sizeof(struct event_service) == 2104, "wire layout");
_Static_assert(sizeof(struct event_program) == 1072, "wire layout");
_Static_assert(sizeof(struct event_arguments) == 1072, "wire layout");
_Static_assert(sizeof(struct event_known) == 80, "wire layout");
_Static_assert(sizeof(struct event_loss) == 48, "wire layout");
_Static_assert(sizeof(struct event_ended) == 40, "wire layout");
_Static_assert(sizeof(struct event_wait) == 280, "wire layout");

#endif
