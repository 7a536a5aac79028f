/* SPDX-License-Identifier: GPL-2.0-only */
/* The same rules as for the record: unknown is null, strangers' strings become valid UTF-8. */
#include "src/output/pack.h"

#include <string.h>

#include "src/analysis/record.h"
#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/output/units.h"

#define REAL_DIGITS 15 /* as many as a double holds */

json_t *pack_seconds(int64_t ns)
{
	return ns == TIME_UNKNOWN ? json_null() : json_real((double)ns / 1e9);
}

json_t *pack_time(int64_t wall_ns)
{
	char buffer[UNITS_BYTES];

	if (wall_ns == TIME_UNKNOWN)
		return json_null();
	return json_string(units_timestamp(wall_ns, buffer));
}

json_t *pack_signal(int signal)
{
	char buffer[16];

	return signal ? json_string(signal_name(signal, buffer)) : json_null();
}

json_t *pack_text(const char *string)
{
	_cleanup_free_ char *valid = text_valid_utf8(string, strlen(string));

	return valid ? json_string(valid) : NULL;
}

static int add_bytes(const char *bytes, size_t size, void *data)
{
	struct text *text = data;

	text_add_bytes(text, bytes, size);
	return text->has_failed ? -1 : 0;
}

char *pack_line(json_t *json)
{
	struct text text;

	text_init(&text);
	if (!json || json_dump_callback(json, add_bytes, &text,
					JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) < 0)
		text.has_failed = true;
	json_decref(json);
	return text_take(&text);
}
