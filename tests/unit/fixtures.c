/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records for the tests of the views, built by hand. The numbers of fixture_orders() add up as
 * those of a real record do.
 */
#include "tests/unit/fixtures.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

#define APPEND(array, n)                                                                           \
	({                                                                                         \
		(array) = must(reallocarray(array, (n) + 1, sizeof(*(array))));                    \
		memset(&(array)[n], 0, sizeof(*(array)));                                          \
		&(array)[(n)++];                                                                   \
	})

void fixture_address(uint8_t bytes[ADDRESS_BYTES], const char *address)
{
	memset(bytes, 0, ADDRESS_BYTES);
	if (inet_pton(AF_INET6, address, bytes) == 1)
		return;
	bytes[10] = 0xff;
	bytes[11] = 0xff;
	if (inet_pton(AF_INET, address, bytes + 12) != 1)
		abort();
}

struct record_process *fixture_process(struct record *record, uint32_t pid, const char *comm)
{
	struct record_process *process = APPEND(record->processes, record->n_processes);

	process->pid = pid;
	process->ns_pid = pid;
	process->ppid = 1;
	process->started_wall_ns = record->trigger_wall_ns - 3600000 * FIXTURE_MS;
	snprintf(process->comm, sizeof(process->comm), "%s", comm);
	process->exited_at_ns = TIME_UNKNOWN;
	process->exit_code = -1;
	return process;
}

struct record_signal *fixture_signal(struct record_process *process, int signal, int64_t at_ns)
{
	struct record_signal *sent = APPEND(process->signals, process->n_signals);

	sent->at_ns = at_ns;
	sent->delivered_at_ns = TIME_UNKNOWN;
	sent->signal = signal;
	sent->sender.pid = 1;
	strcpy(sent->sender.comm, "systemd");
	return sent;
}

struct record_listener *fixture_listener(struct record *record, uint8_t family, const char *address,
					 uint16_t port)
{
	struct record_listener *listener = APPEND(record->listeners, record->n_listeners);

	listener->family = family;
	if (address)
		fixture_address(listener->address, address);
	listener->port = port;
	listener->closed_at_ns = TIME_UNKNOWN;
	listener->reopened_at_ns = TIME_UNKNOWN;
	return listener;
}

struct record_connection *fixture_connection(struct record *record, const char *peer, uint16_t port,
					     enum connection_outcome outcome)
{
	struct record_connection *connection = APPEND(record->details, record->n_details);

	connection->family = strchr(peer, ':') ? AF_INET6 : AF_INET;
	fixture_address(connection->local, strchr(peer, ':') ? "2001:db8::5" : "10.0.0.5");
	fixture_address(connection->peer, peer);
	connection->local_port = 8000;
	connection->peer_port = port;
	connection->arrived_at_ns = TIME_UNKNOWN;
	connection->closed_at_ns = TIME_UNKNOWN;
	connection->outcome = outcome;
	return connection;
}

static void timing_init(struct record_timing *timing)
{
	*timing = (struct record_timing){
		.react_ns = TIME_UNKNOWN,
		.first_action_ns = TIME_UNKNOWN,
		.accepting_ns = TIME_UNKNOWN,
		.in_flight_ns = TIME_UNKNOWN,
		.drain_ns = TIME_UNKNOWN,
		.cleanup_ns = TIME_UNKNOWN,
		.total_ns = TIME_UNKNOWN,
		.dark_ns = TIME_UNKNOWN,
		.grace_ns = TIME_UNKNOWN,
	};
}

struct record *fixture_empty(void)
{
	struct record *record = must(calloc(1, sizeof(*record)));

	strcpy(record->id, "01KAPK2Z7JQ0X4T8M5C9W3R6HD");
	strcpy(record->host.name, "web-1");
	strcpy(record->host.boot_id, "6f9c2a54-1b7e-4c0d-9a3f-2e8d5b7c1a60");
	strcpy(record->host.kernel, "6.18.44");
	strcpy(record->service.name, "orders.service");
	record->trigger = TRIGGER_EXIT;
	record->trigger_wall_ns = 1795375813123456789; /* 2026-11-22T19:30:13.123456789Z */
	record->is_complete = true;
	record->has_connections = true;
	timing_init(&record->timing);
	record->observed_ns = TIME_UNKNOWN;
	record->last_arrival_at_ns = TIME_UNKNOWN;
	record->last_refused_at_ns = TIME_UNKNOWN;
	return record;
}

static void orders_trigger(struct record *record)
{
	struct record_sender *sender = &record->trigger_sender;

	strcpy(record->service.unit, "orders.service");
	strcpy(record->service.cgroup, "/system.slice/orders.service");
	record->trigger = TRIGGER_SIGNAL;
	record->trigger_signal = SIGTERM;
	record->has_trigger_sender = true;
	sender->pid = 41173;
	sender->uid = 1000;
	strcpy(sender->comm, "kill");
	strcpy(sender->ancestry[0], "kill");
	strcpy(sender->ancestry[1], "bash");
	strcpy(sender->ancestry[2], "sshd");
	sender->ancestors = 3;
	record->verdict = VERDICT_LOSSY;
	record->timing = (struct record_timing){
		.react_ns = 112000,
		.first_action_ns = 9100000,
		.accepting_ns = 10400000,
		.in_flight_ns = 1502 * FIXTURE_MS,
		.drain_ns = 2003 * FIXTURE_MS,
		.cleanup_ns = 120 * FIXTURE_MS,
		.total_ns = 2123 * FIXTURE_MS,
		.dark_ns = 3400 * FIXTURE_MS,
		.grace_ns = 90000 * FIXTURE_MS,
	};
}

static void orders_worker(struct record *record, uint32_t pid, int64_t ended_ms)
{
	struct record_process *worker = fixture_process(record, pid, "python3");
	struct record_signal *sent = fixture_signal(worker, SIGTERM, 9100000 + pid * 1000);

	worker->ppid = 812;
	worker->exe = must(strdup("/usr/bin/python3.11"));
	worker->has_exited = true;
	worker->exited_at_ns = ended_ms * FIXTURE_MS;
	worker->exit_code = 0;
	sent->from_member = true;
	sent->disposition = DISPOSITION_HANDLER;
	sent->delivered_at_ns = sent->at_ns + 80000;
	sent->sender.pid = 812;
	strcpy(sent->sender.comm, "uvicorn");
}

static void orders_processes(struct record *record)
{
	struct record_process *master = fixture_process(record, 812, "uvicorn");
	struct record_signal *sent = fixture_signal(master, SIGTERM, 0);

	master->exe = must(strdup("/usr/bin/python3.11"));
	master->has_exited = true;
	master->exited_at_ns = 2123 * FIXTURE_MS;
	master->exit_signal = SIGTERM;
	sent->delivered_at_ns = 112000;
	sent->disposition = DISPOSITION_HANDLER;
	sent->sender = record->trigger_sender;
	sent = fixture_signal(master, SIGTERM, 2122 * FIXTURE_MS); /* re-raised, as uvicorn does */
	sent->from_member = true;
	sent->from_self = true;
	sent->sender.pid = 812;
	strcpy(sent->sender.comm, "uvicorn");
	for (uint32_t i = 0; i < 6; i++)
		orders_worker(record, 815 + i, 120 + 313 * i);
	orders_worker(record, 821, 2010);
	fixture_process(record, 823, "resource_tracke")->ppid = 812;
	sent = fixture_signal(&record->processes[8], SIGTERM, 11 * FIXTURE_MS);
	sent->result = SIGNAL_IGNORED;
	sent->disposition = DISPOSITION_IGNORED;
	record->processes[8].has_exited = true;
	record->processes[8].exited_at_ns = 2100 * FIXTURE_MS;
	record->processes[8].exit_code = 0;
}

static void orders_counts(struct record *record)
{
	record->directions[DIRECTION_INBOUND] = (struct record_direction){
		.open_at_signal = 12,
		.in_flight_at_signal = 5,
		.late = 3,
		.aborted = 4,
		.outcomes = { [OUTCOME_COMPLETED] = 6,
			      [OUTCOME_IDLE] = 4,
			      [OUTCOME_PEER_CLOSED] = 1,
			      [OUTCOME_CUT] = 1,
			      [OUTCOME_UNACCEPTED] = 2,
			      [OUTCOME_LATE_RESET] = 1 },
	};
	record->directions[DIRECTION_OUTBOUND] = (struct record_direction){
		.open_at_signal = 8,
		.outcomes = { [OUTCOME_COMPLETED] = 2,
			      [OUTCOME_IDLE] = 5,
			      [OUTCOME_LEFT_OPEN] = 1 },
	};
	record->refused = 40;
	record->refused_handshakes = 1;
	record->late_closes = 2;
}

static void orders_details(struct record *record)
{
	struct record_connection *c;

	c = fixture_connection(record, "10.0.0.9", 51322, OUTCOME_CUT);
	c->pid = 816;
	c->at_signal = AT_SIGNAL_IN_FLIGHT;
	c->closed_at_ns = 433 * FIXTURE_MS;
	c->closed_by = CLOSED_BY_APP;
	c->wire = WIRE_FIN;
	c->received_bytes = 312;
	c = fixture_connection(record, "10.0.0.11", 40112, OUTCOME_UNACCEPTED);
	c->at_signal = AT_SIGNAL_QUEUED;
	c->closed_at_ns = 10400000;
	c->closed_by = CLOSED_BY_KERNEL;
	c->wire = WIRE_RST;
	c->received_bytes = 98;
	c->unread_bytes = 98;
	c = fixture_connection(record, "2001:db8:85a3:1d2c:9d4e:8a2e:370:7334", 60222,
			       OUTCOME_UNACCEPTED);
	c->at_signal = AT_SIGNAL_NEW;
	c->arrived_at_ns = 10200000;
	c->closed_at_ns = 10400000;
	c->closed_by = CLOSED_BY_KERNEL;
	c->wire = WIRE_RST;
	c = fixture_connection(record, "10.0.0.9", 51340, OUTCOME_LATE_RESET);
	c->pid = 817;
	c->at_signal = AT_SIGNAL_IDLE;
	c->closed_at_ns = 1204 * FIXTURE_MS;
	c->closed_by = CLOSED_BY_APP;
	c->wire = WIRE_FIN;
	c->received_bytes = 18724;
	c->sent_bytes = 1840233;
	c = fixture_connection(record, "10.0.0.7", 5432, OUTCOME_LEFT_OPEN);
	c->direction = DIRECTION_OUTBOUND;
	c->pid = 821;
	c->at_signal = AT_SIGNAL_IDLE;
	c->closed_at_ns = 2010 * FIXTURE_MS;
	c->closed_by = CLOSED_BY_EXIT;
	c->wire = WIRE_FIN;
	c->received_bytes = 771203;
	c->sent_bytes = 90211;
	for (uint16_t i = 0; i < 6; i++) {
		c = fixture_connection(record, "10.0.0.21", 33000 + i, OUTCOME_COMPLETED);
		c->pid = 815 + i;
		c->at_signal = AT_SIGNAL_IN_FLIGHT;
		c->closed_at_ns = (210 + 358 * i) * FIXTURE_MS;
		c->closed_by = CLOSED_BY_APP;
		c->wire = WIRE_FIN;
		c->received_bytes = 540;
		c->sent_bytes = 2210 + 1000 * i;
	}
	record->details_omitted = 12;
}

struct record *fixture_orders(void)
{
	struct record *record = fixture_empty();
	struct record_listener *listener;

	orders_trigger(record);
	orders_processes(record);
	orders_counts(record);
	orders_details(record);
	listener = fixture_listener(record, AF_INET, "0.0.0.0", 8000);
	listener->closed_at_ns = 10400000;
	listener->reopened_at_ns = 3410400000;
	listener->queued_at_signal = 2;
	return record;
}

void fixture_free(struct record *record)
{
	record_fini(record);
	free(record);
}
