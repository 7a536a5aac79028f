/* SPDX-License-Identifier: GPL-2.0-only */
/* The section "Where the time went": what the threads of a draining service waited for. */
#include "src/output/waits.h"

#include <stdio.h>

#include "src/base/cleanup.h"
#include "src/output/table.h"
#include "src/output/units.h"

#define WAITS_SHOWN 5
#define WHAT_BYTES (WAIT_CALL_BYTES + WAIT_TEXT_BYTES + 64)

/* "in fdatasync of /var/lib/x", "in futex for a lock": with its text, and without. */
static const struct {
	const char *known;
	const char *unknown;
} phrases[] = {
	[WAIT_ON_NOTHING] = { ": ", "" },
	[WAIT_ON_SOCKET] = { " on ", " on a socket" },
	[WAIT_ON_FILE] = { " of ", " of a file" },
	[WAIT_ON_PIPE] = { " on pipe ", " on a pipe" },
	[WAIT_ON_FUTEX] = { " for ", " for a lock" },
	[WAIT_ON_CHILD] = { " for ", " for a child" },
	[WAIT_ON_TIMER] = { " for ", " for a timer" },
	[WAIT_ON_EPOLL] = { " with ", "" },
};
_Static_assert(ARRAY_SIZE(phrases) == WAIT_ON_EPOLL + 1, "a phrase for each");

static const char *describe(const struct record_wait *wait, char buffer[WHAT_BYTES])
{
	static const char *const without_call[] = {
		[WAIT_SLEEPING] = "asleep",
		[WAIT_RUNNING] = "running",
		[WAIT_BLOCKED] = "blocked",
	};
	bool is_known = wait->text[0];

	snprintf(buffer, WHAT_BYTES, "%s%s%s%s%s%s", wait->call[0] ? "in " : "",
		 wait->call[0] ? wait->call : without_call[wait->state],
		 is_known ? phrases[wait->object].known : phrases[wait->object].unknown, wait->text,
		 wait->call[0] && wait->state == WAIT_BLOCKED ? ", blocked in the kernel" : "",
		 wait->call[0] && wait->state == WAIT_RUNNING ? ", running" : "");
	return buffer;
}

static void add_wait(struct table *table, const struct record_wait *wait)
{
	char what[WHAT_BYTES];
	char time[UNITS_BYTES];

	table_row(table, MARK_NONE);
	if (wait->is_main)
		table_add(table, "main thread of %s", wait->comm);
	else
		table_add(table, "thread %s", wait->comm);
	table_add(table, "%u", wait->is_main ? wait->pid : wait->tid);
	if (wait->total_ns == TIME_UNKNOWN)
		table_skip(table);
	else
		table_add(table, "%s", units_duration(wait->total_ns, time));
	table_add(table, "%.0f %%", 100 * wait->share);
	table_add(table, "%s", describe(wait, what));
}

void waits_print(const struct record *record, const struct report_style *style, struct text *text)
{
	static const struct table_column columns[] = {
		{ NULL },
		{ .head = "tid", .is_right = true },
		{ .head = "time", .is_right = true },
		{ .head = "share", .is_right = true },
		{ .head = "what it did" },
	};
	size_t shown = record->n_waits < WAITS_SHOWN ? record->n_waits : WAITS_SHOWN;
	struct table table;

	if (!record->has_waits || record->n_waits == 0)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < shown; i++)
		add_wait(&table, &record->waits[i]);
	style_title(style, text, "Where the time went");
	table_print(&table, style, text);
	style_more(style, text, record->n_waits - shown);
	table_fini(&table);
}
