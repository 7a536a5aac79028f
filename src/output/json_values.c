/* SPDX-License-Identifier: GPL-2.0-only */
/* What every JSON of a record is put together from. Knows no field. */
#include "src/output/json_values.h"

#include <stdarg.h>
#include <string.h>

#include "src/analysis/record.h"
#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/output/units.h"

json_t *object_new(const char *key, ...)
{
	json_auto_t *object = json_object();
	bool has_failed = false;
	va_list args;

	va_start(args, key);
	for (; key; key = va_arg(args, const char *)) {
		if (json_object_set_new(object, key, va_arg(args, json_t *)) < 0)
			has_failed = true;
	}
	va_end(args);
	return has_failed ? NULL : TAKE_PTR(object);
}

json_t *array_add(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *value_count(uint64_t count)
{
	return json_integer((json_int_t)count);
}

json_t *value_number(uint32_t number)
{
	return number ? json_integer(number) : json_null();
}

json_t *value_seconds(int64_t ns)
{
	return ns == TIME_UNKNOWN ? json_null() : json_real((double)ns / 1e9);
}

json_t *value_time(int64_t wall_ns)
{
	char buffer[UNITS_BYTES];

	if (wall_ns == TIME_UNKNOWN)
		return json_null();
	return json_string(units_timestamp(wall_ns, buffer));
}

json_t *value_word(const char *word)
{
	return word ? json_string(word) : json_null();
}

json_t *value_text(const char *string)
{
	_cleanup_free_ char *valid = text_valid_utf8(string, strlen(string));

	return valid ? json_string(valid) : NULL;
}

json_t *value_known_text(const char *string)
{
	return string && string[0] ? value_text(string) : json_null();
}

json_t *value_signal(int signal)
{
	char buffer[16];

	return signal ? json_string(signal_name(signal, buffer)) : json_null();
}
