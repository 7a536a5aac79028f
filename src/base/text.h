/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A growing text buffer, and the two ways in which a stranger's bytes become safe to show.
 *
 * A failed allocation is remembered: later calls do nothing and text_take() returns NULL, so
 * that a view is built without a check at each line.
 */
#ifndef SHUTWATCH_TEXT_H
#define SHUTWATCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *bytes; /* NUL-terminated once anything was added */
	size_t size; /* without the NUL */
	size_t capacity;
	bool has_failed;
};

void text_init(struct text *text);
void text_fini(struct text *text);

void text_add(struct text *text, const char *string);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const char *bytes, size_t size);
void text_add_repeated(struct text *text, const char *string, size_t times);

/*
 * Adds a stranger's string for a terminal: control characters (C0, DEL, C1), bidirectional
 * overrides and invalid UTF-8 appear as \xNN, everything else as it is. At most `columns`
 * characters; what is longer ends in "~".
 */
void text_add_safe(struct text *text, const char *string, size_t columns);

/* The number of terminal cells of a string of UTF-8 in which each character takes one. */
size_t text_columns(const char *string);

/* The string, owned by the caller; "" if nothing was added; NULL if memory ran out. */
char *text_take(struct text *text);

/*
 * A stranger's bytes as valid UTF-8: what is invalid becomes U+FFFD. Stops at a NUL or at `size`.
 * Owned by the caller; NULL if memory ran out.
 */
char *text_valid_utf8(const char *bytes, size_t size);

#endif
