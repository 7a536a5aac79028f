/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of the table of findings as text. All of it is ours, but for the word that was mistyped. */
#include "src/output/explain.h"

#include <string.h>

#include "src/base/cleanup.h"

#define WORD_BYTES 64 /* no id is longer */
#define NEAR_SHOWN 3

void explain_list(const struct finding_row *rows, size_t n_rows, struct text *text)
{
	size_t widest = 0;

	for (size_t i = 0; i < n_rows; i++)
		widest = strlen(rows[i].id) > widest ? strlen(rows[i].id) : widest;
	for (size_t i = 0; i < n_rows; i++)
		text_addf(text, "%-*s  %-7s  %s\n", (int)widest, rows[i].id,
			  severity_name(rows[i].severity), rows[i].meaning);
}

void explain_row(const struct finding_row *row, const struct report_style *style, struct text *text)
{
	text_addf(text, "%s (%s)\n", row->id, severity_name(row->severity));
	style_paragraph(style, text, PAINT_NONE, row->meaning);
	style_title(style, text, "What the kernel shows");
	style_item(style, text, PAINT_NONE, 2, "", row->signature);
	style_title(style, text, "What to change");
	style_item(style, text, PAINT_NONE, 2, "", row->advice);
}

/* --- near matches --------------------------------------------------------------------------- */

/* Letters to insert, remove or replace, to make one of the other (Levenshtein). */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t row[WORD_BYTES + 1];

	for (size_t j = 0; j <= b_size; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_size];
}

/* How far the word is from an id; SIZE_MAX: too far. A part of the id is nearer than a slip. */
static size_t farness(const char *word, const char *id)
{
	size_t word_size = strnlen(word, WORD_BYTES), id_size = strnlen(id, WORD_BYTES);
	size_t far;

	if (word_size >= 3 && strstr(id, word))
		return 0;
	far = distance(word, word_size, id, id_size);
	return far <= 1 + id_size / 4 && far < word_size ? far : SIZE_MAX;
}

/* The nearest row that is not one of `found`; NULL: none is near. */
static const struct finding_row *next_nearest(const struct finding_row *rows, size_t n_rows,
					      const char *word,
					      const struct finding_row *const *found,
					      size_t n_found)
{
	const struct finding_row *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < n_rows; i++) {
		size_t far = farness(word, rows[i].id);
		bool is_found = false;

		for (size_t j = 0; j < n_found; j++)
			is_found |= found[j] == &rows[i];
		if (!is_found && far < least) {
			least = far;
			nearest = &rows[i];
		}
	}
	return nearest;
}

void explain_near(const struct finding_row *rows, size_t n_rows, const char *word,
		  struct text *text)
{
	const struct finding_row *found[NEAR_SHOWN];
	size_t n = 0;

	for (; n < NEAR_SHOWN; n++) {
		found[n] = next_nearest(rows, n_rows, word, found, n);
		if (!found[n])
			break;
	}
	for (size_t i = 0; i < n; i++)
		text_addf(text, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", found[i]->id);
}

/* --- README --------------------------------------------------------------------------------- */

/* A bar would end the cell. */
static void add_cell(struct text *text, const char *cell)
{
	for (; *cell; cell++) {
		if (*cell == '|')
			text_add(text, "\\");
		text_add_bytes(text, cell, 1);
	}
}

void explain_markdown(const struct finding_row *rows, size_t n_rows, struct text *text)
{
	text_add(text, "| finding | severity | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < n_rows; i++) {
		text_addf(text, "| `%s` | %s | ", rows[i].id, severity_name(rows[i].severity));
		add_cell(text, rows[i].meaning);
		text_add(text, " |\n");
	}
}
