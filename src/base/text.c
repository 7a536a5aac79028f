/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A growing text buffer, and strangers' bytes made safe to show.
 *
 * Owns the bytes until text_take() or text_fini(). Invariant: when bytes is not NULL, bytes[size]
 * is NUL and size < capacity. Knows no locale and no terminal: one character is one column.
 */
#include "src/base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256
#define ESCAPE_COLUMNS 4 /* \xNN */

void text_init(struct text *text)
{
	*text = (struct text){ 0 };
}

void text_fini(struct text *text)
{
	free(text->bytes);
	text_init(text);
}

/* Room for `more` bytes and a NUL. */
static bool text_reserve(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : FIRST_CAPACITY;
	char *bytes;

	if (text->has_failed)
		return false;
	if (text->bytes && more < text->capacity - text->size)
		return true;
	while (capacity - text->size <= more) {
		if (__builtin_mul_overflow(capacity, 2, &capacity)) {
			text->has_failed = true;
			return false;
		}
	}
	bytes = realloc(text->bytes, capacity);
	if (!bytes) {
		text->has_failed = true;
		return false;
	}
	bytes[text->size] = '\0';
	text->bytes = bytes;
	text->capacity = capacity;
	return true;
}

void text_add_bytes(struct text *text, const char *bytes, size_t size)
{
	if (size == 0 || !text_reserve(text, size))
		return;
	memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (size < 0) {
		text->has_failed = true;
		return;
	}
	if (!text_reserve(text, (size_t)size))
		return;
	va_start(args, format);
	vsnprintf(text->bytes + text->size, (size_t)size + 1, format, args);
	va_end(args);
	text->size += (size_t)size;
}

void text_add_repeated(struct text *text, const char *string, size_t times)
{
	while (times-- && !text->has_failed)
		text_add(text, string);
}

char *text_take(struct text *text)
{
	char *bytes;

	if (!text_reserve(text, 0)) {
		text_fini(text);
		return NULL;
	}
	bytes = text->bytes;
	text_init(text);
	return bytes;
}

/* What the first byte promises: how long the sequence is (0: none starts so) and its bits. */
static size_t utf8_first(unsigned char byte, uint32_t *ret_bits)
{
	if (byte < 0x80) {
		*ret_bits = byte;
		return 1;
	}
	if (byte >= 0xc2 && byte <= 0xdf) {
		*ret_bits = byte & 0x1f;
		return 2;
	}
	if (byte >= 0xe0 && byte <= 0xef) {
		*ret_bits = byte & 0x0f;
		return 3;
	}
	if (byte >= 0xf0 && byte <= 0xf4) {
		*ret_bits = byte & 0x07;
		return 4;
	}
	return 0;
}

/*
 * The length of the well-formed sequence that `bytes` begins with, 0 if it is not well-formed
 * (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
 */
static size_t utf8_decode(const char *bytes, size_t size, uint32_t *ret_code)
{
	uint32_t code = 0;
	size_t length = utf8_first((unsigned char)bytes[0], &code);

	if (length == 0 || length > size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)bytes[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
	}
	if ((length == 3 && code < 0x800) || (length == 4 && code < 0x10000))
		return 0;
	if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return length;
}

/* C0, DEL, C1, and what turns the direction of the text around (Unicode's Bidi_Control). */
static bool code_is_harmful(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return true;
	if (code == 0x061c || code == 0x200e || code == 0x200f)
		return true;
	return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* The next unit to show: how many bytes it takes, and how many columns once it is safe. */
static size_t safe_next(const char *bytes, size_t size, size_t *ret_columns)
{
	uint32_t code;
	size_t length = utf8_decode(bytes, size, &code);

	if (length && !code_is_harmful(code)) {
		*ret_columns = 1;
		return length;
	}
	if (length == 0)
		length = 1;
	*ret_columns = length * ESCAPE_COLUMNS;
	return length;
}

static size_t safe_columns(const char *string, size_t size)
{
	size_t total = 0;
	size_t columns;

	for (size_t i = 0; i < size; total += columns)
		i += safe_next(string + i, size - i, &columns);
	return total;
}

static void text_add_escaped(struct text *text, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		text_addf(text, "\\x%02x", (unsigned char)bytes[i]);
}

void text_add_safe(struct text *text, const char *string, size_t columns)
{
	size_t size = strlen(string);
	bool is_cut = safe_columns(string, size) > columns;
	size_t used = 0;
	size_t length;
	size_t wide;

	if (columns == 0)
		return;
	if (is_cut)
		columns--;
	for (size_t i = 0; i < size; i += length, used += wide) {
		length = safe_next(string + i, size - i, &wide);
		if (used + wide > columns)
			break;
		if (wide > 1)
			text_add_escaped(text, string + i, length);
		else
			text_add_bytes(text, string + i, length);
	}
	if (is_cut)
		text_add(text, "~");
}

size_t text_columns(const char *string)
{
	size_t columns = 0;

	for (; *string; string++)
		columns += ((unsigned char)*string & 0xc0) != 0x80;
	return columns;
}

char *text_valid_utf8(const char *bytes, size_t size)
{
	struct text text;
	uint32_t code;

	text_init(&text);
	size = strnlen(bytes, size);
	for (size_t i = 0; i < size;) {
		size_t length = utf8_decode(bytes + i, size - i, &code);

		if (length)
			text_add_bytes(&text, bytes + i, length);
		else
			text_add(&text, "\xef\xbf\xbd"); /* U+FFFD */
		i += length ? length : 1;
	}
	return text_take(&text);
}
