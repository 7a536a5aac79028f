/* SPDX-License-Identifier: GPL-2.0-only */
/* One table of columns for the head and for every line. No locale: numbers are put together. */
#include "src/output/csv.h"

#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"
#include "src/output/units.h"

enum kind {
	CSV_TEXT,
	CSV_TIME,
	CSV_SECONDS,
	CSV_COUNT,  /* of connections: empty where they cannot be told */
	CSV_RESETS, /* of resets: empty as well where these cannot */
	CSV_NUMBER,
	CSV_SIZE,
	CSV_BOOL,
	CSV_SIGNAL,
	CSV_SERVICE_KIND,
	CSV_TRIGGER,
	CSV_OUTCOME,
	CSV_SENDER,
	CSV_FINDINGS,
};

/* clang-format off */
#define R(member) offsetof(struct record, member)
#define IN(member) offsetof(struct record, directions[DIRECTION_INBOUND].member)
#define OUT(member) offsetof(struct record, directions[DIRECTION_OUTBOUND].member)
static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} columns[] = {
	{ "id", CSV_TEXT, R(id) },
	{ "at", CSV_TIME, R(trigger_wall_ns) },
	{ "host", CSV_TEXT, R(host.name) },
	{ "service", CSV_TEXT, R(service.name) },
	{ "kind", CSV_SERVICE_KIND, R(service.kind) },
	{ "unit", CSV_TEXT, R(service.unit) },
	{ "cgroup", CSV_TEXT, R(service.cgroup) },
	{ "container_id", CSV_TEXT, R(service.container_id) },
	{ "pod_uid", CSV_TEXT, R(service.pod_uid) },
	{ "trigger", CSV_TRIGGER, R(trigger) },
	{ "signal", CSV_SIGNAL, R(trigger_signal) },
	{ "sender", CSV_SENDER, 0 },
	{ "outcome", CSV_OUTCOME, R(verdict) },
	{ "complete", CSV_BOOL, R(is_complete) },
	{ "provisional", CSV_BOOL, R(is_provisional) },
	{ "react_s", CSV_SECONDS, R(timing.react_ns) },
	{ "first_action_s", CSV_SECONDS, R(timing.first_action_ns) },
	{ "accepting_s", CSV_SECONDS, R(timing.accepting_ns) },
	{ "in_flight_s", CSV_SECONDS, R(timing.in_flight_ns) },
	{ "drain_s", CSV_SECONDS, R(timing.drain_ns) },
	{ "cleanup_s", CSV_SECONDS, R(timing.cleanup_ns) },
	{ "total_s", CSV_SECONDS, R(timing.total_ns) },
	{ "dark_s", CSV_SECONDS, R(timing.dark_ns) },
	{ "grace_s", CSV_SECONDS, R(timing.grace_ns) },
	{ "processes", CSV_SIZE, R(n_processes) },
	{ "inbound_open_at_signal", CSV_COUNT, IN(open_at_signal) },
	{ "inbound_in_flight_at_signal", CSV_COUNT, IN(in_flight_at_signal) },
	{ "inbound_late", CSV_COUNT, IN(late) },
	{ "inbound_aborted", CSV_COUNT, IN(aborted) },
	{ "inbound_undecided", CSV_COUNT, IN(undecided) },
	{ "refused", CSV_RESETS, R(refused) },
	{ "refused_handshakes", CSV_RESETS, R(refused_handshakes) },
	{ "late_closes", CSV_RESETS, R(late_closes) },
	{ "outbound_open_at_signal", CSV_COUNT, OUT(open_at_signal) },
	{ "outbound_late", CSV_COUNT, OUT(late) },
	{ "outbound_aborted", CSV_COUNT, OUT(aborted) },
	{ "lost_events", CSV_NUMBER, R(lost_events) },
	{ "findings", CSV_FINDINGS, 0 },
};
/* clang-format on */

/* What would command the terminal on which somebody looks at the file. */
static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && !strchr("\t\r\n", c)) || c == 0x7f;
}

/* A stranger's string: harmless for a spreadsheet, quoted where it has to be. */
static void add_text(struct text *text, const char *string)
{
	_cleanup_free_ char *valid = text_valid_utf8(string, strlen(string));
	bool is_quoted;

	if (!valid) {
		text->has_failed = true;
		return;
	}
	is_quoted = strpbrk(valid, ",\"\r\n") != NULL;
	text_add(text, is_quoted ? "\"" : "");
	if (valid[0] && strchr("=+-@\t\r", valid[0]))
		text_add(text, "'");
	for (const char *c = valid; *c; c++) {
		if (is_control(*c))
			text_add(text, "\xef\xbf\xbd"); /* U+FFFD */
		else
			text_add_bytes(text, c, 1);
		if (*c == '"')
			text_add(text, "\"");
	}
	text_add(text, is_quoted ? "\"" : "");
}

static void add_seconds(struct text *text, int64_t ns)
{
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	if (ns != TIME_UNKNOWN)
		text_addf(text, "%s%llu.%09llu", ns < 0 ? "-" : "",
			  (unsigned long long)(size / 1000000000),
			  (unsigned long long)(size % 1000000000));
}

static void add_time(struct text *text, int64_t wall_ns)
{
	char buffer[UNITS_BYTES];

	if (wall_ns != TIME_UNKNOWN)
		text_add(text, units_timestamp(wall_ns, buffer));
}

static void add_signal(struct text *text, int signal)
{
	char buffer[16];

	if (signal)
		text_add(text, signal_name(signal, buffer));
}

static void add_number(struct text *text, uint64_t number)
{
	text_addf(text, "%llu", (unsigned long long)number);
}

/* Their ids, with blanks between them. */
static void add_findings(struct text *text, const struct record *record)
{
	_cleanup_free_ char *line = NULL;
	struct text ids;

	text_init(&ids);
	for (size_t i = 0; i < record->n_findings; i++)
		text_addf(&ids, "%s%s", i ? " " : "", record->findings[i].row->id);
	line = text_take(&ids);
	if (line)
		add_text(text, line);
	else
		text->has_failed = true;
}

static void add_cell(struct text *text, const struct record *record, enum kind kind,
		     const void *member)
{
	switch (kind) {
	case CSV_TEXT:
		add_text(text, member);
		break;
	case CSV_TIME:
		add_time(text, *(const int64_t *)member);
		break;
	case CSV_SECONDS:
		add_seconds(text, *(const int64_t *)member);
		break;
	case CSV_RESETS:
		if (record->are_resets_unseen)
			break;
		/* fallthrough */
	case CSV_COUNT:
		if (!record->has_connections)
			break;
		/* fallthrough */
	case CSV_NUMBER:
		add_number(text, *(const uint64_t *)member);
		break;
	case CSV_SIZE:
		add_number(text, *(const size_t *)member);
		break;
	case CSV_BOOL:
		text_add(text, *(const bool *)member ? "true" : "false");
		break;
	case CSV_SIGNAL:
		add_signal(text, *(const int *)member);
		break;
	case CSV_SERVICE_KIND:
		text_add(text, service_kind_name(*(const enum service_kind *)member));
		break;
	case CSV_TRIGGER:
		text_add(text, trigger_kind_name(*(const enum trigger_kind *)member));
		break;
	case CSV_OUTCOME:
		text_add(text, verdict_name(*(const enum verdict *)member));
		break;
	case CSV_SENDER:
		if (record->has_trigger_sender)
			add_text(text, record->trigger_sender.comm);
		break;
	case CSV_FINDINGS:
		add_findings(text, record);
		break;
	}
}

void csv_print_head(struct text *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		text_addf(text, "%s%s", i ? "," : "", columns[i].name);
	text_add(text, "\n");
}

void csv_print_record(const struct record *record, struct text *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		text_add(text, i ? "," : "");
		add_cell(text, record, columns[i].kind, (const char *)record + columns[i].offset);
	}
	text_add(text, "\n");
}
