/* SPDX-License-Identifier: GPL-2.0-only */
/* The section "Where the time went": what the threads of a draining service waited for. */
#include "src/output/waits.h"

#include <stdio.h>

#include "src/analysis/waits.h"
#include "src/base/cleanup.h"
#include "src/output/units.h"

#define WAITS_SHOWN 5
#define CLEANUP_TOLD_NS 100000000LL
#define MARGIN 2
#define TIME_COLUMNS 7 /* "59.9 ms" */
#define FIGURES_BYTES (UNITS_BYTES + 24)
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

/* " 9.90 s   50 %  " */
static void figures(const struct record_wait *wait, char buffer[FIGURES_BYTES])
{
	char time[UNITS_BYTES] = "", share[8] = "";

	if (wait->total_ns != TIME_UNKNOWN)
		units_duration(wait->total_ns, time);
	if (wait->share >= 0 && wait->share <= 1)
		snprintf(share, sizeof(share), "%.0f %%", 100 * wait->share);
	snprintf(buffer, FIGURES_BYTES, "%*s  %5s  ", TIME_COLUMNS, time, share);
}

/* How much of it came after the last client, where that is worth a word. */
static void add_cleanup(const struct record_wait *wait, struct text *prose)
{
	char time[UNITS_BYTES];

	if (wait->cleanup_ns < CLEANUP_TOLD_NS || wait->cleanup_ns >= wait->total_ns)
		return;
	units_duration(wait->cleanup_ns, time);
	text_addf(prose, "; %s of it in clean-up", time);
}

static void print_wait(const struct record_wait *wait, const struct report_style *style,
		       struct text *text)
{
	char mark[FIGURES_BYTES];
	char what[WHAT_BYTES];
	_cleanup_free_ char *line = NULL;
	struct text prose;

	figures(wait, mark);
	text_init(&prose);
	text_addf(&prose, "%s%s (%u): %s", wait->is_main ? "main thread of " : "thread ",
		  wait->comm, wait->is_main ? wait->pid : wait->tid, describe(wait, what));
	add_cleanup(wait, &prose);
	line = text_take(&prose);
	if (line)
		style_item(style, text, PAINT_NONE, MARGIN, mark, line);
	else
		text->has_failed = true;
}

void waits_print(const struct record *record, const struct report_style *style, struct text *text)
{
	size_t shown = record->n_waits < WAITS_SHOWN ? record->n_waits : WAITS_SHOWN;
	size_t n_told = 0;

	if (!record->has_waits || record->n_waits == 0)
		return;
	style_title(style, text, "Where the time went (% of the time of each thread)");
	/* Idle threads of a pool say nothing: they come last. */
	for (int parked = 0; parked < 2; parked++) {
		for (size_t i = 0; i < record->n_waits && n_told < shown; i++) {
			if (wait_is_parked(&record->waits[i]) != parked)
				continue;
			print_wait(&record->waits[i], style, text);
			n_told++;
		}
	}
	style_more(style, text, record->n_waits - shown);
}
