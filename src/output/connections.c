/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connections of a record as two tables: sums by outcome, and the most telling ones. The
 * words are those of the JSON with what they mean beside them, so that a reader learns the
 * vocabulary of the metrics on the way. What hurt a client stands first and is marked.
 */
#include "src/output/connections.h"

#include "src/base/cleanup.h"
#include "src/output/address.h"
#include "src/output/table.h"
#include "src/output/units.h"

#define DETAILS_SHOWN 10
#define WORDS_BYTES 32

/* In the order of the table: what hurt, what is unclear, what went well. */
static const struct outcome_text {
	enum connection_outcome outcome;
	const char *meaning;
} outcome_texts[] = {
	{ OUTCOME_CUT, "closed with the last request unanswered" },
	{ OUTCOME_RESET, "accepted, then reset by the service" },
	{ OUTCOME_ABANDONED, "its process ended in the middle of a request" },
	{ OUTCOME_UNACCEPTED, "client connected, service never took it" },
	{ OUTCOME_LATE_RESET, "closed; the client's next request was reset" },
	{ OUTCOME_LEFT_OPEN, "closed by the kernel at exit: may be cut" },
	{ OUTCOME_UNDECIDED, "multiplexed: bytes cannot tell what was lost" },
	{ OUTCOME_COMPLETED, "answered, then closed by the service" },
	{ OUTCOME_IDLE, "idle, closed by the service" },
	{ OUTCOME_PEER_CLOSED, "closed by the other side, all answered" },
	{ OUTCOME_PEER_RESET, "reset by the other side" },
	{ OUTCOME_TIMED_OUT, "the other side no longer answered" },
	{ OUTCOME_HANDED_OVER, "lives on in another process or listener" },
	{ OUTCOME_OPEN, "still open" },
	{ OUTCOME_NONE, "not known what became of it" },
};
_Static_assert(ARRAY_SIZE(outcome_texts) == OUTCOMES, "a row for each");

static enum mark outcome_mark(enum connection_outcome outcome)
{
	if (outcome_is_aborted(outcome))
		return MARK_BAD;
	if (outcome == OUTCOME_LEFT_OPEN || outcome == OUTCOME_UNDECIDED)
		return MARK_DOUBT;
	return MARK_NONE;
}

/* "late_reset" -> "late reset" */
static const char *words(const char *name, char buffer[WORDS_BYTES])
{
	size_t i = 0;

	for (; i < WORDS_BYTES - 1 && name[i]; i++)
		buffer[i] = name[i] == '_' ? ' ' : name[i];
	buffer[i] = '\0';
	return buffer;
}

static void add_number(struct table *table, uint64_t n)
{
	if (n)
		table_add(table, "%llu", (unsigned long long)n);
	else
		table_skip(table);
}

/* A row of the sums, left out when there is nothing in it. */
static void add_sums(struct table *table, enum mark mark, const char *label, uint64_t inbound,
		     uint64_t outbound, const char *meaning)
{
	if (inbound == 0 && outbound == 0)
		return;
	table_row(table, mark);
	table_add(table, "%s", label);
	add_number(table, inbound);
	add_number(table, outbound);
	table_add(table, "%s", meaning);
}

static void add_outcomes(struct table *table, const struct record *record, enum mark mark)
{
	const struct record_direction *in = &record->directions[DIRECTION_INBOUND];
	const struct record_direction *out = &record->directions[DIRECTION_OUTBOUND];
	char buffer[WORDS_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(outcome_texts); i++) {
		enum connection_outcome outcome = outcome_texts[i].outcome;

		if (outcome_mark(outcome) == mark)
			add_sums(table, mark, words(outcome_name(outcome), buffer),
				 in->outcomes[outcome], out->outcomes[outcome],
				 outcome_texts[i].meaning);
	}
}

static void add_open(struct table *table, const struct record *record)
{
	const struct record_direction *in = &record->directions[DIRECTION_INBOUND];
	const struct record_direction *out = &record->directions[DIRECTION_OUTBOUND];

	add_sums(table, MARK_NONE, "open", in->open_at_signal, out->open_at_signal,
		 record->trigger == TRIGGER_SIGNAL ? "when the signal came" : "when it began");
	add_sums(table, MARK_NONE, "in flight", in->in_flight_at_signal, out->in_flight_at_signal,
		 "of these, in the middle of a request");
	add_sums(table, MARK_NONE, "late", in->late, out->late, "came while it was stopping");
}

static void add_fates(struct table *table, const struct record *record)
{
	add_outcomes(table, record, MARK_BAD);
	add_sums(table, MARK_BAD, "refused", record->refused, 0,
		 "attempts to connect when nobody listened");
	add_sums(table, MARK_BAD, "half refused", record->refused_handshakes, 0,
		 "cut off half way by the closing listener");
	if (record->are_resets_unseen) {
		table_row(table, MARK_DOUBT);
		table_add(table, "refused");
		table_add(table, "?");
		table_skip(table);
		table_add(table, "this kernel does not tell, nor who sent after our close");
	}
	add_outcomes(table, record, MARK_DOUBT);
	add_outcomes(table, record, MARK_NONE);
	add_sums(table, MARK_NONE, "late closes", record->late_closes, 0,
		 "goodbyes after our close: nothing lost");
}

void connections_print(const struct record *record, const struct report_style *style,
		       struct text *text)
{
	static const struct table_column columns[] = {
		{ NULL },
		{ .head = "inbound", .is_right = true },
		{ .head = "outbound", .is_right = true },
		{ .is_quiet = true },
	};
	struct table table;
	size_t n_open;

	if (!record->has_connections)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	add_open(&table, record);
	n_open = table.n_rows;
	if (n_open)
		table_row(&table, MARK_NONE);
	add_fates(&table, record);
	if (table.n_rows || table.has_failed) {
		style_title(style, text, "Connections");
		table_print(&table, style, text);
	}
	table_fini(&table);
}

static void add_peer(struct table *table, const struct record_connection *connection)
{
	char buffer[ADDRESS_TEXT_BYTES];
	const char *peer = endpoint_format(connection->family, connection->peer,
					   connection->peer_port, buffer);

	table_add(table, "%s%s", connection->direction == DIRECTION_OUTBOUND ? "to " : "",
		  peer ? peer : "?");
}

static void add_time(struct table *table, int64_t ns)
{
	char buffer[UNITS_BYTES];

	if (ns == TIME_UNKNOWN)
		table_skip(table);
	else
		table_add(table, "%s", units_duration(ns, buffer));
}

/* What the last bytes tell: who waited for them. */
static void add_pending(struct table *table, const struct record_connection *connection)
{
	char buffer[UNITS_BYTES];

	if (connection->unread_bytes)
		table_add(table, "%s unread", units_size(connection->unread_bytes, buffer));
	else if (connection->unacked_bytes)
		table_add(table, "%s unacknowledged",
			  units_size(connection->unacked_bytes, buffer));
	else
		table_skip(table);
}

static void add_detail(struct table *table, const struct record_connection *connection)
{
	const char *at_signal = at_signal_name(connection->at_signal);
	char buffer[UNITS_BYTES];
	char word[WORDS_BYTES];

	table_row(table, outcome_mark(connection->outcome));
	table_add(table, "%s", words(outcome_name(connection->outcome), word));
	add_peer(table, connection);
	table_add(table, "%s", at_signal ? words(at_signal, word) : "");
	add_time(table, connection->closed_at_ns);
	table_add(table, "%s", units_size(connection->received_bytes, buffer));
	table_add(table, "%s", units_size(connection->sent_bytes, buffer));
	add_pending(table, connection);
}

void connections_print_details(const struct record *record, const struct report_style *style,
			       struct text *text)
{
	static const struct table_column columns[] = {
		{ NULL },
		{ .head = "peer" },
		{ .head = "at signal" },
		{ .head = "closed", .is_right = true },
		{ .head = "in", .is_right = true },
		{ .head = "out", .is_right = true },
		{ .is_quiet = true },
	};
	size_t shown = record->n_details < DETAILS_SHOWN ? record->n_details : DETAILS_SHOWN;
	struct table table;

	if (shown == 0)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_detail(&table, &record->details[i]);
	style_title(style, text, "Most telling connections");
	table_print(&table, style, text);
	style_more(style, text, record->n_details - shown + record->details_omitted);
	table_fini(&table);
}
