/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The look of text for people, and prose in it. Tables are in table.c. Whatever leaves this file
 * is safe for a terminal and keeps within the width.
 */
#include "src/output/style.h"

#include <string.h>

#include "src/base/cleanup.h"

#define MARGIN 2

size_t style_columns(const struct report_style *style)
{
	if (style->columns == 0 || style->columns > STYLE_COLUMNS_MAX)
		return STYLE_COLUMNS_MAX;
	return style->columns < STYLE_COLUMNS_MIN ? STYLE_COLUMNS_MIN : style->columns;
}

void style_begin(const struct report_style *style, struct text *text, enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "",	     [PAINT_TITLE] = "\033[1m",	 [PAINT_QUIET] = "\033[2m",
		[PAINT_GOOD] = "\033[1;32m", [PAINT_DOUBT] = "\033[33m", [PAINT_BAD] = "\033[1;31m",
	};

	if (style->use_colour)
		text_add(text, codes[paint]);
}

void style_end(const struct report_style *style, struct text *text, enum paint paint)
{
	if (style->use_colour && paint != PAINT_NONE)
		text_add(text, "\033[0m");
}

void style_title(const struct report_style *style, struct text *text, const char *title)
{
	text_add(text, "\n");
	style_begin(style, text, PAINT_TITLE);
	text_add_safe(text, title, style_columns(style));
	style_end(style, text, PAINT_TITLE);
	text_add(text, "\n");
}

static void wrap(struct text *text, char *prose, size_t columns, size_t indent)
{
	size_t used = 0;
	char *word;

	columns -= indent;
	while ((word = strsep(&prose, " "))) {
		size_t wide = text_columns(word);

		if (wide == 0)
			continue;
		if (wide > columns)
			wide = columns;
		if (used && used + 1 + wide > columns) {
			text_add(text, "\n");
			text_add_repeated(text, " ", indent);
			used = 0;
		}
		if (used)
			text_add(text, " ");
		text_add_safe(text, word, columns);
		used += wide + (used > 0);
	}
}

/* NULL: out of memory. */
static char *make_safe(const char *prose)
{
	struct text copy;

	text_init(&copy);
	text_add_safe(&copy, prose, SIZE_MAX);
	return text_take(&copy);
}

void style_paragraph(const struct report_style *style, struct text *text, enum paint paint,
		     const char *prose)
{
	style_item(style, text, paint, 0, "", prose);
}

void style_item(const struct report_style *style, struct text *text, enum paint paint,
		size_t margin, const char *mark, const char *prose)
{
	size_t indent = margin + text_columns(mark);
	_cleanup_free_ char *safe = make_safe(prose);

	if (!safe) {
		text->has_failed = true;
		return;
	}
	text_add_repeated(text, " ", margin);
	style_begin(style, text, paint);
	text_add(text, mark);
	wrap(text, safe, style_columns(style), indent);
	style_end(style, text, paint);
	text_add(text, "\n");
}

void style_more(const struct report_style *style, struct text *text, uint64_t n)
{
	if (n == 0)
		return;
	text_add_repeated(text, " ", MARGIN);
	style_begin(style, text, PAINT_QUIET);
	text_add(text, style->use_unicode ? "…" : "...");
	text_addf(text, " and %llu more", (unsigned long long)n);
	style_end(style, text, PAINT_QUIET);
	text_add(text, "\n");
}
