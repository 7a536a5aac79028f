/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table for people: as wide as its cells, never wider than the style allows. Columns in which
 * nothing stands are not shown. Cells may hold strangers' strings: they are made safe on entry.
 */
#ifndef SHUTWATCH_TABLE_H
#define SHUTWATCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/output/style.h"

#define TABLE_COLUMNS 8

enum mark { MARK_NONE, MARK_DOUBT, MARK_BAD };

struct table_column {
	const char *head; /* NULL: none */
	bool is_right;	  /* numbers */
	bool is_quiet;	  /* explanations: the first to give way when there is no room */
};

struct table_row {
	enum mark mark;
	size_t n_cells;
	char *cells[TABLE_COLUMNS];
};

struct table {
	const struct table_column *columns; /* borrowed */
	size_t n_columns;		    /* at most TABLE_COLUMNS */
	struct table_row *rows;
	size_t n_rows;
	size_t capacity;
	bool has_failed;
};

void table_init(struct table *table, const struct table_column *columns, size_t n_columns);
void table_fini(struct table *table);

/* Begins a row; without cells it stays an empty line. */
void table_row(struct table *table, enum mark mark);

/* The next cell of the row; an empty one with table_skip(). */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_skip(struct table *table);

/* Appends the table; a failed allocation of the table becomes one of the text. */
void table_print(const struct table *table, const struct report_style *style, struct text *text);

#endif
