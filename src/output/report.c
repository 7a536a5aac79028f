/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The text report: which sections there are and in which order; and the small ones: facts,
 * listeners, what is missing. The larger ones have files of their own. A section in which
 * nothing stands is left out.
 */
#include "src/output/report.h"

#include <string.h>

#include "src/analysis/record.h"
#include "src/base/cleanup.h"
#include "src/output/address.h"
#include "src/output/connections.h"
#include "src/output/findings.h"
#include "src/output/headline.h"
#include "src/output/processes.h"
#include "src/output/table.h"
#include "src/output/timeline.h"
#include "src/output/units.h"
#include "src/output/waits.h"

#define LISTENERS_SHOWN 25
#define CONTAINER_ID_SHOWN 12 /* as other tools shorten it */

static void add_service(struct table *table, const struct record_service *service)
{
	static const char *const kinds[] = {
		[SERVICE_UNIT] = "systemd unit",
		[SERVICE_CONTAINER] = "container",
		[SERVICE_CGROUP] = "control group",
		[SERVICE_TREE] = "process tree",
		[SERVICE_COMMAND] = "the command that was run",
	};
	size_t kind = service->kind < ARRAY_SIZE(kinds) ? service->kind : SERVICE_CGROUP;

	table_row(table, MARK_NONE);
	table_add(table, "service");
	if (service->container_id[0])
		table_add(table, "container %.*s%s%s", CONTAINER_ID_SHOWN, service->container_id,
			  service->pod_uid[0] ? ", pod " : "", service->pod_uid);
	else
		table_add(table, "%s%s%s", kinds[kind], service->cgroup[0] ? " " : "",
			  service->cgroup);
}

/* "SIGTERM from kill (pid 4711, uid 1000)" */
static void add_trigger(struct table *table, const struct record *record)
{
	const struct record_sender *sender = &record->trigger_sender;
	char name[16] = "a signal";

	table_row(table, MARK_NONE);
	table_add(table, "trigger");
	if (record->trigger_signal)
		signal_name(record->trigger_signal, name);
	if (record->trigger == TRIGGER_EXIT)
		table_add(table, "none: a process ended by itself");
	else if (record->trigger == TRIGGER_OOM)
		table_add(table, "the kernel's out-of-memory killer");
	else if (record->trigger == TRIGGER_LISTENER_CLOSED)
		table_add(table, "no signal: the service closed a listener");
	else if (!record->has_trigger_sender)
		table_add(table, "%s, sender unknown", name);
	else if (sender->is_kernel)
		table_add(table, "%s from the kernel", name);
	else
		table_add(table, "%s from %s (pid %u, uid %u)", name, sender->comm, sender->pid,
			  sender->uid);
}

/* "kill < bash < sshd", when there is more to tell than the sender itself. */
static void add_ancestry(struct table *table, const struct record *record)
{
	const struct record_sender *sender = &record->trigger_sender;
	_cleanup_free_ char *line = NULL;
	struct text text;

	if (!record->has_trigger_sender || sender->is_kernel || sender->ancestors < 2)
		return;
	text_init(&text);
	for (size_t i = 0; i < sender->ancestors; i++) {
		text_add(&text, i ? " < " : "");
		text_add(&text, sender->ancestry[i]);
	}
	line = text_take(&text);
	table_row(table, MARK_NONE);
	table_add(table, "called by");
	table_add(table, "%s", line ? line : "");
	table->has_failed |= !line;
}

static void add_grace(struct table *table, const struct record_timing *timing)
{
	char time[UNITS_BYTES];

	if (timing->grace_ns == TIME_UNKNOWN)
		return;
	table_row(table, MARK_NONE);
	table_add(table, "grace");
	table_add(table, "%s to stop before it is killed", units_duration(timing->grace_ns, time));
}

static void print_facts(const struct record *record, const struct report_style *style,
			struct text *text)
{
	static const struct table_column columns[] = { { NULL }, { NULL } };
	char date[UNITS_BYTES];
	struct table table;

	table_init(&table, columns, ARRAY_SIZE(columns));
	add_trigger(&table, record);
	add_ancestry(&table, record);
	table_row(&table, MARK_NONE);
	table_add(&table, "when");
	table_add(&table, "%s", units_date(record->trigger_wall_ns, date));
	add_service(&table, &record->service);
	add_grace(&table, &record->timing);
	table_row(&table, MARK_NONE);
	table_add(&table, "host");
	table_add(&table, "%s, Linux %s", record->host.name, record->host.kernel);
	table_row(&table, MARK_NONE);
	table_add(&table, "record");
	table_add(&table, "%s", record->id);
	text_add(text, "\n");
	table_print(&table, style, text);
	table_fini(&table);
}

static void add_listener(struct table *table, const struct record_listener *listener)
{
	char address[ADDRESS_TEXT_BYTES];
	const char *endpoint =
		endpoint_format(listener->family, listener->address, listener->port, address);
	char time[UNITS_BYTES];

	table_row(table, MARK_NONE);
	table_add(table, "%s", endpoint ? endpoint : "a Unix socket");
	if (listener->closed_at_ns == TIME_UNKNOWN)
		table_add(table, "still open");
	else
		table_add(table, "%s", units_duration(listener->closed_at_ns, time));
	if (listener->queued_at_signal)
		table_add(table, "%u", listener->queued_at_signal);
	else
		table_skip(table);
	if (listener->reopened_at_ns != TIME_UNKNOWN)
		table_add(table, "%s", units_duration(listener->reopened_at_ns, time));
}

static void print_listeners(const struct record *record, const struct report_style *style,
			    struct text *text)
{
	static const struct table_column columns[] = {
		{ NULL },
		{ .head = "closed", .is_right = true },
		{ .head = "waiting at signal", .is_right = true },
		{ .head = "open again", .is_right = true },
	};
	size_t n = record->n_listeners;
	size_t shown = n < LISTENERS_SHOWN ? n : LISTENERS_SHOWN;
	struct table table;

	if (n == 0)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_listener(&table, &record->listeners[i]);
	style_title(style, text, "Listeners");
	table_print(&table, style, text);
	style_more(style, text, n - shown);
	table_fini(&table);
}

/* What it means for the reader that something found no room. */
static const char *const loss_meanings[] = {
	[LOSS_EVENT_RING_FULL] = "signals, exits or listeners found no room: some are not shown",
	[LOSS_DETAIL_RING_FULL] = "details of connections found no room: counted, but not shown",
	[LOSS_COUNTS_FULL] = "figures of processes found no room: counts are too low",
	[LOSS_CLOSED_FULL] = "closed connections found no room: late resets are not seen",
	[LOSS_MEMBERS_FULL] = "processes found no room: they are not watched",
	[LOSS_LISTENERS_FULL] = "listening addresses found no room: refusals are not counted",
	[LOSS_TAG_FAILED] = "sockets could not be tagged: they are not counted",
	[LOSS_NESTED_PACKET] = "packets were missed by the kernel's probe: outcomes may be wrong",
	[LOSS_NESTED_RESET] = "resets were missed by the kernel's probe: outcomes may be wrong",
	[LOSS_NESTED_OTHER] = "other events were missed by the kernel's probes",
	[LOSS_RECORDER_GONE] = "the recorder was removed while the service was stopping",
	[LOSS_UNBALANCED] = "connections are missing in, or too many among, the outcomes",
};
_Static_assert(ARRAY_SIZE(loss_meanings) == LOSS_CAUSES, "a meaning for each");

static void print_losses(const struct record *record, const struct report_style *style,
			 struct text *text)
{
	static const struct table_column columns[] = { { .is_right = true }, { NULL } };
	struct table table;

	if (record->is_complete)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < LOSS_CAUSES; i++) {
		if (record->losses[i] == 0)
			continue;
		table_row(&table, MARK_NONE);
		table_add(&table, "%llu", (unsigned long long)record->losses[i]);
		table_add(&table, "%s", loss_meanings[i]);
	}
	if (table.n_rows == 0) {
		table_row(&table, MARK_NONE);
		table_skip(&table);
		table_add(&table, "it is not known what is missing");
	}
	style_title(style, text, "Not recorded");
	table_print(&table, style, text);
	table_fini(&table);
}

char *report_from_record(const struct record *record, const struct report_style *style)
{
	struct text text;

	text_init(&text);
	headline_print(record, style, &text);
	findings_print(record, style, &text);
	print_facts(record, style, &text);
	timeline_print(record, style, &text);
	waits_print(record, style, &text);
	connections_print(record, style, &text);
	connections_print_details(record, style, &text);
	processes_print_signals(record, style, &text);
	processes_print(record, style, &text);
	print_listeners(record, style, &text);
	print_losses(record, style, &text);
	return text_take(&text);
}
