/* SPDX-License-Identifier: GPL-2.0-only */
/* How text for people looks: width, Unicode or ASCII, colour; and the prose written with it. */
#ifndef SHUTWATCH_STYLE_H
#define SHUTWATCH_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/text.h"

#define STYLE_COLUMNS_MIN 40
#define STYLE_COLUMNS_MAX 100

struct report_style {
	bool use_unicode; /* else what we write is ASCII; strangers' names stay as they are */
	bool use_colour;
	size_t columns; /* 0: 100. Held between 40 and 100. */
};

enum paint { PAINT_NONE, PAINT_TITLE, PAINT_QUIET, PAINT_GOOD, PAINT_DOUBT, PAINT_BAD };

size_t style_columns(const struct report_style *style);

/* Begin and end a colour; nothing without colour and for PAINT_NONE. */
void style_begin(const struct report_style *style, struct text *text, enum paint paint);
void style_end(const struct report_style *style, struct text *text, enum paint paint);

/* An empty line, then the title. `title` is ours, not a stranger's. */
void style_title(const struct report_style *style, struct text *text, const char *title);

/*
 * Prose, wrapped at spaces. Made safe, so it may contain strangers' names; a word that is longer
 * than a line is cut.
 */
void style_paragraph(const struct report_style *style, struct text *text, enum paint paint,
		     const char *prose);

/*
 * The same behind a mark of ours ("→ ", may be ""), `margin` columns from the left; further lines
 * begin below the first word.
 */
void style_item(const struct report_style *style, struct text *text, enum paint paint,
		size_t margin, const char *mark, const char *prose);

/* "… and 12 more", nothing for 0. */
void style_more(const struct report_style *style, struct text *text, uint64_t n);

#endif
