/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sums mislead when one set is larger: what changed is told per shutdown, and of outcomes as their
 * share. A mark stands where the second set lost more.
 */
#include "src/output/diff.h"

#include <stdlib.h>
#include <string.h>

#include "src/analysis/percentile.h"
#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/output/pack.h"
#include "src/output/table.h"
#include "src/output/units.h"

static const struct table_column columns[] = {
	{ .head = NULL },
	{ .head = "A", .is_right = true },
	{ .head = "records", .is_right = true },
	{ .head = "B", .is_right = true },
	{ .head = "records", .is_right = true },
	{ .head = "A to B" },
};

static int times_add(struct diff_times *times, int64_t ns)
{
	int err;

	if (ns == TIME_UNKNOWN)
		return 0;
	err = array_reserve((void **)&times->ns, &times->capacity, times->n, sizeof(*times->ns));
	if (!err)
		times->ns[times->n++] = ns;
	return err;
}

int diff_add(struct diff_set *set, const struct store_summary *summary)
{
	int err = times_add(&set->drain, summary->timing.drain_ns);

	if (!err)
		err = times_add(&set->total, summary->timing.total_ns);
	if (err)
		return err;
	set->shutdowns++;
	if ((unsigned int)summary->verdict < VERDICTS)
		set->verdicts[summary->verdict]++;
	if (!summary->has_connections)
		return 0;
	set->with_connections++;
	set->connections += summary->inbound;
	set->aborted += summary->aborted;
	set->refused += summary->refused;
	set->late += summary->late;
	return 0;
}

static uint64_t count_of(const struct diff_set *set, const char *id)
{
	for (size_t i = 0; i < set->n_findings; i++) {
		if (strcmp(set->findings[i].id, id) == 0)
			return set->findings[i].count;
	}
	return 0;
}

void diff_add_finding(struct diff_set *set, const char *id, uint64_t count)
{
	struct diff_finding *finding = set->findings;
	size_t i = 0;

	while (i < set->n_findings && strcmp(finding[i].id, id) != 0)
		i++;
	if (i == DIFF_FINDINGS_MAX)
		return;
	if (i == set->n_findings) {
		strncpy(finding[i].id, id, sizeof(finding[i].id) - 1);
		set->n_findings++;
	}
	finding[i].count += count;
}

void diff_fini(struct diff_set *set)
{
	free(set->drain.ns);
	free(set->total.ns);
	memset(set, 0, sizeof(*set));
}

static double share(double part, size_t whole)
{
	return whole ? part / (double)whole : 0;
}

static void add_set_row(struct table *table, const char *name, size_t a, size_t b)
{
	table_row(table, MARK_NONE);
	table_add(table, "%s", name);
	table_add(table, "%zu", a);
	table_skip(table);
	table_add(table, "%zu", b);
}

static void add_verdict(struct table *table, enum verdict verdict, const struct diff_set *a,
			const struct diff_set *b)
{
	if (!a->verdicts[verdict] && !b->verdicts[verdict])
		return;
	add_set_row(table, verdict_name(verdict), a->verdicts[verdict], b->verdicts[verdict]);
	table_skip(table);
	table_add(table, "%.0f %% to %.0f %%",
		  100 * share((double)a->verdicts[verdict], a->shutdowns),
		  100 * share((double)b->verdicts[verdict], b->shutdowns));
}

static void add_time(struct table *table, int64_t ns, size_t n)
{
	char buffer[UNITS_BYTES];

	if (ns == TIME_UNKNOWN)
		table_add(table, "-");
	else
		table_add(table, "%s", units_duration(ns, buffer));
	table_add(table, "%zu", n);
}

static void add_percentile(struct table *table, const char *name, unsigned int percent,
			   struct diff_times *a, struct diff_times *b)
{
	int64_t from = percentile_of(a->ns, a->n, percent);
	int64_t to = percentile_of(b->ns, b->n, percent);
	char buffer[UNITS_BYTES];

	if (!a->n && !b->n)
		return;
	table_row(table, MARK_NONE);
	table_add(table, "%s p%u", name, percent);
	add_time(table, from, a->n);
	add_time(table, to, b->n);
	if (!a->n || !b->n)
		return;
	if (from > 0)
		table_add(table, "%s%s (%+.0f %%)", to > from ? "+" : "",
			  units_duration(to - from, buffer),
			  100 * ((double)to - (double)from) / (double)from);
	else
		table_add(table, "%s%s", to > from ? "+" : "", units_duration(to - from, buffer));
}

static void add_count(struct table *table, const char *name, bool is_loss, uint64_t a, uint64_t b,
		      const struct diff_set *of_a, const struct diff_set *of_b)
{
	double from = share((double)a, of_a->with_connections);
	double to = share((double)b, of_b->with_connections);

	table_row(table, is_loss && to > from ? MARK_BAD : MARK_NONE);
	table_add(table, "%s", name);
	table_add(table, "%llu", (unsigned long long)a);
	table_add(table, "%zu", of_a->with_connections);
	table_add(table, "%llu", (unsigned long long)b);
	table_add(table, "%zu", of_b->with_connections);
	if (of_a->with_connections && of_b->with_connections)
		table_add(table, "%.2f to %.2f a shutdown", from, to);
}

/* A finding of which the sets have not the same share. */
static void add_finding(struct table *table, const char *id, const struct diff_set *a,
			const struct diff_set *b)
{
	uint64_t in_a = count_of(a, id), in_b = count_of(b, id);
	double from = share((double)in_a, a->shutdowns);
	double to = share((double)in_b, b->shutdowns);

	if (in_a == in_b && a->shutdowns == b->shutdowns)
		return;
	table_row(table, to > from ? MARK_DOUBT : MARK_NONE);
	table_add(table, "%s", id);
	table_add(table, "%llu", (unsigned long long)in_a);
	table_add(table, "%zu", a->shutdowns);
	table_add(table, "%llu", (unsigned long long)in_b);
	table_add(table, "%zu", b->shutdowns);
	table_add(table, "%.0f %% to %.0f %%", 100 * from, 100 * to);
}

static void add_findings(struct table *table, const struct diff_set *a, const struct diff_set *b)
{
	for (size_t i = 0; i < a->n_findings; i++)
		add_finding(table, a->findings[i].id, a, b);
	for (size_t i = 0; i < b->n_findings; i++) {
		if (!count_of(a, b->findings[i].id))
			add_finding(table, b->findings[i].id, a, b);
	}
}

static void name_set(const struct report_style *style, struct text *text, const char *letter,
		     const struct diff_set *set)
{
	struct text line;
	_cleanup_free_ char *prose = NULL;

	text_init(&line);
	text_addf(&line, "%s: %s", letter, set->name);
	prose = text_take(&line);
	if (prose)
		style_paragraph(style, text, PAINT_NONE, prose);
	else
		text->has_failed = true;
}

void diff_print(struct diff_set *a, struct diff_set *b, const struct report_style *style,
		struct text *text)
{
	struct table table;

	name_set(style, text, "A", a);
	name_set(style, text, "B", b);
	text_add(text, "\n");
	table_init(&table, columns, ARRAY_SIZE(columns));
	add_set_row(&table, "shutdowns", a->shutdowns, b->shutdowns);
	for (int verdict = 0; verdict < VERDICTS; verdict++)
		add_verdict(&table, verdict, a, b);
	add_percentile(&table, "drain", 50, &a->drain, &b->drain);
	add_percentile(&table, "drain", 95, &a->drain, &b->drain);
	add_percentile(&table, "total", 50, &a->total, &b->total);
	add_percentile(&table, "total", 95, &a->total, &b->total);
	add_count(&table, "connections", false, a->connections, b->connections, a, b);
	add_count(&table, "aborted", true, a->aborted, b->aborted, a, b);
	add_count(&table, "refused", true, a->refused, b->refused, a, b);
	add_count(&table, "late", false, a->late, b->late, a, b);
	add_findings(&table, a, b);
	table_print(&table, style, text);
	table_fini(&table);
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* clang-format off */
static json_t *times_json(struct diff_times *times)
{
	return json_pack("{s:I, s:o, s:o}",
			 "records", (json_int_t)times->n,
			 "p50", pack_seconds(percentile_of(times->ns, times->n, 50)),
			 "p95", pack_seconds(percentile_of(times->ns, times->n, 95)));
}

static json_t *outcomes_json(const struct diff_set *set)
{
	json_auto_t *outcomes = json_object();

	for (int verdict = 0; verdict < VERDICTS; verdict++) {
		if (set->verdicts[verdict] &&
		    json_object_set_new(outcomes, verdict_name(verdict),
					json_integer((json_int_t)set->verdicts[verdict])) < 0)
			return NULL;
	}
	return TAKE_PTR(outcomes);
}

static json_t *connections_json(const struct diff_set *set)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}",
			 "records", (json_int_t)set->with_connections,
			 "inbound", (json_int_t)set->connections,
			 "aborted", (json_int_t)set->aborted,
			 "refused", (json_int_t)set->refused,
			 "late", (json_int_t)set->late);
}

static json_t *findings_json(const struct diff_set *set)
{
	json_auto_t *findings = json_object();

	for (size_t i = 0; i < set->n_findings; i++) {
		const struct diff_finding *finding = &set->findings[i];
		_cleanup_free_ char *id = text_valid_utf8(finding->id, sizeof(finding->id));

		if (!id || json_object_set_new(findings, id,
					       json_integer((json_int_t)finding->count)) < 0)
			return NULL;
	}
	return TAKE_PTR(findings);
}

static json_t *set_json(struct diff_set *set)
{
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o}",
			 "selection", pack_text(set->name),
			 "shutdowns", (json_int_t)set->shutdowns,
			 "outcomes", outcomes_json(set),
			 "drain_s", times_json(&set->drain),
			 "total_s", times_json(&set->total),
			 "connections", connections_json(set),
			 "findings", findings_json(set));
}

char *json_from_diff(struct diff_set *a, struct diff_set *b)
{
	return pack_line(json_pack("{s:o, s:o}", "a", set_json(a), "b", set_json(b)));
}
/* clang-format on */
