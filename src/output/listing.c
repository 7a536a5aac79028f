/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of shutdowns. A mark stands at those that lost something or ended by force, a question
 * mark where events were lost, a star at an outcome that is not final.
 */
#include "src/output/listing.h"

#include "src/output/pack.h"
#include "src/output/table.h"
#include "src/output/units.h"

#define DATE_COLUMNS 19 /* without the milliseconds and the zone */

static const struct table_column columns[] = {
	{ .head = "id" },
	{ .head = "at (UTC)" },
	{ .head = "service" },
	{ .head = "outcome" },
	{ .head = "drain", .is_right = true },
	{ .head = "total", .is_right = true },
	{ .head = "aborted", .is_right = true },
	{ .head = "refused", .is_right = true },
};

static enum mark mark_of(const struct store_summary *summary)
{
	switch (summary->verdict) {
	case VERDICT_LOSSY:
	case VERDICT_FORCED:
	case VERDICT_CRASHED:
	case VERDICT_OOM_KILLED:
		return MARK_BAD;
	default:
		return summary->is_complete ? MARK_NONE : MARK_DOUBT;
	}
}

static void add_duration(struct table *table, int64_t ns)
{
	char buffer[UNITS_BYTES];

	if (ns == TIME_UNKNOWN)
		table_skip(table);
	else
		table_add(table, "%s", units_duration(ns, buffer));
}

static void add_row(struct table *table, const struct store_summary *summary)
{
	char buffer[UNITS_BYTES];

	table_row(table, mark_of(summary));
	table_add(table, "%.*s", LISTING_ID_COLUMNS, summary->id);
	if (summary->trigger_wall_ns == TIME_UNKNOWN)
		table_skip(table);
	else
		table_add(table, "%.*s", DATE_COLUMNS,
			  units_date(summary->trigger_wall_ns, buffer));
	table_add(table, "%s", summary->service);
	table_add(table, "%s%s", verdict_name(summary->verdict),
		  summary->is_provisional ? "*" : "");
	add_duration(table, summary->timing.drain_ns);
	add_duration(table, summary->timing.total_ns);
	if (!summary->has_connections)
		return;
	table_add(table, "%llu of %llu", (unsigned long long)summary->aborted,
		  (unsigned long long)summary->inbound);
	if (summary->are_resets_unseen)
		table_add(table, "?");
	else
		table_add(table, "%llu", (unsigned long long)summary->refused);
}

void listing_print(const struct store_summary *summaries, size_t n_summaries,
		   const struct report_style *style, struct text *text)
{
	struct table table;
	bool has_provisional = false;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < n_summaries; i++) {
		add_row(&table, &summaries[i]);
		has_provisional |= summaries[i].is_provisional;
	}
	table_print(&table, style, text);
	table_fini(&table);
	if (has_provisional)
		style_paragraph(style, text, PAINT_QUIET,
				"* may change: whether the port opens again is still watched");
}

/* clang-format off */
static json_t *timing_json(const struct record_timing *timing)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "react_s", pack_seconds(timing->react_ns),
			 "first_action_s", pack_seconds(timing->first_action_ns),
			 "accepting_s", pack_seconds(timing->accepting_ns),
			 "in_flight_s", pack_seconds(timing->in_flight_ns),
			 "drain_s", pack_seconds(timing->drain_ns),
			 "cleanup_s", pack_seconds(timing->cleanup_ns),
			 "total_s", pack_seconds(timing->total_ns),
			 "dark_s", pack_seconds(timing->dark_ns),
			 "grace_s", pack_seconds(timing->grace_ns));
}

static json_t *connections_json(const struct store_summary *summary)
{
	if (!summary->has_connections)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:o}",
			 "inbound", (json_int_t)summary->inbound,
			 "in_flight_at_signal", (json_int_t)summary->in_flight,
			 "aborted", (json_int_t)summary->aborted,
			 "late", (json_int_t)summary->late,
			 "refused", summary->are_resets_unseen ? json_null() :
						json_integer((json_int_t)summary->refused));
}

char *json_from_summary(const struct store_summary *summary)
{
	return pack_line(json_pack("{s:o, s:o, s:{s:o, s:s}, s:{s:s, s:o}, s:s, s:b, s:b,"
				   " s:o, s:o}",
			 "id", pack_text(summary->id),
			 "at", pack_time(summary->trigger_wall_ns),
			 "service",
			 "name", pack_text(summary->service),
			 "kind", service_kind_name(summary->service_kind),
			 "trigger",
			 "kind", trigger_kind_name(summary->trigger),
			 "signal", pack_signal(summary->trigger_signal),
			 "outcome", verdict_name(summary->verdict),
			 "complete", (int)summary->is_complete,
			 "provisional", (int)summary->is_provisional,
			 "timing", timing_json(&summary->timing),
			 "connections", connections_json(summary)));
}
/* clang-format on */
