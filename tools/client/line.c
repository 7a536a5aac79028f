// SPDX-License-Identifier: GPL-2.0-only
/* Connection -> JSON line. Its strings are ours or checked by the parsers: none needs escapes. */
#include <arpa/inet.h>
#include <inttypes.h>

#include "tools/client/connection.h"

static const char *const state_names[STATES] = {
	[STATE_IDLE] = "idle",
	[STATE_STREAM] = "stream",
	[STATE_HALF_RESPONSE] = "half_response",
	[STATE_IN_FLIGHT] = "in_flight",
	[STATE_HALF_REQUEST] = "half_request",
	[STATE_SILENT] = "silent",
	[STATE_QUEUED] = "queued",
	[STATE_FLOW] = "flow",
	[STATE_BURST] = "burst",
};

static const char *const end_names[ENDS] = {
	[END_FIN] = "fin",	   [END_RST] = "rst",	[END_REFUSED] = "refused",
	[END_TIMEOUT] = "timeout", [END_OPEN] = "open", [END_CLOSED] = "closed_by_us",
	[END_FAILED] = "failed",
};

static const char *const progress_names[PROGRESSES] = { "none", "part", "whole" };
static const char *const protocol_names[] = { "http", "redis", "postgres" };

const char *state_name(enum state state)
{
	return state_names[state];
}

static void put_time(FILE *file, const char *name, uint64_t ns)
{
	if (ns)
		fprintf(file, ",\"%s\":%" PRIu64, name, ns);
	else
		fprintf(file, ",\"%s\":null", name);
}

static void put_text(FILE *file, const char *name, const char *text)
{
	if (text && *text)
		fprintf(file, ",\"%s\":\"%s\"", name, text);
	else
		fprintf(file, ",\"%s\":null", name);
}

static void put_flag(FILE *file, const char *name, bool is_set)
{
	fprintf(file, ",\"%s\":%s", name, is_set ? "true" : "false");
}

static void put_addresses(FILE *file, const struct plan *plan, const struct connection *connection)
{
	const struct sockaddr_in *v4 = (const void *)&connection->local.storage;
	char text[ADDRESS_TEXT_BYTES] = "";

	/* The port stands at the same place in both families; a refused socket has lost it. */
	if (connection->local.size && v4->sin_port)
		address_print(&connection->local, text);
	put_text(file, "local", text);
	address_print(&plan->target, text);
	put_text(file, "peer", text);
	put_text(file, "family", plan->target.storage.ss_family == AF_INET6 ? "inet6" : "inet");
}

static void put_times(FILE *file, const struct connection *connection)
{
	put_time(file, "connect_ns", connection->connect_ns);
	put_time(file, "connected_ns", connection->connected_ns);
	put_time(file, "first_request_ns", connection->first_request_ns);
	put_time(file, "answered_ns", connection->answered_ns);
	put_time(file, "request_ns", connection->request_ns);
	put_time(file, "first_byte_ns", connection->first_byte_ns);
	put_time(file, "last_byte_ns", connection->last_byte_ns);
	put_time(file, "fin_ns", connection->fin_ns);
	put_time(file, "reset_ns", connection->reset_ns);
	put_time(file, "error_ns", connection->error_ns);
	put_time(file, "late_request_ns", connection->late_request_ns);
	put_time(file, "late_reset_ns", connection->late_reset_ns);
	put_time(file, "closed_ns", connection->closed_ns);
	put_time(file, "late_ns", connection->late_ns);
}

void line_write(FILE *file, const struct plan *plan, const struct connection *connection,
		enum end end, int error)
{
	fprintf(file, "{\"id\":%" PRIu64 ",\"state\":\"%s\",\"protocol\":\"%s\"", connection->id,
		state_names[connection->state], protocol_names[plan->protocol]);
	put_addresses(file, plan, connection);
	put_times(file, connection);
	fprintf(file,
		",\"sent_bytes\":%" PRIu64 ",\"received_bytes\":%" PRIu64
		",\"unasked_bytes\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"answers\":%" PRIu64,
		connection->sent_bytes, connection->received_bytes, connection->unasked_bytes,
		connection->requests, connection->answers);
	put_text(file, "last", progress_names[connection_progress(connection)]);
	put_text(file, "status", connection->status);
	put_flag(file, "says_close", connection->says_close);
	put_flag(file, "malformed", connection->is_malformed);
	put_text(file, "end", end_names[end]);
	put_flag(file, "late_reset", connection->late_reset_ns != 0);
	fprintf(file, ",\"errno\":%d}\n", error);
}

static void print_row(FILE *file, const struct load *load, int state, int progress)
{
	const uint64_t *counts = load->counts[state][progress];
	uint64_t total = 0;
	int end;

	for (end = 0; end < ENDS; end++)
		total += counts[end];
	if (!total)
		return;
	fprintf(file, "%-14s %-6s", state_names[state], progress_names[progress]);
	for (end = 0; end < ENDS; end++)
		fprintf(file, " %12" PRIu64, counts[end]);
	fputc('\n', file);
}

void table_print(FILE *file, const struct load *load)
{
	int state, progress, end;

	fprintf(file, "%-14s %-6s", "state", "answer");
	for (end = 0; end < ENDS; end++)
		fprintf(file, " %12s", end_names[end]);
	fputc('\n', file);
	for (state = 0; state < STATES; state++) {
		for (progress = 0; progress < PROGRESSES; progress++)
			print_row(file, load, state, progress);
	}
}
