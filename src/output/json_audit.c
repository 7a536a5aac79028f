// SPDX-License-Identifier: GPL-2.0-only
/* An audit -> JSON. As in json.c: field names and their order are public. */
#include <string.h>

#include "src/base/cleanup.h"
#include "src/output/address.h"
#include "src/output/audit.h"
#include "src/output/json_findings.h"
#include "src/output/json_values.h"

/* clang-format off */

static json_t *service_json(const struct record_service *service)
{
	return object_new("name", value_known_text(service->name),
			  "kind", value_word(service_kind_name(service->kind)),
			  "cgroup", value_known_text(service->cgroup),
			  "unit", value_known_text(service->unit),
			  "container_id", value_known_text(service->container_id),
			  "pod_uid", value_known_text(service->pod_uid),
			  NULL);
}

static json_t *stop_json(const struct audit *audit)
{
	static const char *const sources[] = {
		[SIGNAL_ASSUMED] = "assumed",
		[SIGNAL_ASKED] = "asked",
		[SIGNAL_BY_UNIT] = "unit",
		[SIGNAL_BY_COMMAND] = "command",
		[SIGNAL_UNSEEN] = "command",
	};
	bool is_endless = audit->grace_ns == INT64_MAX;

	bool is_unseen = audit->signal_source == SIGNAL_UNSEEN;

	return object_new("signal", is_unseen ? json_null() : value_signal(audit->signal),
			  "signal_source", value_word(sources[audit->signal_source]),
			  "command", audit->stop_command ? value_text(audit->stop_command)
							 : json_null(),
			  "restart_signal", audit->restart_signal
						    ? value_signal(audit->restart_signal)
						    : json_null(),
			  "kill_mode", value_word(kill_mode_name(audit->kill_mode)),
			  "main_pid", value_number(audit->main_pid),
			  "grace_s", value_seconds(is_endless ? TIME_UNKNOWN : audit->grace_ns),
			  "grace_is_endless", json_boolean(is_endless),
			  "unit_error", value_word(audit->unit_error ? strerror(-audit->unit_error)
								     : NULL),
			  NULL);
}

static json_t *process_json(const struct audit_process *process)
{
	const char *disposition =
		process->is_readable ? disposition_name(process->disposition) : NULL;

	return object_new("pid", value_count(process->pid),
			  "ppid", value_count(process->parent),
			  "comm", value_text(process->comm),
			  "program", value_word(program_name(process->program)),
			  "disposition", value_word(disposition),
			  "is_awaited", json_boolean(process->is_awaited),
			  "is_init", json_boolean(process->is_init),
			  "is_told", json_boolean(process->is_told),
			  "fate", value_word(fate_name(process->fate)),
			  "listeners", value_count(process->listeners),
			  "inbound", value_count(process->inbound),
			  "inbound_in_flight", value_count(process->inbound_in_flight),
			  "outbound", value_count(process->outbound),
			  "outbound_in_flight", value_count(process->outbound_in_flight),
			  "is_stopped", json_boolean(process->is_stopped),
			  NULL);
}

static json_t *listener_json(const struct audit_listener *listener)
{
	char buffer[ADDRESS_TEXT_BYTES];
	const char *address = address_format(listener->family, listener->address, buffer);
	json_t *holders = json_array();

	for (size_t i = 0; i < listener->n_holders; i++)
		holders = array_add(holders, value_count(listener->holders[i]));
	return object_new("family", value_word(address_family_name(listener->family)),
			  "address", value_word(address),
			  "port", value_number(listener->port),
			  "queued", value_count(listener->queued),
			  "pids", holders,
			  "is_held_outside", json_boolean(listener->is_held_outside),
			  "stalled", value_count(listener->stalled),
			  NULL);
}

static json_t *audit_json(const struct audit *audit)
{
	struct record record = { .findings = audit->findings, .n_findings = audit->n_findings };
	json_t *processes = json_array();
	json_t *listeners = json_array();

	for (size_t i = 0; i < audit->n_processes; i++)
		processes = array_add(processes, process_json(&audit->processes[i]));
	for (size_t i = 0; i < audit->n_listeners; i++)
		listeners = array_add(listeners, listener_json(&audit->listeners[i]));
	return object_new("schema", value_word(AUDIT_SCHEMA),
			  "service", service_json(&audit->service),
			  "stop", stop_json(audit),
			  "outcome", value_word(verdict_name(audit->verdict)),
			  "reason", value_text(audit->reason),
			  "findings", json_of_findings(&record),
			  "processes", processes,
			  "listeners", listeners,
			  NULL);
}

/* clang-format on */

char *json_from_audit(const struct audit *audit)
{
	json_auto_t *object = audit_json(audit);

	return object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
}
