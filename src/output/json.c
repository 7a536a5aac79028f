/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Record -> JSON. Field names and their order are public; jansson keeps the order of insertion.
 *
 * Every function returns a new reference, or NULL when memory ran out: see json_values.h.
 */
#include "src/output/json.h"

#include <jansson.h>

#include "src/analysis/record.h"
#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/output/address.h"
#include "src/output/json_findings.h"
#include "src/output/json_values.h"

/* A double holds 15 decimal digits: nanoseconds of up to 11 days, and no noise behind them. */
#define REAL_DIGITS 15

static json_t *address_json(uint8_t family, const uint8_t *address)
{
	char buffer[ADDRESS_TEXT_BYTES];

	return value_word(address_format(family, address, buffer));
}

static json_t *endpoint_json(uint8_t family, const uint8_t *address, uint16_t port)
{
	char buffer[ADDRESS_TEXT_BYTES];

	return value_word(endpoint_format(family, address, port, buffer));
}

/* From here on: one key and its value a line. */
/* clang-format off */

static json_t *host_json(const struct host *host)
{
	return object_new("name", value_known_text(host->name),
			  "boot_id", value_known_text(host->boot_id),
			  "kernel", value_known_text(host->kernel), NULL);
}

static json_t *service_json(const struct record_service *service)
{
	return object_new("name", value_text(service->name),
			  "kind", value_word(service_kind_name(service->kind)),
			  "cgroup", value_known_text(service->cgroup),
			  "unit", value_known_text(service->unit),
			  "container_id", value_known_text(service->container_id),
			  "pod_uid", value_known_text(service->pod_uid), NULL);
}

static json_t *ancestry_json(const struct record_sender *sender)
{
	json_t *ancestry = json_array();

	for (size_t i = 0; i < sender->ancestors && !sender->is_kernel; i++)
		ancestry = array_add(ancestry, value_text(sender->ancestry[i]));
	return ancestry;
}

static json_t *sender_json(const struct record_sender *sender)
{
	if (sender->is_kernel)
		return object_new("pid", value_count(0), "comm", value_word("kernel"),
				  "uid", value_count(0), NULL);
	if (sender->pid == 0)
		return json_null();
	return object_new("pid", value_count(sender->pid), "comm", value_text(sender->comm),
			  "uid", value_count(sender->uid), NULL);
}

static json_t *trigger_sender_json(const struct record *record)
{
	json_t *sender;

	if (!record->has_trigger_sender)
		return json_null();
	sender = sender_json(&record->trigger_sender);
	if (!json_is_object(sender))
		return sender;
	if (json_object_set_new(sender, "ancestry", ancestry_json(&record->trigger_sender)) == 0)
		return sender;
	json_decref(sender);
	return NULL;
}

static json_t *trigger_json(const struct record *record)
{
	return object_new("kind", value_word(trigger_kind_name(record->trigger)),
			  "signal", value_signal(record->trigger_signal),
			  "at", value_time(record->trigger_wall_ns),
			  "sender", trigger_sender_json(record), NULL);
}

static json_t *timing_json(const struct record_timing *timing)
{
	return object_new("react_s", value_seconds(timing->react_ns),
			  "first_action_s", value_seconds(timing->first_action_ns),
			  "accepting_s", value_seconds(timing->accepting_ns),
			  "in_flight_s", value_seconds(timing->in_flight_ns),
			  "drain_s", value_seconds(timing->drain_ns),
			  "cleanup_s", value_seconds(timing->cleanup_ns),
			  "total_s", value_seconds(timing->total_ns),
			  "dark_s", value_seconds(timing->dark_ns),
			  "grace_s", value_seconds(timing->grace_ns), NULL);
}

static json_t *signal_json(const struct record_signal *signal)
{
	return object_new("at_s", value_seconds(signal->at_ns),
			  "signal", value_signal(signal->signal),
			  "sender", sender_json(&signal->sender),
			  "result", value_word(signal_result_name(signal->result)),
			  "disposition", value_word(disposition_name(signal->disposition)),
			  "delivered_at_s", value_seconds(signal->delivered_at_ns), NULL);
}

static json_t *signals_json(const struct record_process *process)
{
	json_t *signals = json_array();

	for (size_t i = 0; i < process->n_signals; i++)
		signals = array_add(signals, signal_json(&process->signals[i]));
	return signals;
}

static json_t *exit_json(const struct record_process *process)
{
	bool has_code = process->exit_signal == 0 && process->exit_code >= 0;

	if (!process->has_exited)
		return json_null();
	return object_new("at_s", value_seconds(process->exited_at_ns),
			  "code", has_code ? json_integer(process->exit_code) : json_null(),
			  "signal", value_signal(process->exit_signal),
			  "core", json_boolean(process->has_core), NULL);
}

static json_t *process_json(const struct record_process *process)
{
	return object_new("pid", value_count(process->pid),
			  "ns_pid", value_number(process->ns_pid),
			  "ppid", value_number(process->ppid),
			  "started_at", value_time(process->started_wall_ns),
			  "comm", value_text(process->comm),
			  "exe", value_known_text(process->exe),
			  "args", value_known_text(process->args),
			  "program", value_word(program_name(process->program)),
			  "signals", signals_json(process),
			  "exit", exit_json(process), NULL);
}

static json_t *processes_json(const struct record *record)
{
	json_t *processes = json_array();

	for (size_t i = 0; i < record->n_processes; i++)
		processes = array_add(processes, process_json(&record->processes[i]));
	return processes;
}

static json_t *listener_json(const struct record_listener *listener)
{
	return object_new("family", value_word(address_family_name(listener->family)),
			  "address", address_json(listener->family, listener->address),
			  "port", value_number(listener->port),
			  "closed_at_s", value_seconds(listener->closed_at_ns),
			  "queued_at_signal", value_count(listener->queued_at_signal),
			  "reopened_at_s", value_seconds(listener->reopened_at_ns), NULL);
}

static json_t *listeners_json(const struct record *record)
{
	json_t *listeners = json_array();

	for (size_t i = 0; i < record->n_listeners; i++)
		listeners = array_add(listeners, listener_json(&record->listeners[i]));
	return listeners;
}

static json_t *outcomes_json(const struct record_direction *direction)
{
	json_auto_t *outcomes = json_object();

	for (int i = 0; i < OUTCOMES; i++) {
		if (direction->outcomes[i] == 0)
			continue;
		if (json_object_set_new(outcomes, outcome_name(i),
					value_count(direction->outcomes[i])) < 0)
			return NULL;
	}
	return TAKE_PTR(outcomes);
}

static json_t *resets_json(const struct record *record, uint64_t count)
{
	return record->are_resets_unseen ? json_null() : value_count(count);
}

static json_t *inbound_json(const struct record *record)
{
	const struct record_direction *inbound = &record->directions[DIRECTION_INBOUND];

	return object_new("open_at_signal", value_count(inbound->open_at_signal),
			  "in_flight_at_signal", value_count(inbound->in_flight_at_signal),
			  "late", value_count(inbound->late),
			  "aborted", value_count(inbound->aborted),
			  "undecided", value_count(inbound->undecided),
			  "refused", resets_json(record, record->refused),
			  "refused_handshakes", resets_json(record, record->refused_handshakes),
			  "late_closes", resets_json(record, record->late_closes),
			  "last_arrival_s", value_seconds(record->last_arrival_at_ns),
			  "last_refused_s", value_seconds(record->last_refused_at_ns),
			  "outcomes", outcomes_json(inbound), NULL);
}

static json_t *outbound_json(const struct record *record)
{
	const struct record_direction *outbound = &record->directions[DIRECTION_OUTBOUND];

	return object_new("open_at_signal", value_count(outbound->open_at_signal),
			  "late", value_count(outbound->late),
			  "aborted", value_count(outbound->aborted),
			  "outcomes", outcomes_json(outbound), NULL);
}

static json_t *detail_json(const struct record_connection *c)
{
	return object_new("direction", value_word(direction_name(c->direction)),
			  "pid", value_number(c->pid),
			  "local", endpoint_json(c->family, c->local, c->local_port),
			  "peer", endpoint_json(c->family, c->peer, c->peer_port),
			  "at_signal", value_word(at_signal_name(c->at_signal)),
			  "arrived_at_s", value_seconds(c->arrived_at_ns),
			  "closed_at_s", value_seconds(c->closed_at_ns),
			  "closed_by", value_word(closer_name(c->closed_by)),
			  "wire", value_word(wire_name(c->wire)),
			  "outcome", value_word(outcome_name(c->outcome)),
			  "unread_bytes", value_count(c->unread_bytes),
			  "unacked_bytes", value_count(c->unacked_bytes),
			  "received_bytes", value_count(c->received_bytes),
			  "sent_bytes", value_count(c->sent_bytes), NULL);
}

static json_t *connections_json(const struct record *record)
{
	json_t *details;

	if (!record->has_connections)
		return json_null();
	details = json_array();
	for (size_t i = 0; i < record->n_details; i++)
		details = array_add(details, detail_json(&record->details[i]));
	return object_new("inbound", inbound_json(record),
			  "outbound", outbound_json(record),
			  "details", details,
			  "details_omitted", value_count(record->details_omitted), NULL);
}

static json_t *loss_json(const struct record *record)
{
	json_auto_t *causes = json_object();

	for (int i = 0; i < LOSS_CAUSES; i++) {
		if (record->losses[i] == 0)
			continue;
		if (json_object_set_new(causes, loss_cause_name(i),
					value_count(record->losses[i])) < 0)
			return NULL;
	}
	return object_new("events", value_count(record->lost_events),
			  "by_cause", TAKE_PTR(causes), NULL);
}

static json_t *record_json(const struct record *record)
{
	json_auto_t *head = object_new("schema", value_word(RECORD_SCHEMA),
				       "id", value_text(record->id),
				       "host", host_json(&record->host),
				       "service", service_json(&record->service),
				       "trigger", trigger_json(record),
				       "outcome", value_word(verdict_name(record->verdict)),
				       "complete", json_boolean(record->is_complete),
				       "provisional", json_boolean(record->is_provisional),
				       "timing", timing_json(&record->timing),
				       "processes", processes_json(record),
				       "listeners", listeners_json(record),
				       "connections", connections_json(record), NULL);
	json_auto_t *tail = object_new("findings", json_of_findings(record),
				       "waits", json_of_waits(record),
				       "loss", loss_json(record), NULL);

	if (!record->has_connections &&
	    json_object_set_new(head, "connections_reason",
				value_word("Unix sockets only: cannot be told yet")) < 0)
		return NULL;
	return json_object_update(head, tail) < 0 ? NULL : TAKE_PTR(head);
}

/* clang-format on */

static int add_bytes(const char *bytes, size_t size, void *data)
{
	struct text *text = data;

	text_add_bytes(text, bytes, size);
	return text->has_failed ? -1 : 0;
}

/* Not json_dumps(): when its buffer cannot grow, jansson 2.14 drops a key and says nothing. */
char *json_from_record(const struct record *record, bool is_indented)
{
	size_t flags = JSON_REAL_PRECISION(REAL_DIGITS);
	json_auto_t *json = record_json(record);
	struct text text;

	text_init(&text);
	flags |= is_indented ? JSON_INDENT(2) : JSON_COMPACT;
	if (!json || json_dump_callback(json, add_bytes, &text, flags) < 0)
		text.has_failed = true;
	return text_take(&text);
}
