/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables for people: widths, alignment, marks. Owns its cells. Like struct text it remembers a
 * failed allocation, so that rows are written without a check at each cell.
 *
 * When the cells are too wide explanations give way first, then the widest column, one character
 * at a time; where even that does not help, columns at the right end are left out.
 */
#define _GNU_SOURCE 1 /* vasprintf() */
#include "src/output/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/base/cleanup.h"

#define MARGIN 2 /* before each row; the mark stands in it */
#define GAP 2	 /* between columns */
#define WIDTH_MIN 8
#define QUIET_WIDTH_MIN 24
#define FIRST_CAPACITY 16

struct widths {
	size_t of[TABLE_COLUMNS]; /* 0: not shown */
};

void table_init(struct table *table, const struct table_column *columns, size_t n_columns)
{
	*table = (struct table){ .columns = columns, .n_columns = n_columns };
}

void table_fini(struct table *table)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		for (size_t j = 0; j < table->rows[i].n_cells; j++)
			free(table->rows[i].cells[j]);
	}
	free(table->rows);
	table_init(table, table->columns, table->n_columns);
}

void table_row(struct table *table, enum mark mark)
{
	if (table->has_failed)
		return;
	if (table->n_rows == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
		struct table_row *rows = reallocarray(table->rows, capacity, sizeof(*rows));

		if (!rows) {
			table->has_failed = true;
			return;
		}
		table->rows = rows;
		table->capacity = capacity;
	}
	table->rows[table->n_rows++] = (struct table_row){ .mark = mark };
}

/* Takes the cell. */
static void table_put(struct table *table, char *cell)
{
	struct table_row *row = table->n_rows ? &table->rows[table->n_rows - 1] : NULL;

	if (!cell)
		table->has_failed = true;
	if (table->has_failed || !row || row->n_cells == table->n_columns) {
		free(cell);
		return;
	}
	row->cells[row->n_cells++] = cell;
}

void table_add(struct table *table, const char *format, ...)
{
	_cleanup_free_ char *raw = NULL;
	struct text safe;
	va_list args;

	va_start(args, format);
	if (vasprintf(&raw, format, args) < 0)
		raw = NULL;
	va_end(args);

	text_init(&safe);
	if (raw)
		text_add_safe(&safe, raw, STYLE_COLUMNS_MAX);
	table_put(table, raw ? text_take(&safe) : NULL);
}

void table_skip(struct table *table)
{
	table_add(table, "%s", "");
}

static struct widths table_natural_widths(const struct table *table)
{
	struct widths widths = { 0 };

	for (size_t i = 0; i < table->n_rows; i++) {
		for (size_t j = 0; j < table->rows[i].n_cells; j++) {
			size_t wide = text_columns(table->rows[i].cells[j]);

			if (wide > widths.of[j])
				widths.of[j] = wide;
		}
	}
	for (size_t j = 0; j < table->n_columns; j++) {
		size_t wide = table->columns[j].head ? text_columns(table->columns[j].head) : 0;

		if (widths.of[j] && wide > widths.of[j])
			widths.of[j] = wide;
	}
	return widths;
}

static size_t widths_total(const struct widths *widths)
{
	size_t total = 0;

	for (size_t j = 0; j < TABLE_COLUMNS; j++)
		total += widths->of[j] ? widths->of[j] + (total ? GAP : 0) : 0;
	return total;
}

/* Explanations are cut short while they still say something, then left out. */
static void widths_fit_quiet(const struct table *table, struct widths *widths, size_t columns)
{
	for (size_t j = 0; j < table->n_columns; j++) {
		if (!table->columns[j].is_quiet)
			continue;
		while (widths->of[j] > QUIET_WIDTH_MIN && widths_total(widths) > columns)
			widths->of[j]--;
		if (widths_total(widths) > columns)
			widths->of[j] = 0;
	}
}

static void widths_fit(const struct table *table, struct widths *widths, size_t columns)
{
	size_t last = TABLE_COLUMNS;

	widths_fit_quiet(table, widths, columns);
	while (widths_total(widths) > columns) {
		size_t widest = 0;

		for (size_t j = 1; j < TABLE_COLUMNS; j++)
			widest = widths->of[j] > widths->of[widest] ? j : widest;
		if (widths->of[widest] > WIDTH_MIN)
			widths->of[widest]--;
		else
			widths->of[--last] = 0;
	}
}

static void print_mark(const struct report_style *style, struct text *text, enum mark mark)
{
	enum paint paint = mark == MARK_BAD ? PAINT_BAD : PAINT_DOUBT;

	style_begin(style, text, paint);
	if (mark == MARK_BAD)
		text_add(text, style->use_unicode ? "\u2717" : "!");
	else
		text_add(text, "?");
	style_end(style, text, paint);
}

/* One line; spaces are written only when something follows them. */
static void print_cells(const struct table *table, const struct widths *widths,
			const char *const *cells, const enum paint *paints,
			const struct report_style *style, struct text *text, size_t spaces)
{
	for (size_t j = 0; j < table->n_columns; j++) {
		size_t wide = text_columns(cells[j]);
		size_t pad;

		wide = wide < widths->of[j] ? wide : widths->of[j];
		pad = widths->of[j] - wide;
		if (wide) {
			text_add_repeated(text, " ",
					  spaces + (table->columns[j].is_right ? pad : 0));
			style_begin(style, text, paints[j]);
			text_add_safe(text, cells[j], wide);
			style_end(style, text, paints[j]);
			spaces = table->columns[j].is_right ? 0 : pad;
		} else {
			spaces += pad;
		}
		spaces += widths->of[j] ? GAP : 0;
	}
	text_add(text, "\n");
}

static void print_head(const struct table *table, const struct widths *widths,
		       const struct report_style *style, struct text *text)
{
	const char *cells[TABLE_COLUMNS];
	enum paint paints[TABLE_COLUMNS];
	bool is_empty = true;

	for (size_t j = 0; j < table->n_columns; j++) {
		cells[j] = widths->of[j] && table->columns[j].head ? table->columns[j].head : "";
		paints[j] = PAINT_QUIET;
		is_empty = is_empty && !cells[j][0];
	}
	if (!is_empty)
		print_cells(table, widths, cells, paints, style, text, MARGIN);
}

static void print_row(const struct table *table, const struct widths *widths,
		      const struct table_row *row, const struct report_style *style,
		      struct text *text)
{
	static const enum paint by_mark[] = {
		[MARK_NONE] = PAINT_NONE,
		[MARK_DOUBT] = PAINT_DOUBT,
		[MARK_BAD] = PAINT_BAD,
	};
	const char *cells[TABLE_COLUMNS];
	enum paint paints[TABLE_COLUMNS];

	for (size_t j = 0; j < table->n_columns; j++) {
		cells[j] = j < row->n_cells ? row->cells[j] : "";
		paints[j] = table->columns[j].is_quiet ? PAINT_QUIET : PAINT_NONE;
	}
	paints[0] = by_mark[row->mark];
	if (row->mark != MARK_NONE)
		print_mark(style, text, row->mark);
	print_cells(table, widths, cells, paints, style, text,
		    row->mark == MARK_NONE ? MARGIN : MARGIN - 1);
}

void table_print(const struct table *table, const struct report_style *style, struct text *text)
{
	struct widths widths = table_natural_widths(table);

	if (table->has_failed) {
		text->has_failed = true;
		return;
	}
	widths_fit(table, &widths, style_columns(style) - MARGIN);
	print_head(table, &widths, style, text);
	for (size_t i = 0; i < table->n_rows; i++)
		print_row(table, &widths, &table->rows[i], style, text);
}
