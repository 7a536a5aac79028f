/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The members of the service: the signals that they got, by time, and how each ended. When there
 * are too many, those that ended badly or live on are shown first.
 */
#include "src/output/processes.h"

#include <signal.h>
#include <stdlib.h>

#include "src/base/cleanup.h"
#include "src/output/headline.h"
#include "src/output/table.h"
#include "src/output/units.h"

#define ROWS_SHOWN 25

static void add_time(struct table *table, int64_t ns)
{
	char buffer[UNITS_BYTES];

	if (ns == TIME_UNKNOWN)
		table_skip(table);
	else
		table_add(table, "%s", units_duration(ns, buffer));
}

/* A signal and who got it. */
struct sent {
	const struct record_signal *signal;
	const struct record_process *process;
};

static int sent_compare(const void *a, const void *b)
{
	const struct sent *x = a;
	const struct sent *y = b;

	if (x->signal->at_ns != y->signal->at_ns)
		return x->signal->at_ns < y->signal->at_ns ? -1 : 1;
	return (x->process > y->process) - (x->process < y->process);
}

/* All signals of all processes, by time. Owned by the caller; NULL: none, or no memory. */
static struct sent *collect_signals(const struct record *record, size_t *ret_n)
{
	struct sent *all;
	size_t n = 0;

	for (size_t i = 0; i < record->n_processes; i++)
		n += record->processes[i].n_signals;
	*ret_n = n;
	all = n ? calloc(n, sizeof(*all)) : NULL;
	if (!all)
		return NULL;
	for (size_t i = 0, k = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];

		for (size_t j = 0; j < process->n_signals; j++)
			all[k++] = (struct sent){ &process->signals[j], process };
	}
	qsort(all, n, sizeof(*all), sent_compare);
	return all;
}

static void add_sender(struct table *table, const struct record_signal *signal)
{
	if (signal->from_self)
		table_add(table, "itself");
	else if (signal->sender.is_kernel)
		table_add(table, "the kernel");
	else
		table_add(table, "%s (%u)", signal->sender.comm, signal->sender.pid);
}

/* "handler, after 0.1 ms", as far as the kernel knows. */
static void add_handled(struct table *table, const struct record_signal *signal, const char *how,
			const char *if_not_seen)
{
	int64_t after_ns;
	char time[UNITS_BYTES];

	if (signal->delivered_at_ns == TIME_UNKNOWN ||
	    __builtin_sub_overflow(signal->delivered_at_ns, signal->at_ns, &after_ns))
		table_add(table, "%s", if_not_seen);
	else
		table_add(table, "%s after %s", how, units_duration(after_ns, time));
}

/* A pid 1 gets no default actions: the usual way in which a container does not hear. */
static const char *default_action(const struct sent *sent)
{
	if (sent->signal->result != SIGNAL_IGNORED)
		return "default action";
	return sent->process->ns_pid == 1 ? "ignored: a pid 1 without a handler" : "ignored";
}

static void add_taken(struct table *table, const struct sent *sent)
{
	const struct record_signal *signal = sent->signal;

	if (signal->result == SIGNAL_ALREADY_PENDING)
		table_add(table, "already pending: merged");
	else if (signal->signal == SIGKILL)
		table_add(table, "cannot be caught");
	else if (signal->result == SIGNAL_OVERFLOW_FAIL)
		table_add(table, "lost: the queue was full");
	else if (signal->disposition == DISPOSITION_BLOCKED)
		add_handled(table, signal, "blocked, handler", "blocked");
	else if (signal->disposition == DISPOSITION_HANDLER)
		add_handled(table, signal, "handler", "handler, not seen to run");
	else if (signal->disposition == DISPOSITION_IGNORED)
		table_add(table, "ignored");
	else
		table_add(table, "%s", default_action(sent));
}

static void add_signal(struct table *table, const struct sent *sent)
{
	bool is_kill = sent->signal->signal == SIGKILL;
	char name[16];

	table_row(table, is_kill ? MARK_BAD : MARK_NONE);
	table_add(table, "%s", signal_name(sent->signal->signal, name));
	add_time(table, sent->signal->at_ns);
	add_sender(table, sent->signal);
	table_add(table, "%s (%u)", sent->process->comm, sent->process->pid);
	add_taken(table, sent);
}

void processes_print_signals(const struct record *record, const struct report_style *style,
			     struct text *text)
{
	static const struct table_column columns[] = {
		{ NULL },
		{ .head = "sent", .is_right = true },
		{ .head = "from" },
		{ .head = "to" },
		{ .head = "taken" },
	};
	size_t n;
	_cleanup_free_ struct sent *all = collect_signals(record, &n);
	size_t shown = n < ROWS_SHOWN ? n : ROWS_SHOWN;
	struct table table;

	if (n == 0)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	table.has_failed = !all;
	for (size_t i = 0; all && i < shown; i++)
		add_signal(&table, &all[i]);
	style_title(style, text, "Signals");
	table_print(&table, style, text);
	style_more(style, text, n - shown);
	table_fini(&table);
}

/* Worth a row before others when there are too many. */
static bool process_is_telling(const struct record_process *process)
{
	return !process->has_exited || headline_is_violent(process);
}

/* Inside a container a process has another pid; its logs show that one. */
static void add_pid(struct table *table, const struct record_process *process)
{
	if (process->ns_pid && process->ns_pid != process->pid)
		table_add(table, "%u (inside: %u)", process->pid, process->ns_pid);
	else
		table_add(table, "%u", process->pid);
}

static void add_end(struct table *table, const struct record_process *process)
{
	char name[16];

	if (!process->has_exited)
		table_add(table, "still alive");
	else if (process->exit_signal)
		table_add(table, "%s%s", signal_name(process->exit_signal, name),
			  process->has_core ? ", core dumped" : "");
	else
		table_add(table, "exit code %d", process->exit_code);
}

static void add_process(struct table *table, const struct record_process *process)
{
	bool is_bad = process->has_exited && headline_is_violent(process);

	table_row(table, is_bad ? MARK_BAD : MARK_NONE);
	table_add(table, "%s", process->comm);
	add_pid(table, process);
	add_time(table, process->has_exited ? process->exited_at_ns : TIME_UNKNOWN);
	add_end(table, process);
}

static void add_processes(struct table *table, const struct record *record)
{
	size_t telling = 0;
	size_t others;

	for (size_t i = 0; i < record->n_processes; i++)
		telling += process_is_telling(&record->processes[i]);
	telling = telling < ROWS_SHOWN ? telling : ROWS_SHOWN;
	others = ROWS_SHOWN - telling;
	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];
		size_t *left = process_is_telling(process) ? &telling : &others;

		if (*left == 0)
			continue;
		(*left)--;
		add_process(table, process);
	}
}

void processes_print(const struct record *record, const struct report_style *style,
		     struct text *text)
{
	static const struct table_column columns[] = {
		{ NULL },
		{ .head = "pid" },
		{ .head = "ended", .is_right = true },
		{ .head = "how" },
	};
	struct table table;

	if (record->n_processes == 0)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	add_processes(&table, record);
	style_title(style, text, "Processes");
	table_print(&table, style, text);
	style_more(style, text, record->n_processes - table.n_rows);
	table_fini(&table);
}
