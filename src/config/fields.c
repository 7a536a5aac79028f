// SPDX-License-Identifier: GPL-2.0-only
/* Single values of the file: parsed, checked, or refused with the line on which they stand. */
#include "src/config/fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/duration.h"
#include "src/config/values.h"

int read_duration(const struct outline *outline, const char *key, const char *text,
		  uint64_t *ret_ns)
{
	int err = text ? duration_parse(text, ret_ns) : 0;

	if (err == -ERANGE)
		return outline_fault(outline, key, "'%s' is more than ten years", text);
	return err ? outline_fault(outline, key, "'%s' is not " DURATION_EXAMPLES, text) : 0;
}

int read_number(const struct outline *outline, const char *key, const char *text, uint64_t min,
		uint64_t max, uint64_t *ret_number)
{
	uint64_t number;

	if (!text)
		return 0;
	if (number_parse(text, max, &number) || number < min)
		return outline_fault(outline, key, "'%s' is no number from %llu to %llu", text,
				     (unsigned long long)min, (unsigned long long)max);
	*ret_number = number;
	return 0;
}

/* One of two words. */
int read_word(const struct outline *outline, const char *key, const char *text, const char *usual,
	      const char *other, bool *ret_is_other)
{
	if (!text)
		return 0;
	if (strcmp(text, usual) != 0 && strcmp(text, other) != 0)
		return outline_fault(outline, key, "'%s' is neither %s nor %s", text, usual, other);
	*ret_is_other = !strcmp(text, other);
	return 0;
}

/* "none" leaves NULL. */
static int replace(char **text, const char *value)
{
	free(*text);
	*text = strcmp(value, "none") ? strdup(value) : NULL;
	return *text || !strcmp(value, "none") ? 0 : -ENOMEM;
}

int read_path(const struct outline *outline, const char *key, const char *text, char **ret_path)
{
	if (!text)
		return 0;
	if (text[0] != '/' && strcmp(text, "none") != 0)
		return outline_fault(outline, key, "'%s' is no absolute path", text);
	return replace(ret_path, text);
}

static bool is_listen_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (!colon || number_parse(colon + 1, UINT16_MAX, &port))
		return false;
	if (text[0] == '[')
		return colon[-1] == ']' && colon - text > 2;
	return strchr(text, ':') == colon;
}

int read_listen_address(const struct outline *outline, const char *key, const char *text,
			char **ret_address)
{
	if (!text)
		return 0;
	if (strcmp(text, "none") != 0 && !is_listen_address(text))
		return outline_fault(outline, key,
				     "'%s' is no address such as 127.0.0.1:9942, [::1]:9942 or "
				     ":9942",
				     text);
	return replace(ret_address, text);
}

int read_size(const struct outline *outline, const char *key, const char *text, uint64_t min,
	      uint64_t *ret_bytes)
{
	uint64_t bytes;

	if (!text)
		return 0;
	if (size_parse(text, &bytes))
		return outline_fault(outline, key, "'%s' is not " SIZE_EXAMPLES, text);
	if (bytes && bytes < min)
		return outline_fault(outline, key, "'%s' is neither 0 nor at least %llu bytes",
				     text, (unsigned long long)min);
	*ret_bytes = bytes;
	return 0;
}
