// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies what the model collected into the record, and lets timing and verdict judge it. Pure:
 * the same shutdown gives the same record, byte for byte.
 */
#include "src/analysis/build.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "src/analysis/findings.h"
#include "src/analysis/timing.h"
#include "src/analysis/ulid.h"
#include "src/analysis/verdict.h"
#include "src/analysis/waits.h"

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;
	size_t i;

	for (i = 0; i < size; i++) /* FNV-1a */
		hash = (hash ^ byte[i]) * 0x100000001b3ULL;
	return hash;
}

static void build_id(const struct shutdown *s, const struct host *host, struct record *r)
{
	struct process_id first = {};
	uint64_t low = 0xcbf29ce484222325ULL;

	if (shutdown_is_by_itself(s))
		first = s->trigger.listener.process;
	else if (s->has_trigger)
		first = s->trigger.header.type == EVENT_SIGNAL ? s->trigger.signal.target
							       : s->trigger.exit.process;
	low = mix(low, host->boot_id, strnlen(host->boot_id, sizeof(host->boot_id)));
	low = mix(low, &s->armed_ns, sizeof(s->armed_ns));
	low = mix(low, &first, sizeof(first));
	ulid_format((uint64_t)r->trigger_wall_ns / 1000000, (uint16_t)(mix(low, "ulid", 4) >> 16),
		    low, r->id);
}

static void copy_text(char *to, size_t to_size, const char *from, size_t from_size)
{
	size_t size = strnlen(from, from_size);

	if (size >= to_size)
		size = to_size - 1;
	memcpy(to, from, size);
	to[size] = '\0';
}

static void build_service(const struct shutdown *s, struct record *r)
{
	const struct event_service *e = &s->identity;
	struct record_service *service = &r->service;

	service->kind = s->has_identity ? e->kind : SERVICE_TREE;
	copy_text(service->name, sizeof(service->name), e->name, sizeof(e->name));
	copy_text(service->unit, sizeof(service->unit), e->unit, sizeof(e->unit));
	copy_text(service->container_id, sizeof(service->container_id), e->container_id,
		  sizeof(e->container_id));
	copy_text(service->pod_uid, sizeof(service->pod_uid), e->pod_uid, sizeof(e->pod_uid));
	copy_text(service->cgroup, sizeof(service->cgroup), e->cgroup, sizeof(e->cgroup));
	if (!service->name[0] && s->n_processes)
		copy_text(service->name, sizeof(service->name), s->processes[0].comm, COMM_BYTES);
}

static void build_sender(const struct event_signal *e, struct record_sender *sender)
{
	size_t i;

	/* A fault, the terminal: whoever was running is a bystander, or the culprit itself. */
	sender->is_kernel = e->flags & SIGNAL_FROM_KERNEL;
	if (sender->is_kernel) {
		copy_text(sender->comm, sizeof(sender->comm), "kernel", COMM_BYTES);
		return;
	}
	sender->pid = e->sender.tgid;
	sender->uid = e->sender_uid;
	sender->ancestors = e->ancestors;
	for (i = 0; i < e->ancestors; i++)
		copy_text(sender->ancestry[i], sizeof(sender->ancestry[i]), e->ancestry[i],
			  COMM_BYTES);
	copy_text(sender->comm, sizeof(sender->comm), e->ancestry[0], COMM_BYTES);
}

static void build_trigger(const struct shutdown *s, struct record *r)
{
	r->trigger = shutdown_is_by_itself(s) ? TRIGGER_LISTENER_CLOSED : TRIGGER_EXIT;
	if (!s->has_trigger || s->trigger.header.type != EVENT_SIGNAL)
		return;
	r->trigger = TRIGGER_SIGNAL;
	r->trigger_signal = s->trigger.signal.signal;
	r->has_trigger_sender = true;
	build_sender(&s->trigger.signal, &r->trigger_sender);
}

static void build_signal(const struct shutdown *s, const struct process_signal *from,
			 struct record_signal *to)
{
	const struct event_signal *e = &from->event;

	to->at_ns = timing_since_stop(s, e->header.at_ns);
	to->delivered_at_ns = timing_since_stop(s, from->delivered_ns);
	to->signal = e->signal;
	to->result = e->result;
	/* Blocked in the thread that was looked at, but another one had it handled. */
	to->disposition = e->disposition == DISPOSITION_BLOCKED && from->delivered_ns
				  ? DISPOSITION_HANDLER
				  : e->disposition;
	to->from_member = e->flags & SIGNAL_FROM_MEMBER;
	to->from_self = process_id_equal(&e->sender, &e->target);
	build_sender(e, &to->sender);
}

static void build_exit(const struct shutdown *s, const struct process *from,
		       struct record_process *to)
{
	to->has_exited = from->has_ended;
	to->exited_at_ns = timing_since_stop(s, from->ended_ns);
	to->exit_code = -1;
	if (!from->has_status)
		return;
	if (WIFSIGNALED(from->status)) {
		to->exit_signal = WTERMSIG(from->status);
		to->has_core = WCOREDUMP(from->status);
	} else {
		to->exit_code = WEXITSTATUS(from->status);
	}
}

static int build_process(const struct shutdown *s, const struct process *from,
			 struct record_process *to)
{
	size_t i;

	to->pid = from->id.tgid;
	to->ns_pid = from->ns_pid;
	to->ppid = from->parent.tgid;
	to->has_listener = from->has_listener;
	to->started_wall_ns = (int64_t)from->id.started_ns + s->identity.wall_offset_ns;
	copy_text(to->comm, sizeof(to->comm), from->comm, COMM_BYTES);
	build_exit(s, from, to);
	to->program = program_from_name(from->known_as);
	if (to->program == PROGRAM_UNKNOWN)
		to->program = program_recognise(to->comm, from->exe, NULL, 0);
	if (from->exe) {
		to->exe = strdup(from->exe);
		if (!to->exe)
			return -ENOMEM;
	}
	if (from->args) {
		to->args = strdup(from->args);
		if (!to->args)
			return -ENOMEM;
	}
	if (!from->n_signals)
		return 0;
	to->signals = calloc(from->n_signals, sizeof(*to->signals));
	if (!to->signals)
		return -ENOMEM;
	to->n_signals = from->n_signals;
	for (i = 0; i < from->n_signals; i++)
		build_signal(s, &from->signals[i], &to->signals[i]);
	return 0;
}

static int compare_processes(const void *left, const void *right)
{
	const struct record_process *a = left, *b = right;

	if (a->started_wall_ns != b->started_wall_ns)
		return a->started_wall_ns > b->started_wall_ns ? 1 : -1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int build_processes(const struct shutdown *s, struct record *r)
{
	size_t i;
	int err;

	if (!s->n_processes)
		return 0;
	r->processes = calloc(s->n_processes, sizeof(*r->processes));
	if (!r->processes)
		return -ENOMEM;
	r->n_processes = s->n_processes;
	for (i = 0; i < s->n_processes; i++) {
		err = build_process(s, &s->processes[i], &r->processes[i]);
		if (err)
			return err;
		if (s->processes[i].is_oom_victim)
			r->trigger = TRIGGER_OOM;
	}
	qsort(r->processes, r->n_processes, sizeof(*r->processes), compare_processes);
	return 0;
}

static int build_listeners(const struct shutdown *s, struct record *r)
{
	size_t i;

	r->has_connections = s->n_listeners == 0;
	if (!s->n_listeners)
		return 0;
	r->listeners = calloc(s->n_listeners, sizeof(*r->listeners));
	if (!r->listeners)
		return -ENOMEM;
	r->n_listeners = s->n_listeners;
	for (i = 0; i < s->n_listeners; i++) {
		const struct listener *from = &s->listeners[i];
		struct record_listener *to = &r->listeners[i];

		to->family = from->family;
		memcpy(to->address, from->address, ADDRESS_BYTES);
		to->port = from->port;
		to->closed_at_ns = timing_since_stop(s, from->closed_ns);
		to->reopened_at_ns = timing_since_stop(s, from->reopened_ns);
		to->queued_at_signal = from->queued;
		if (from->family != AF_UNIX)
			r->has_connections = true;
	}
	return 0;
}

static void build_direction(const struct counts *counts, enum direction direction,
			    struct record_direction *to)
{
	int outcome;

	to->open_at_signal = counts->open[direction];
	to->in_flight_at_signal = counts->in_flight[direction];
	to->late = counts->late[direction];
	for (outcome = 0; outcome < OUTCOMES; outcome++) {
		to->outcomes[outcome] = counts->outcomes[direction][outcome];
		if (outcome_is_aborted(outcome))
			to->aborted += to->outcomes[outcome];
	}
	to->undecided = to->outcomes[OUTCOME_UNDECIDED];
}

static void build_detail(const struct shutdown *s, const struct event_connection *e,
			 struct record_connection *to)
{
	bool is_gone = e->outcome != OUTCOME_OPEN && e->outcome != OUTCOME_HANDED_OVER;

	to->direction = e->direction;
	to->pid = e->process.tgid;
	to->family = e->family;
	memcpy(to->local, e->local, ADDRESS_BYTES);
	memcpy(to->peer, e->peer, ADDRESS_BYTES);
	to->local_port = e->local_port;
	to->peer_port = e->peer_port;
	to->at_signal = e->at_signal;
	to->arrived_at_ns = timing_since_stop(s, e->arrived_ns);
	to->closed_at_ns = is_gone ? timing_since_stop(s, e->header.at_ns) : TIME_UNKNOWN;
	to->closed_by = e->closed_by;
	to->wire = e->wire;
	to->is_peer_first = e->flags & CONNECTION_PEER_FIRST;
	to->outcome = e->outcome;
	to->unread_bytes = e->unread_bytes;
	to->unacked_bytes = e->unacked_bytes;
	to->received_bytes = e->received_bytes;
	to->sent_bytes = e->sent_bytes;
}

static uint64_t sum_of_outcomes(const struct record_direction *direction)
{
	uint64_t sum = 0;
	int outcome;

	for (outcome = 0; outcome < OUTCOMES; outcome++)
		sum += direction->outcomes[outcome];
	return sum;
}

/* While it goes on, what has not left is open. */
static void add_still_open(struct record_direction *direction)
{
	uint64_t seen = direction->open_at_signal + direction->late;
	uint64_t left = sum_of_outcomes(direction);

	if (seen > left)
		direction->outcomes[OUTCOME_OPEN] += seen - left;
}

static int build_connections(const struct shutdown *s, struct record *r)
{
	uint64_t all = 0;
	size_t i;
	int direction;

	for (direction = 0; direction < DIRECTIONS; direction++) {
		build_direction(&s->counts, direction, &r->directions[direction]);
		if (s->is_provisional && s->reason != ENDED_SETTLED)
			add_still_open(&r->directions[direction]);
		all += sum_of_outcomes(&r->directions[direction]);
	}
	r->are_resets_unseen = s->are_resets_unseen;
	r->refused = s->counts.refused;
	r->refused_handshakes = s->counts.refused_handshakes;
	r->late_closes = s->counts.late_closes;
	r->last_arrival_at_ns = timing_since_stop(s, s->last_arrival_ns);
	r->last_refused_at_ns = timing_since_stop(s, s->counts.last_refused_ns);
	if (s->details.count) {
		r->details = calloc(s->details.count, sizeof(*r->details));
		if (!r->details)
			return -ENOMEM;
	}
	r->n_details = s->details.count;
	for (i = 0; i < s->details.count; i++)
		build_detail(s, &s->details.items[i], &r->details[i]);
	r->details_omitted = all > r->n_details ? all - r->n_details : 0;
	return 0;
}

/* Only now: what was found must not depend on how much is told. */
static void cut_details(const struct shutdown *s, struct record *r)
{
	if (r->n_details <= s->details_limit)
		return;
	r->details_omitted += r->n_details - s->details_limit;
	r->n_details = s->details_limit;
}

/*
 * What was lost. A nested run of the packet-side program loses nothing for good: the connection
 * is decided when it is destroyed or reconciled, and the sums prove it.
 */
static void build_loss(const struct shutdown *s, struct record *r)
{
	int cause, direction;

	memcpy(r->losses, s->losses, sizeof(r->losses));
	for (direction = 0; direction < DIRECTIONS; direction++) {
		const struct record_direction *d = &r->directions[direction];
		uint64_t seen = d->open_at_signal + d->late;
		uint64_t left = sum_of_outcomes(d);

		r->losses[LOSS_UNBALANCED] += seen > left ? seen - left : left - seen;
	}
	for (cause = 0; cause < LOSS_CAUSES; cause++) {
		if (cause != LOSS_NESTED_PACKET)
			r->lost_events += r->losses[cause];
	}
	r->is_complete = r->lost_events == 0;
}

int record_build(const struct shutdown *s, const struct host *host, struct record *ret_record)
{
	struct record r = {};
	int err;

	r.host = *host;
	r.is_provisional = s->is_provisional;
	r.trigger_wall_ns = (int64_t)s->armed_ns + s->identity.wall_offset_ns;
	build_id(s, host, &r);
	build_service(s, &r);
	build_trigger(s, &r);
	err = build_processes(s, &r);
	if (!err)
		err = build_listeners(s, &r);
	if (!err)
		err = build_connections(s, &r);
	r.timing = timing_of(s);
	r.observed_ns = timing_since_stop(s, s->ended_ns);
	if (!err)
		err = waits_of(s, &r);
	if (err) {
		record_fini(&r);
		memset(ret_record, 0, sizeof(*ret_record));
		return err;
	}
	build_loss(s, &r);
	r.verdict = verdict_of(s, &r);
	err = findings_of(&r);
	if (err) {
		record_fini(&r);
		memset(ret_record, 0, sizeof(*ret_record));
		return err;
	}
	cut_details(s, &r);
	*ret_record = r;
	return 0;
}
