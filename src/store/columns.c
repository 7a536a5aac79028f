/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every column of every table, in the words of the public record. A member that is not named here
 * is not kept; a column that is not in the schema does not prepare.
 *
 * Enums are kept as numbers. One that gets a new enumerator at its end is a new schema version:
 * an older shutwatch could not read it.
 */
#include "src/base/cleanup.h"
#include "src/store/relation.h"
#include "src/store/store.h"

/* clang-format off */

#define MEMBER(of, member) \
	.offset = offsetof(of, member), .size = sizeof(((of *)NULL)->member)
#define NUMBER(of, member, name_)      { name_, COLUMN_UNSIGNED, MEMBER(of, member) }
#define SIGNED(of, member, name_)      { name_, COLUMN_SIGNED, MEMBER(of, member) }
#define BOOL(of, member, name_)        { name_, COLUMN_BOOL, MEMBER(of, member) }
#define SHARE(of, member, name_)       { name_, COLUMN_SHARE, MEMBER(of, member) }
#define ENUM(of, member, name_, limit_) \
	{ name_, COLUMN_ENUM, MEMBER(of, member), .limit = (limit_) }
#define TIME(of, member, name_)        { name_, COLUMN_TIME, MEMBER(of, member) }
#define WALL(of, member, name_)        { name_, COLUMN_WALL, MEMBER(of, member) }
#define TEXT(of, member, name_)        { name_, COLUMN_TEXT, MEMBER(of, member) }
#define STRING(of, member, name_)      { name_, COLUMN_STRING, MEMBER(of, member) }
#define ADDRESS(of, member, name_)     { name_, COLUMN_ADDRESS, MEMBER(of, member) }
#define ANCESTRY(of, member, name_)    { name_, COLUMN_ANCESTRY, MEMBER(of, member) }

#define SENDER(of, sender, prefix)                                                                 \
	NUMBER(of, sender.pid, prefix "_pid"),                                                     \
	NUMBER(of, sender.uid, prefix "_uid"),                                                     \
	BOOL(of, sender.is_kernel, prefix "_is_kernel"),                                           \
	TEXT(of, sender.comm, prefix "_comm"),                                                     \
	ANCESTRY(of, sender, prefix "_ancestry")

#define TIMING(of)                                                                                 \
	TIME(of, timing.react_ns, "react_ns"),                                                     \
	TIME(of, timing.first_action_ns, "first_action_ns"),                                       \
	TIME(of, timing.accepting_ns, "accepting_ns"),                                             \
	TIME(of, timing.in_flight_ns, "in_flight_ns"),                                             \
	TIME(of, timing.drain_ns, "drain_ns"),                                                     \
	TIME(of, timing.cleanup_ns, "cleanup_ns"),                                                 \
	TIME(of, timing.total_ns, "total_ns"),                                                     \
	TIME(of, timing.dark_ns, "dark_ns"),                                                       \
	TIME(of, timing.grace_ns, "grace_ns")

#define DIRECTION(of, direction, prefix)                                                           \
	NUMBER(of, directions[direction].open_at_signal, prefix "_open"),                          \
	NUMBER(of, directions[direction].in_flight_at_signal, prefix "_in_flight"),                \
	NUMBER(of, directions[direction].late, prefix "_late"),                                    \
	NUMBER(of, directions[direction].aborted, prefix "_aborted"),                              \
	NUMBER(of, directions[direction].undecided, prefix "_undecided")

#define R struct record
static const struct column shutdown_columns[] = {
	TEXT(R, id, "id"),
	TEXT(R, host.name, "host"),
	TEXT(R, host.boot_id, "boot_id"),
	TEXT(R, host.kernel, "kernel"),
	ENUM(R, service.kind, "service_kind", SERVICE_COMMAND + 1),
	TEXT(R, service.name, "service"),
	TEXT(R, service.unit, "unit"),
	TEXT(R, service.container_id, "container_id"),
	TEXT(R, service.pod_uid, "pod_uid"),
	TEXT(R, service.cgroup, "cgroup"),
	ENUM(R, trigger, "trigger_kind", TRIGGER_LISTENER_CLOSED + 1),
	SIGNED(R, trigger_signal, "trigger_signal"),
	WALL(R, trigger_wall_ns, "trigger_wall_ns"),
	BOOL(R, has_trigger_sender, "has_sender"),
	SENDER(R, trigger_sender, "sender"),
	ENUM(R, verdict, "outcome", VERDICT_DRAINING + 1),
	BOOL(R, is_complete, "is_complete"),
	BOOL(R, is_provisional, "is_provisional"),
	TIMING(R),
	BOOL(R, has_connections, "has_connections"),
	DIRECTION(R, DIRECTION_INBOUND, "inbound"),
	DIRECTION(R, DIRECTION_OUTBOUND, "outbound"),
	BOOL(R, are_resets_unseen, "are_resets_unseen"),
	NUMBER(R, refused, "refused"),
	NUMBER(R, refused_handshakes, "refused_handshakes"),
	NUMBER(R, late_closes, "late_closes"),
	TIME(R, last_arrival_at_ns, "last_arrival_ns"),
	TIME(R, last_refused_at_ns, "last_refused_ns"),
	NUMBER(R, details_omitted, "details_omitted"),
	BOOL(R, has_waits, "has_waits"),
	NUMBER(R, lost_events, "lost_events"),
};

#define P struct record_process
static const struct column process_columns[] = {
	NUMBER(P, pid, "pid"),
	NUMBER(P, ns_pid, "ns_pid"),
	NUMBER(P, ppid, "ppid"),
	WALL(P, started_wall_ns, "started_wall_ns"),
	TEXT(P, comm, "comm"),
	STRING(P, exe, "exe"),
	STRING(P, args, "args"),
	ENUM(P, program, "program", PROGRAMS),
	BOOL(P, has_exited, "has_exited"),
	TIME(P, exited_at_ns, "exited_at_ns"),
	SIGNED(P, exit_code, "exit_code"),
	SIGNED(P, exit_signal, "exit_signal"),
	BOOL(P, has_core, "has_core"),
};

#define S struct record_signal
static const struct column signal_columns[] = {
	TIME(S, at_ns, "at_ns"),
	TIME(S, delivered_at_ns, "delivered_at_ns"),
	SIGNED(S, signal, "signal"),
	ENUM(S, result, "result", SIGNAL_LOSE_INFO + 1),
	ENUM(S, disposition, "disposition", DISPOSITION_BLOCKED + 1),
	BOOL(S, from_member, "from_member"),
	BOOL(S, from_self, "from_self"),
	SENDER(S, sender, "sender"),
};

#define L struct record_listener
static const struct column listener_columns[] = {
	NUMBER(L, family, "family"),
	ADDRESS(L, address, "address"),
	NUMBER(L, port, "port"),
	TIME(L, closed_at_ns, "closed_at_ns"),
	TIME(L, reopened_at_ns, "reopened_at_ns"),
	NUMBER(L, queued_at_signal, "queued_at_signal"),
};

#define C struct record_connection
static const struct column connection_columns[] = {
	ENUM(C, direction, "direction", DIRECTIONS),
	NUMBER(C, pid, "pid"),
	NUMBER(C, family, "family"),
	ADDRESS(C, local, "local"),
	ADDRESS(C, peer, "peer"),
	NUMBER(C, local_port, "local_port"),
	NUMBER(C, peer_port, "peer_port"),
	ENUM(C, at_signal, "at_signal", AT_SIGNAL_NEW + 1),
	TIME(C, arrived_at_ns, "arrived_at_ns"),
	TIME(C, closed_at_ns, "closed_at_ns"),
	ENUM(C, closed_by, "closed_by", CLOSED_BY_KERNEL + 1),
	ENUM(C, wire, "wire", WIRE_RST + 1),
	ENUM(C, outcome, "outcome", OUTCOMES),
	NUMBER(C, unread_bytes, "unread_bytes"),
	NUMBER(C, unacked_bytes, "unacked_bytes"),
	NUMBER(C, received_bytes, "received_bytes"),
	NUMBER(C, sent_bytes, "sent_bytes"),
};

static const struct column outcome_columns[] = {
	ENUM(struct outcome_count, direction, "direction", DIRECTIONS),
	ENUM(struct outcome_count, outcome, "outcome", OUTCOMES),
	NUMBER(struct outcome_count, count, "count"),
};

static const struct column loss_columns[] = {
	ENUM(struct loss_count, cause, "cause", LOSS_CAUSES),
	NUMBER(struct loss_count, count, "count"),
};

#define W struct record_wait
static const struct column wait_columns[] = {
	NUMBER(W, pid, "pid"),
	NUMBER(W, tid, "tid"),
	TEXT(W, comm, "comm"),
	BOOL(W, is_main, "is_main"),
	ENUM(W, state, "state", WAIT_BLOCKED + 1),
	TEXT(W, call, "call"),
	ENUM(W, object, "object", WAIT_ON_EPOLL + 1),
	TEXT(W, text, "text"),
	TIME(W, total_ns, "total_ns"),
	TIME(W, cleanup_ns, "cleanup_ns"),
	SHARE(W, share, "share"),
	NUMBER(W, samples, "samples"),
};

#define F struct stored_finding
static const struct column finding_columns[] = {
	TEXT(F, id, "id"),
	ENUM(F, severity, "severity", SEVERITIES),
	STRING(F, summary, "summary"),
	STRING(F, advice, "advice"),
};

#define E struct stored_evidence
static const struct column evidence_columns[] = {
	TEXT(E, key, "key"),
	ENUM(E, kind, "kind", EVIDENCE_TEXT + 1),
	NUMBER(E, number, "number"),
	TEXT(E, text, "text"),
};

#define COLUMNS(columns_) .columns = (columns_), .n_columns = ARRAY_SIZE(columns_)
const struct relation relations[RELATIONS] = {
	[RELATION_SHUTDOWNS] = { "shutdowns", "number", 1, COLUMNS(shutdown_columns),
				 sizeof(struct record) },
	[RELATION_PROCESSES] = { "processes", "shutdown, n", 2, COLUMNS(process_columns),
				 sizeof(struct record_process) },
	[RELATION_SIGNALS] = { "signals", "shutdown, process, n", 3, COLUMNS(signal_columns),
			       sizeof(struct record_signal) },
	[RELATION_LISTENERS] = { "listeners", "shutdown, n", 2, COLUMNS(listener_columns),
				 sizeof(struct record_listener) },
	[RELATION_CONNECTIONS] = { "connections", "shutdown, n", 2, COLUMNS(connection_columns),
				   sizeof(struct record_connection) },
	[RELATION_OUTCOMES] = { "outcomes", "shutdown, n", 2, COLUMNS(outcome_columns),
				sizeof(struct outcome_count) },
	[RELATION_LOSSES] = { "losses", "shutdown, n", 2, COLUMNS(loss_columns),
			      sizeof(struct loss_count) },
	[RELATION_WAITS] = { "waits", "shutdown, n", 2, COLUMNS(wait_columns),
			     sizeof(struct record_wait) },
	[RELATION_FINDINGS] = { "findings", "shutdown, n", 2, COLUMNS(finding_columns),
				sizeof(struct stored_finding) },
	[RELATION_EVIDENCE] = { "evidence", "shutdown, finding, n", 3, COLUMNS(evidence_columns),
				sizeof(struct stored_evidence) },
};

#define Y struct store_summary
const struct column summary_columns[] = {
	TEXT(Y, id, "id"),
	WALL(Y, trigger_wall_ns, "trigger_wall_ns"),
	ENUM(Y, trigger, "trigger_kind", TRIGGER_LISTENER_CLOSED + 1),
	SIGNED(Y, trigger_signal, "trigger_signal"),
	TEXT(Y, service, "service"),
	ENUM(Y, service_kind, "service_kind", SERVICE_COMMAND + 1),
	ENUM(Y, verdict, "outcome", VERDICT_DRAINING + 1),
	BOOL(Y, is_complete, "is_complete"),
	BOOL(Y, is_provisional, "is_provisional"),
	TIMING(Y),
	BOOL(Y, has_connections, "has_connections"),
	NUMBER(Y, inbound, "inbound_open + inbound_late"),
	NUMBER(Y, in_flight, "inbound_in_flight"),
	NUMBER(Y, aborted, "inbound_aborted"),
	NUMBER(Y, late, "inbound_late"),
	BOOL(Y, are_resets_unseen, "are_resets_unseen"),
	NUMBER(Y, refused, "refused"),
};
const size_t n_summary_columns = ARRAY_SIZE(summary_columns);
