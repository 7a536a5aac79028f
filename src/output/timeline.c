/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The phases of a shutdown, drawn to scale from T0 to the last thing known of the service itself.
 * How long the port stayed dark may lie far beyond that: its bar is cut at the end of the scale
 * and says so by an arrow.
 */
#include "src/output/timeline.h"

#include "src/base/cleanup.h"
#include "src/output/table.h"
#include "src/output/units.h"

#define PHASES_MAX 8
#define LABEL_COLUMNS 12 /* "first action" */
#define NOTE_COLUMNS 33
#define FRAME_COLUMNS 8 /* the margin and three gaps */
#define BAR_COLUMNS_MIN 16

struct phase {
	const char *label;
	const char *note;
	int64_t from_ns;
	int64_t length_ns;
};

/* A recording may hold any number: the end stays within what an integer can hold. */
static int64_t phase_end(const struct phase *phase)
{
	int64_t end;

	if (__builtin_add_overflow(phase->from_ns, phase->length_ns, &end))
		return INT64_MAX;
	return end;
}

struct scale {
	int64_t end_ns;
	size_t columns;
	bool has_notes;
};

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b; /* TIME_UNKNOWN is less than any time */
}

static int64_t timing_end(const struct record_timing *t)
{
	int64_t end = latest(t->total_ns, latest(t->drain_ns, t->in_flight_ns));

	return latest(end, latest(t->accepting_ns, latest(t->first_action_ns, t->react_ns)));
}

static void phase_add(struct phase *phases, size_t *n, int64_t from_ns, int64_t length_ns,
		      const char *label, const char *note)
{
	if (length_ns == TIME_UNKNOWN || from_ns == TIME_UNKNOWN)
		return;
	phases[(*n)++] = (struct phase){ label, note, from_ns, length_ns };
}

static size_t phases_of(const struct record_timing *t, struct phase phases[PHASES_MAX])
{
	int64_t before_cleanup = latest(0, latest(t->accepting_ns, t->drain_ns));
	size_t n = 0;

	phase_add(phases, &n, 0, t->react_ns, "react", "until a handler took the signal");
	phase_add(phases, &n, 0, t->first_action_ns, "first action", "until it first acted on it");
	phase_add(phases, &n, 0, t->accepting_ns, "accepting", "until its last listener closed");
	phase_add(phases, &n, 0, t->in_flight_ns, "in flight", "until the last open request ended");
	phase_add(phases, &n, 0, t->drain_ns, "drain", "until the last client was gone");
	phase_add(phases, &n, before_cleanup, t->cleanup_ns, "clean-up", "from then on to the end");
	phase_add(phases, &n, 0, t->total_ns, "total", "until the last process was gone");
	phase_add(phases, &n, t->accepting_ns, t->dark_ns, "dark", "nobody listened on the port");
	return n;
}

/* Where a time lies on the scale, in halves of a column. */
static size_t scale_halves(const struct scale *scale, int64_t ns)
{
	size_t all = scale->columns * 2;

	if (ns <= 0 || scale->end_ns <= 0)
		return 0;
	if (ns >= scale->end_ns)
		return all;
	return (size_t)((double)ns / (double)scale->end_ns * (double)all + 0.5);
}

/* Even the shortest phase leaves a trace. A bar begins with a whole column. */
static void bar_add(struct text *bar, const struct phase *phase, const struct scale *scale,
		    bool use_unicode)
{
	bool is_cut = phase_end(phase) > scale->end_ns;
	size_t begin = scale_halves(scale, phase->from_ns) / 2;
	size_t end = scale_halves(scale, phase_end(phase));
	size_t whole;

	if (begin > scale->columns - 1)
		begin = scale->columns - 1;
	if (end <= begin * 2)
		end = begin * 2 + 1;
	whole = end / 2 - begin;
	if (is_cut && whole)
		whole--;
	text_add_repeated(bar, " ", begin);
	text_add_repeated(bar, use_unicode ? "━" : "=", whole);
	if (is_cut)
		text_add(bar, use_unicode ? "▶" : ">");
	else if (end % 2)
		text_add(bar, use_unicode ? "╸" : "-");
}

static void timeline_add_phase(struct table *table, const struct phase *phase,
			       const struct scale *scale, const struct report_style *style)
{
	_cleanup_free_ char *bar = NULL;
	char time[UNITS_BYTES];
	struct text text;

	text_init(&text);
	bar_add(&text, phase, scale, style->use_unicode);
	bar = text_take(&text);

	table_row(table, MARK_NONE);
	table_add(table, "%s", phase->label);
	table_add(table, "%s", units_duration(phase->length_ns, time));
	table_add(table, "%s", bar ? bar : "");
	table->has_failed |= !bar;
	table_add(table, "%s", scale->has_notes ? phase->note : "");
}

/* "0 … 2.12 s", as wide as the scale. */
static char *scale_axis(const struct scale *scale)
{
	char time[UNITS_BYTES];
	struct text axis;
	size_t wide;

	units_duration(scale->end_ns, time);
	wide = 1 + text_columns(time);
	text_init(&axis);
	text_add(&axis, "0");
	if (wide < scale->columns)
		text_add_repeated(&axis, " ", scale->columns - wide);
	text_add(&axis, time);
	return text_take(&axis);
}

/* What the labels, the times and, where there is room, the notes leave for the bars. */
static struct scale scale_of(const struct phase *phases, size_t n,
			     const struct record_timing *timing, const struct report_style *style)
{
	size_t fixed = FRAME_COLUMNS + LABEL_COLUMNS;
	char time[UNITS_BYTES];
	size_t widest = 0;
	size_t left;

	for (size_t i = 0; i < n; i++) {
		size_t wide = text_columns(units_duration(phases[i].length_ns, time));

		widest = wide > widest ? wide : widest;
	}
	left = style_columns(style) - fixed - widest;
	return (struct scale){
		.end_ns = timing_end(timing),
		.columns = left < NOTE_COLUMNS + BAR_COLUMNS_MIN ? left : left - NOTE_COLUMNS,
		.has_notes = left >= NOTE_COLUMNS + BAR_COLUMNS_MIN,
	};
}

void timeline_print(const struct record *record, const struct report_style *style,
		    struct text *text)
{
	struct phase phases[PHASES_MAX];
	size_t n = phases_of(&record->timing, phases);
	struct scale scale = scale_of(phases, n, &record->timing, style);
	_cleanup_free_ char *axis = scale_axis(&scale);
	const struct table_column columns[] = {
		{ NULL },
		{ .is_right = true },
		{ .head = axis },
		{ .is_quiet = true },
	};
	struct table table;

	if (n == 0)
		return;
	table_init(&table, columns, ARRAY_SIZE(columns));
	table.has_failed = !axis;
	for (size_t i = 0; i < n; i++)
		timeline_add_phase(&table, &phases[i], &scale, style);
	style_title(style, text, "Time line");
	table_print(&table, style, text);
	table_fini(&table);
}
