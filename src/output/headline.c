/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verdict in plain words: what the service did, how long it took, what its clients lost.
 * Judges nothing: verdict and counts come from the record, the words claim no more than they do.
 */
#include "src/output/headline.h"

#include <signal.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/output/units.h"

#define NAME_COLUMNS 60

bool headline_is_violent(const struct record_process *process)
{
	switch (process->exit_signal) {
	case 0:
	case SIGTERM:
	case SIGINT:
	case SIGQUIT:
	case SIGHUP:
		return false;
	default:
		return true;
	}
}

static void add_count(struct text *text, uint64_t n, const char *one, const char *many)
{
	text_addf(text, "%llu %s", (unsigned long long)n, n == 1 ? one : many);
}

/* " in 2.12 s", " after 90.0 s": nothing when it is not known. */
static void add_time(struct text *text, const char *word, int64_t ns)
{
	char buffer[UNITS_BYTES];

	if (ns != TIME_UNKNOWN)
		text_addf(text, " %s %s", word, units_duration(ns, buffer));
}

/* "uvicorn (pid 812)" */
static void add_process(struct text *text, const struct record_process *process)
{
	text_add_safe(text, process->comm, NAME_COLUMNS);
	text_addf(text, " (pid %u)", process->pid);
}

static uint64_t direction_total(const struct record_direction *direction)
{
	return direction->open_at_signal + direction->late;
}

static uint64_t direction_unclear(const struct record_direction *direction)
{
	return direction->outcomes[OUTCOME_UNDECIDED] + direction->outcomes[OUTCOME_LEFT_OPEN];
}

/* "3 of 12 connections were cut off", with what separates it from the clause before. */
static void add_aborted(struct text *text, const struct record_direction *direction,
			const char *kind, const char **separator)
{
	uint64_t aborted = direction->aborted;

	if (aborted == 0)
		return;
	text_addf(text, "%s%llu of ", *separator, (unsigned long long)aborted);
	text_addf(text, "%llu %s%s", (unsigned long long)direction_total(direction), kind,
		  direction_total(direction) == 1 ? "connection" : "connections");
	text_add(text, aborted == 1 ? " was cut off" : " were cut off");
	*separator = ", ";
}

/* What was lost, after `separator`; says whether there was anything. */
static bool add_losses(struct text *text, const struct record *record, const char *separator)
{
	uint64_t refused = record->refused + record->refused_handshakes;
	const char *first = separator;

	add_aborted(text, &record->directions[DIRECTION_INBOUND], "", &separator);
	add_aborted(text, &record->directions[DIRECTION_OUTBOUND], "outgoing ", &separator);
	if (refused) {
		text_add(text, separator);
		add_count(text, refused, "connection attempt was refused",
			  "connection attempts were refused");
		separator = ", ";
	}
	return separator != first;
}

/* Says that all is well only as far as it is known. */
static void add_no_loss(struct text *text, const struct record *record)
{
	const struct record_direction *in = &record->directions[DIRECTION_INBOUND];
	const struct record_direction *out = &record->directions[DIRECTION_OUTBOUND];
	uint64_t unclear = direction_unclear(in) + direction_unclear(out);

	if (!record->has_connections) {
		text_add(text, "; its connections were not observed");
	} else if (!record->is_complete) {
		text_add(text, "; no loss was seen, but the record is incomplete");
	} else if (unclear) {
		text_add(text, "; nothing is known to be lost, ");
		add_count(text, unclear, "connection is unclear", "connections are unclear");
	} else if (direction_total(in) + direction_total(out) == 0) {
		text_add(text, "; it had no connections");
	} else {
		text_add(text, "; nothing was lost");
	}
}

static void add_outcome(struct text *text, const struct record *record)
{
	if (!add_losses(text, record, "; "))
		add_no_loss(text, record);
}

static size_t count_alive(const struct record *record)
{
	size_t alive = 0;

	for (size_t i = 0; i < record->n_processes; i++)
		alive += !record->processes[i].has_exited;
	return alive;
}

static void add_clean(struct text *text, const struct record *record)
{
	text_add(text, "stopped cleanly");
	add_time(text, "in", record->timing.total_ns);
	add_outcome(text, record);
}

static void add_lossy(struct text *text, const struct record *record)
{
	text_add(text, "stopped");
	add_time(text, "in", record->timing.total_ns);
	text_add(text, ", but LOSSY");
	add_losses(text, record, ": ");
}

/* The signal that forced the end: the first SIGKILL, else the last signal from outside. */
static const struct record_signal *find_force(const struct record *record)
{
	const struct record_signal *kill = NULL;
	const struct record_signal *last = NULL;

	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];

		for (size_t j = 0; j < process->n_signals; j++) {
			const struct record_signal *s = &process->signals[j];

			if (s->signal == SIGKILL && (!kill || s->at_ns < kill->at_ns))
				kill = s;
			if (!s->from_member && (!last || s->at_ns > last->at_ns))
				last = s;
		}
	}
	return kill ? kill : last;
}

/* " by systemd"; the kernel is nobody. */
static void add_killer(struct text *text, const struct record_signal *force)
{
	if (force->sender.is_kernel)
		return;
	text_add(text, " by ");
	text_add_safe(text, force->sender.comm, NAME_COLUMNS);
}

static void add_forced(struct text *text, const struct record *record)
{
	const struct record_signal *force = find_force(record);
	char name[16];

	text_add(text, "FORCED: ");
	if (!force) {
		text_add(text, "it was made to end");
	} else if (force->signal != SIGKILL) {
		text_addf(text, "ended by a second stop signal, %s,",
			  signal_name(force->signal, name));
		add_time(text, "after", force->at_ns);
	} else if (record->trigger_signal == SIGKILL) {
		text_add(text, "killed at once with SIGKILL");
		add_killer(text, force);
		text_add(text, ", without a chance to stop");
	} else {
		text_add(text, "had to be killed");
		add_killer(text, force);
		add_time(text, "after", force->at_ns);
	}
	add_outcome(text, record);
}

static const struct record_process *find_crash(const struct record *record)
{
	const struct record_process *failed = NULL;

	for (size_t i = 0; i < record->n_processes; i++) {
		const struct record_process *process = &record->processes[i];

		if (!process->has_exited)
			continue;
		if (headline_is_violent(process))
			return process;
		if (!failed && process->exit_code > 0)
			failed = process;
	}
	return failed;
}

static void add_crashed(struct text *text, const struct record *record)
{
	const struct record_process *process = find_crash(record);
	char name[16];

	text_add(text, "CRASHED");
	if (process) {
		text_add(text, ": ");
		add_process(text, process);
		if (process->exit_signal)
			text_addf(text, " ended by %s", signal_name(process->exit_signal, name));
		else
			text_addf(text, " ended with exit code %d", process->exit_code);
		if (record->trigger == TRIGGER_SIGNAL)
			add_time(text, "after", process->exited_at_ns);
	}
	add_outcome(text, record);
}

static void add_oom_killed(struct text *text, const struct record *record)
{
	const struct record_process *victim = NULL;

	for (size_t i = 0; i < record->n_processes && !victim; i++) {
		if (record->processes[i].exit_signal == SIGKILL)
			victim = &record->processes[i];
	}
	text_add(text, "OUT OF MEMORY: the kernel killed ");
	if (victim)
		add_process(text, victim);
	else
		text_add(text, "one of its processes");
	add_outcome(text, record);
}

static void add_partial(struct text *text, const struct record *record)
{
	text_add(text, "PARTIAL: the signalled process ended, but ");
	add_count(text, count_alive(record), "other process lives on", "other processes live on");
	add_losses(text, record, "; ");
}

static void add_unaffected(struct text *text, const struct record *record)
{
	char name[16];

	text_add(text, "UNAFFECTED: ");
	if (record->trigger_signal)
		text_addf(text, "%s did not stop it, ", signal_name(record->trigger_signal, name));
	else
		text_add(text, "it did not stop, ");
	add_count(text, count_alive(record), "process lives on", "processes live on");
	add_losses(text, record, "; ");
}

static void add_draining(struct text *text, const struct record *record)
{
	text_add(text, "STILL DRAINING: it began to stop and has not ended yet, ");
	add_count(text, count_alive(record), "process is alive", "processes are alive");
	if (add_losses(text, record, "; so far "))
		return;
	if (record->has_connections && record->is_complete)
		text_add(text, "; nothing was lost so far");
}

static const struct headline {
	void (*add)(struct text *text, const struct record *record);
	enum paint paint;
} headlines[] = {
	[VERDICT_CLEAN] = { add_clean, PAINT_GOOD },
	[VERDICT_LOSSY] = { add_lossy, PAINT_BAD },
	[VERDICT_FORCED] = { add_forced, PAINT_BAD },
	[VERDICT_CRASHED] = { add_crashed, PAINT_BAD },
	[VERDICT_OOM_KILLED] = { add_oom_killed, PAINT_BAD },
	[VERDICT_PARTIAL] = { add_partial, PAINT_BAD },
	[VERDICT_UNAFFECTED] = { add_unaffected, PAINT_DOUBT },
	[VERDICT_DRAINING] = { add_draining, PAINT_DOUBT },
};
_Static_assert(ARRAY_SIZE(headlines) == VERDICT_DRAINING + 1, "a sentence for each");

void headline_print(const struct record *record, const struct report_style *style,
		    struct text *text)
{
	const struct headline *headline = &headlines[record->verdict];
	_cleanup_free_ char *prose = NULL;
	struct text raw;

	text_init(&raw);
	text_add_safe(&raw, record->service.name, NAME_COLUMNS);
	text_add(&raw, ": ");
	headline->add(&raw, record);
	prose = text_take(&raw);
	if (!prose) {
		text->has_failed = true;
		return;
	}
	style_paragraph(style, text, headline->paint, prose);
	if (!record->is_complete)
		style_paragraph(style, text, PAINT_DOUBT,
				"The record is incomplete: see \"Not recorded\" at the end.");
	if (record->is_provisional)
		style_paragraph(style, text, PAINT_QUIET,
				"Provisional: refused clients are still being counted.");
}
