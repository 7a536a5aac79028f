/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of one shutdown of one service: what every view is made from.
 *
 * Plain data, a function of the model's state alone. The JSON of it is a public contract: fields
 * are added, never renamed. Durations are nanoseconds from T0 (the first stop signal, or what
 * began the shutdown), TIME_UNKNOWN where nothing is known: never 0 for "unknown".
 */
#ifndef SHUTWATCH_RECORD_H
#define SHUTWATCH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"
#include "src/analysis/finding.h"
#include "src/analysis/program.h"
#include "src/model/host.h"

#define RECORD_SCHEMA "shutwatch.shutdown/1"
#define TIME_UNKNOWN INT64_MIN
#define RECORD_ID_BYTES 27

enum trigger_kind { TRIGGER_SIGNAL, TRIGGER_EXIT, TRIGGER_OOM, TRIGGER_LISTENER_CLOSED };

/* The outcome of the shutdown: the first row that holds, see RECORD.md's table in analysis. */
enum verdict {
	VERDICT_CLEAN,
	VERDICT_LOSSY,
	VERDICT_FORCED,
	VERDICT_CRASHED,
	VERDICT_OOM_KILLED,
	VERDICT_PARTIAL,
	VERDICT_UNAFFECTED,
	VERDICT_DRAINING,
};
#define VERDICTS (VERDICT_DRAINING + 1)

struct record_sender {
	uint32_t pid;
	uint32_t uid;
	bool is_kernel; /* sent by the kernel itself: terminal, OOM killer */
	char comm[COMM_BYTES + 1];
	char ancestry[ANCESTRY_MAX][COMM_BYTES + 1]; /* the sender first */
	size_t ancestors;
};

struct record_signal {
	int64_t at_ns;
	int64_t delivered_at_ns;
	int signal;
	enum signal_result result;
	enum disposition disposition;
	bool from_member; /* the sender belongs to the service */
	bool from_self;
	struct record_sender sender;
};

struct record_process {
	uint32_t pid;
	uint32_t ns_pid; /* in its innermost pid namespace; 0: unknown */
	uint32_t ppid;
	int64_t started_wall_ns; /* CLOCK_REALTIME */
	char comm[COMM_BYTES + 1];
	char *exe;  /* NULL: unknown */
	char *args; /* NULL: not recorded, which is the default */
	enum program program;
	bool has_listener; /* it held one at T0; as the record is made: it is not stored */
	struct record_signal *signals;
	size_t n_signals;
	bool has_exited;
	int64_t exited_at_ns;
	int exit_code;	 /* -1: ended by a signal */
	int exit_signal; /* 0: ended by itself */
	bool has_core;
};

struct record_listener {
	uint8_t family; /* AF_INET, AF_INET6, AF_UNIX */
	uint8_t address[ADDRESS_BYTES];
	uint16_t port;
	int64_t closed_at_ns;
	int64_t reopened_at_ns;
	uint32_t queued_at_signal;
};

struct record_direction {
	uint64_t open_at_signal;
	uint64_t in_flight_at_signal;
	uint64_t late;
	uint64_t aborted;
	uint64_t undecided;
	uint64_t outcomes[OUTCOMES]; /* index: enum connection_outcome */
};

/* One connection, as told by the kernel when it left the service. */
struct record_connection {
	enum direction direction;
	uint32_t pid; /* 0: never accepted, or reset by the peer before its owner was known */
	uint8_t family;
	uint8_t local[ADDRESS_BYTES];
	uint8_t peer[ADDRESS_BYTES];
	uint16_t local_port;
	uint16_t peer_port;
	enum at_signal at_signal;
	int64_t arrived_at_ns;
	int64_t closed_at_ns; /* TIME_UNKNOWN: still open */
	enum closer closed_by;
	enum wire wire;
	bool is_peer_first; /* the peer's FIN came before we closed it */
	enum connection_outcome outcome;
	uint64_t unread_bytes;
	uint64_t unacked_bytes;
	uint64_t received_bytes;
	uint64_t sent_bytes;
};

/* What one thread waited for, or that it ran, added up over the samples of the drain. */
struct record_wait {
	uint32_t pid;
	uint32_t tid;		   /* 0, as pid: the sum of what found no room of its own */
	char comm[COMM_BYTES + 1]; /* of the thread */
	bool is_main;		   /* the thread is the first of its process */
	enum wait_state state;
	char call[WAIT_CALL_BYTES]; /* "epoll_wait"; "": none, or unknown */
	enum wait_object object;
	char text
		[WAIT_TEXT_BYTES]; /* "10.0.0.5:5432", "/var/lib/x", "2 inbound connections open" */
	int64_t total_ns;	   /* how long, between T0 and the end */
	int64_t cleanup_ns; /* of it, in the clean-up of timing; TIME_UNKNOWN: nobody knows */
	double share; /* of the time that was sampled of this thread: 0 to 1; -1: of no thread */
	uint64_t samples;
};

struct record_timing {
	int64_t react_ns;
	int64_t first_action_ns;
	int64_t accepting_ns;
	int64_t in_flight_ns;
	int64_t drain_ns;
	int64_t cleanup_ns;
	int64_t total_ns;
	int64_t dark_ns;
	int64_t grace_ns;
};

struct record_service {
	enum service_kind kind;
	char name[NAME_BYTES + 1];
	char unit[NAME_BYTES + 1];	   /* "": none */
	char container_id[NAME_BYTES + 1]; /* "": none */
	char pod_uid[NAME_BYTES + 1];	   /* "": none */
	char cgroup[PATH_BYTES + 1];	   /* "": unknown */
};

struct record {
	char id[RECORD_ID_BYTES]; /* ULID of T0 and the first process */
	struct host host;
	struct record_service service;

	enum trigger_kind trigger;
	int trigger_signal;	 /* 0: none */
	int64_t trigger_wall_ns; /* T0, CLOCK_REALTIME */
	bool has_trigger_sender;
	struct record_sender trigger_sender;

	enum verdict verdict;
	bool is_complete;
	bool is_provisional;
	struct record_timing timing;
	int64_t observed_ns; /* until then it was looked at; as the record is made: not stored */

	struct record_process *processes; /* by start, then pid */
	size_t n_processes;
	struct record_listener *listeners;
	size_t n_listeners;

	bool has_connections; /* false: they cannot be told (Unix sockets only) */
	struct record_direction directions[DIRECTIONS];
	bool are_resets_unseen; /* the kernel does not tell the next three: they are 0 */
	uint64_t refused;
	uint64_t refused_handshakes;
	uint64_t late_closes;
	int64_t last_arrival_at_ns;	   /* the last late connection; TIME_UNKNOWN: none */
	int64_t last_refused_at_ns;	   /* the last refused attempt; TIME_UNKNOWN: none */
	struct record_connection *details; /* the most telling first */
	size_t n_details;
	uint64_t details_omitted;

	bool has_waits;		   /* false: nobody could look, or nothing drained */
	struct record_wait *waits; /* the longest first */
	size_t n_waits;

	struct finding *findings; /* the most severe first */
	size_t n_findings;

	uint64_t lost_events; /* sum of what really cost something */
	uint64_t losses[LOSS_CAUSES];
};

/* Frees what the record holds, not the record itself. NULL and half-built records are fine. */
void record_fini(struct record *record);

const char *trigger_kind_name(enum trigger_kind kind);
const char *verdict_name(enum verdict verdict);
const char *service_kind_name(enum service_kind kind);
const char *outcome_name(enum connection_outcome outcome);
const char *direction_name(enum direction direction);
const char *at_signal_name(enum at_signal at); /* NULL: unknown */
const char *closer_name(enum closer closer);   /* NULL: nobody */
const char *wire_name(enum wire wire);
const char *signal_result_name(enum signal_result result);
const char *disposition_name(enum disposition disposition);
const char *loss_cause_name(enum loss_cause cause);

/* "clean" -> VERDICT_CLEAN. Returns 0 or -EINVAL. */
int verdict_from_name(const char *name, enum verdict *ret_verdict);

/* "SIGTERM"; "SIG42" for those without a name. Writes into buffer (16 bytes) and returns it. */
const char *signal_name(int signal, char buffer[16]);

#endif
