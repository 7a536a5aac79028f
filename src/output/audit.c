// SPDX-License-Identifier: GPL-2.0-only
/* A prediction for people: headline, findings, and the facts behind them in three small tables. */
#include "src/output/audit.h"

#include <stdio.h>
#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/cleanup.h"
#include "src/output/address.h"
#include "src/output/findings.h"
#include "src/output/table.h"
#include "src/output/units.h"

#define PROCESSES_SHOWN 25
#define LISTENERS_SHOWN 25

static const char *verdict_words(enum verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_CLEAN] = "would stop cleanly",
		[VERDICT_LOSSY] = "would lose connections",
		[VERDICT_FORCED] = "would have to be killed",
		[VERDICT_CRASHED] = "would crash",
		[VERDICT_OOM_KILLED] = "would be killed for its memory",
		[VERDICT_PARTIAL] = "would stop in part",
		[VERDICT_UNAFFECTED] = "would not stop",
		[VERDICT_DRAINING] = "would drain without end",
	};
	_Static_assert(ARRAY_SIZE(words) == VERDICTS, "words for each");

	return words[verdict];
}

static bool has_finding(const struct audit *audit, const char *id)
{
	for (size_t i = 0; i < audit->n_findings; i++) {
		if (strcmp(audit->findings[i].row->id, id) == 0)
			return true;
	}
	return false;
}

static const struct audit_process *serving(const struct audit *audit)
{
	for (size_t i = 0; i < audit->n_processes; i++) {
		if (audit->processes[i].listeners)
			return &audit->processes[i];
	}
	return NULL;
}

/* "uvicorn", where the command line says more than "python3"; "orders" rather than "go". */
static const char *known_as(const struct audit_process *process)
{
	switch (process->program) {
	case PROGRAM_UNKNOWN:
	case PROGRAM_PYTHON:
	case PROGRAM_GO:
	case PROGRAM_SHELL:
		return process->comm;
	default:
		return program_name(process->program);
	}
}

/* A process tree has no name of its own: "uvicorn on 127.0.0.1:8000 (pid 812)". NULL: no memory. */
static char *name_of(const struct audit *audit)
{
	const struct audit_process *process = serving(audit);
	char address[ADDRESS_TEXT_BYTES], *name = NULL;
	const char *endpoint = NULL;

	if (audit->service.kind != SERVICE_TREE || !process)
		return strdup(audit->service.name);
	for (size_t i = 0; i < audit->n_listeners && !endpoint; i++)
		endpoint = endpoint_format(audit->listeners[i].family, audit->listeners[i].address,
					   audit->listeners[i].port, address);
	if (asprintf(&name, "%s on %s (pid %u)", known_as(process),
		     endpoint ? endpoint : "a Unix socket", process->pid) < 0)
		return NULL;
	return name;
}

/* Of what would stop cleanly, and has a warning. */
static const char *doubtful_words(const struct audit *audit)
{
	if (has_finding(audit, "no_handler_idle"))
		return "would stop cleanly now, and cut requests in flight under load";
	if (audit->launcher.pid)
		return "would stop cleanly, if it is told itself";
	return "would stop cleanly now, under load maybe not";
}

void audit_print_headline(const struct audit *audit, const struct report_style *style,
			  struct text *text)
{
	_cleanup_free_ char *sentence = NULL, *name = name_of(audit);
	enum paint paint = audit->verdict == VERDICT_CLEAN ? PAINT_GOOD : PAINT_DOUBT;
	const char *words = verdict_words(audit->verdict);

	if (audit_severity(audit) == SEVERITY_ERROR)
		paint = PAINT_BAD;
	if (audit->verdict == VERDICT_CLEAN && audit_severity(audit) == SEVERITY_WARNING) {
		words = doubtful_words(audit);
		paint = PAINT_DOUBT;
	}
	if (!name || asprintf(&sentence, "%s: %s (%s): %s", name, words,
			      verdict_name(audit->verdict), audit->reason) < 0)
		text->has_failed = true;
	else
		style_paragraph(style, text, paint, sentence);
}

static void print_findings(const struct audit *audit, const struct report_style *style,
			   struct text *text)
{
	struct record record = { .findings = audit->findings, .n_findings = audit->n_findings };

	findings_print(&record, style, text);
}

/* --- facts ---------------------------------------------------------------------------------- */

static void add_command(struct table *table, const struct audit *audit)
{
	if (!audit->stop_command)
		return;
	table_row(table, audit->command_returns ? MARK_DOUBT : MARK_NONE);
	table_add(table, "stop command");
	table_add(table, "%s%s", audit->stop_command,
		  audit->command_returns ? " (does not wait: KillSignal follows at once)" : "");
}

static void add_signal(struct table *table, const struct audit *audit)
{
	static const char *const sources[] = {
		[SIGNAL_ASSUMED] = "assumed",
		[SIGNAL_ASKED] = "as asked",
		[SIGNAL_BY_UNIT] = "KillSignal of the unit",
		[SIGNAL_BY_COMMAND] = "which ExecStop of the unit sends",
	};
	char name[16];

	table_row(table, MARK_NONE);
	table_add(table, "stop signal");
	if (audit_signal_is_guess(audit))
		table_add(table, "%s, assumed: STOPSIGNAL of the image cannot be seen",
			  signal_name(audit->signal, name));
	else if (audit->signal_source == SIGNAL_UNSEEN)
		table_add(table, "unknown, ExecStop of the unit stops it");
	else
		table_add(table, "%s, %s", signal_name(audit->signal, name),
			  sources[audit->signal_source]);
	add_command(table, audit);
	if (audit->restart_signal) {
		table_row(table, MARK_DOUBT);
		table_add(table, "at a restart");
		table_add(table, "%s, RestartKillSignal of the unit",
			  signal_name(audit->restart_signal, name));
	}
	if (audit->kill_mode != KILL_MODE_UNKNOWN) {
		table_row(table, MARK_NONE);
		table_add(table, "kill mode");
		table_add(table, "%s", kill_mode_name(audit->kill_mode));
	}
	if (audit->unit_error) {
		table_row(table, MARK_DOUBT);
		table_add(table, "unit");
		table_add(table, "cannot be read: %s", strerror(-audit->unit_error));
	}
}

static void add_grace(struct table *table, const struct audit *audit)
{
	char time[UNITS_BYTES];

	table_row(table, MARK_NONE);
	table_add(table, "grace");
	if (audit->grace_ns == TIME_UNKNOWN)
		table_add(table, "unknown");
	else if (audit->grace_ns == INT64_MAX)
		table_add(table, "without end");
	else
		table_add(table, "%s", units_duration(audit->grace_ns, time));
}

static void add_connections(struct table *table, const struct audit *audit)
{
	uint64_t inbound = 0, in_flight = 0, outbound = 0, queued = 0, stalled = 0;

	for (size_t i = 0; i < audit->n_processes; i++) {
		inbound += audit->processes[i].inbound;
		in_flight += audit->processes[i].inbound_in_flight;
		outbound += audit->processes[i].outbound;
	}
	for (size_t i = 0; i < audit->n_listeners; i++) {
		queued += audit->listeners[i].queued;
		stalled += audit->listeners[i].stalled;
	}
	table_row(table, MARK_NONE);
	table_add(table, "clients now");
	if (queued)
		table_add(table,
			  "%llu open, %llu of them in flight; %llu wait to be accepted, %llu of "
			  "them for 0.2 s and more",
			  (unsigned long long)inbound, (unsigned long long)in_flight,
			  (unsigned long long)queued, (unsigned long long)stalled);
	else
		table_add(table, "%llu open, %llu of them in flight; 0 wait to be accepted",
			  (unsigned long long)inbound, (unsigned long long)in_flight);
	if (!outbound)
		return;
	table_row(table, MARK_NONE);
	table_add(table, "outbound");
	table_add(table, "%llu open", (unsigned long long)outbound);
}

static void print_facts(const struct audit *audit, const struct report_style *style,
			struct text *text)
{
	static const struct table_column columns[] = { { NULL }, { NULL } };
	struct table table;

	table_init(&table, columns, ARRAY_SIZE(columns));
	table_row(&table, MARK_NONE);
	table_add(&table, "service");
	table_add(&table, "%s %s", service_kind_name(audit->service.kind), audit->service.cgroup);
	add_signal(&table, audit);
	add_grace(&table, audit);
	add_connections(&table, audit);
	text_add(text, "\n");
	table_print(&table, style, text);
	table_fini(&table);
}

static const char *does(const struct audit_process *process)
{
	if (!process->is_readable)
		return "unknown";
	if (process->disposition == DISPOSITION_BLOCKED && process->is_awaited)
		return "waits for it";
	return disposition_name(process->disposition);
}

static void add_count(struct table *table, uint32_t count)
{
	if (count)
		table_add(table, "%u", count);
	else
		table_skip(table);
}

static void add_process(struct table *table, const struct audit_process *process)
{
	const char *program = program_name(process->program);

	table_row(table, process->fate == FATE_STOPS ? MARK_NONE : MARK_DOUBT);
	table_add(table, "%u", process->pid);
	table_add(table, "%s", process->comm);
	table_add(table, "%s", program ? program : "");
	table_add(table, "%s%s%s", does(process), process->is_init ? ", PID 1" : "",
		  process->is_stopped ? ", is stopped" : "");
	table_add(table, "%s", process->is_told ? "yes" : "no");
	table_add(table, "%s", fate_name(process->fate));
	add_count(table, process->inbound);
	add_count(table, process->inbound_in_flight);
}

static void print_processes(const struct audit *audit, const struct report_style *style,
			    struct text *text)
{
	static const struct table_column columns[] = {
		{ .head = "pid", .is_right = true },
		{ .head = "name" },
		{ .head = "program", .is_quiet = true },
		{ .head = "the signal" },
		{ .head = "is told" },
		{ .head = "then" },
		{ .head = "clients", .is_right = true },
		{ .head = "in flight", .is_right = true },
	};
	size_t n = audit->n_processes;
	size_t shown = n < PROCESSES_SHOWN ? n : PROCESSES_SHOWN;
	struct table table;

	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_process(&table, &audit->processes[i]);
	style_title(style, text, "Processes");
	table_print(&table, style, text);
	style_more(style, text, n - shown);
	table_fini(&table);
}

static void add_listener(struct table *table, const struct audit_listener *listener)
{
	char address[ADDRESS_TEXT_BYTES];
	const char *endpoint =
		endpoint_format(listener->family, listener->address, listener->port, address);

	table_row(table, listener->dropped ? MARK_BAD : MARK_NONE);
	table_add(table, "%s", endpoint ? endpoint : "a Unix socket");
	table_add(table, "%zu", listener->n_holders);
	add_count(table, listener->queued);
	if (listener->is_held_outside)
		table_add(table, "held outside the service, too: it stays open");
	else if (listener->n_holders > 1)
		table_add(table, "shared: it closes with its last process");
	else
		table_skip(table);
}

static void print_listeners(const struct audit *audit, const struct report_style *style,
			    struct text *text)
{
	static const struct table_column columns[] = {
		{ NULL },
		{ .head = "processes", .is_right = true },
		{ .head = "waiting", .is_right = true },
		{ .is_quiet = true },
	};
	size_t n = audit->n_listeners;
	size_t shown = n < LISTENERS_SHOWN ? n : LISTENERS_SHOWN;
	struct table table;

	if (!n)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_listener(&table, &audit->listeners[i]);
	style_title(style, text, "Listeners");
	table_print(&table, style, text);
	style_more(style, text, n - shown);
	table_fini(&table);
}

void audit_print(const struct audit *audit, const struct report_style *style, struct text *text)
{
	audit_print_headline(audit, style, text);
	print_findings(audit, style, text);
	print_facts(audit, style, text);
	print_processes(audit, style, text);
	print_listeners(audit, style, text);
}
