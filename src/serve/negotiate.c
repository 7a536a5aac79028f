/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accept and Accept-Encoding. Pure; owns nothing. Lists are read in place, element by element;
 * an element that cannot be read is worth nothing, and the rest still counts.
 */
#include "src/serve/negotiate.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Quality in thousandths: RFC 9110 has three digits. */
#define QUALITY_MAX 1000
#define QUALITY_NONE (-1) /* not named at all */

struct span {
	const char *start;
	size_t size;
};

static struct span span_trim(struct span span)
{
	while (span.size && isspace((unsigned char)span.start[0])) {
		span.start++;
		span.size--;
	}
	while (span.size && isspace((unsigned char)span.start[span.size - 1]))
		span.size--;
	return span;
}

/* Cuts what stands before the separator (not inside a quoted string) off the rest. */
static struct span span_cut(struct span *rest, char separator)
{
	struct span part = { .start = rest->start };
	bool is_quoted = false;

	while (part.size < rest->size && (is_quoted || part.start[part.size] != separator)) {
		if (is_quoted && part.start[part.size] == '\\' && part.size + 1 < rest->size)
			part.size++;
		else if (part.start[part.size] == '"')
			is_quoted = !is_quoted;
		part.size++;
	}
	rest->start += part.size;
	rest->size -= part.size;
	if (rest->size) {
		rest->start++;
		rest->size--;
	}
	return span_trim(part);
}

static bool span_is(struct span span, const char *word)
{
	return span.size == strlen(word) && strncasecmp(span.start, word, span.size) == 0;
}

/* "0.75" -> 750; what is no quality is 0. */
static int quality_parse(struct span span)
{
	int quality = 0;
	int digit = 100;

	if (span.size == 0 || span.size > 5 || (span.start[0] != '0' && span.start[0] != '1'))
		return 0;
	if (span.size > 1 && span.start[1] != '.')
		return 0;
	for (size_t i = 2; i < span.size; i++, digit /= 10) {
		if (!isdigit((unsigned char)span.start[i]))
			return 0;
		quality += (span.start[i] - '0') * digit;
	}
	if (span.start[0] == '1')
		return quality ? 0 : QUALITY_MAX;
	return quality;
}

/* One element: its name, its quality, and the parameter `version` (empty: none). */
struct element {
	struct span name;
	struct span version;
	int quality;
};

static struct element element_parse(struct span text)
{
	struct element element = { .quality = QUALITY_MAX };

	element.name = span_cut(&text, ';');
	while (text.size) {
		struct span value = span_cut(&text, ';');
		struct span key = span_cut(&value, '=');

		value = span_trim(value);
		if (value.size >= 2 && value.start[0] == '"') {
			value.start++;
			value.size -= 2;
		}
		if (span_is(key, "q"))
			element.quality = quality_parse(value);
		else if (span_is(key, "version"))
			element.version = value;
	}
	return element;
}

struct format {
	const char *type;
	const char *types; /* "text" and a star stands for it, less precisely */
	const char *version;
};

/* How precisely the element names the format: 0 not at all, 4 with its version. */
static int format_precision(const struct format *format, const struct element *element)
{
	if (element->version.size)
		return span_is(element->name, format->type) &&
				       span_is(element->version, format->version)
			       ? 4
			       : 0;
	if (span_is(element->name, format->type))
		return 3;
	if (span_is(element->name, format->types))
		return 2;
	return span_is(element->name, "*/*") ? 1 : 0;
}

/* The most precise element decides; among equals the best quality. */
static int format_quality(const struct format *format, const char *accept)
{
	struct span rest = { .start = accept, .size = strlen(accept) };
	int quality = QUALITY_NONE;
	int precision = 0;

	while (rest.size) {
		struct element element = element_parse(span_cut(&rest, ','));
		int found = format_precision(format, &element);

		if (found == 0 || found < precision)
			continue;
		if (found > precision || element.quality > quality)
			quality = element.quality;
		precision = found;
	}
	return quality;
}

bool negotiate_openmetrics(const char *accept)
{
	static const struct format openmetrics = { "application/openmetrics-text", "application/*",
						   "1.0.0" };
	static const struct format text = { "text/plain", "text/*", "0.0.4" };
	int wanted;

	if (!accept)
		return false;
	wanted = format_quality(&openmetrics, accept);
	return wanted > 0 && wanted > format_quality(&text, accept);
}

bool negotiate_gzip(const char *accept_encoding)
{
	struct span rest = { .start = accept_encoding };
	int named = QUALITY_NONE;
	int any = QUALITY_NONE;

	rest.size = accept_encoding ? strlen(accept_encoding) : 0;
	while (rest.size) {
		struct element element = element_parse(span_cut(&rest, ','));

		if (span_is(element.name, "gzip") || span_is(element.name, "x-gzip"))
			named = element.quality;
		else if (span_is(element.name, "*"))
			any = element.quality;
	}
	return named == QUALITY_NONE ? any > 0 : named > 0;
}
