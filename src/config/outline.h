/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file as a tree of keys with lines, held against the schema that libcyaml fills by: libcyaml
 * does not say on which line an unknown key, a second one or an item stands.
 */
#ifndef SHUTWATCH_OUTLINE_H
#define SHUTWATCH_OUTLINE_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stddef.h>

struct outline {
	const char *name; /* of the file, for messages */
	const char *text;
	size_t size;
	const struct cyaml_schema_value *schema; /* of the top: a mapping */
};

/*
 * Checks that the text is one YAML document in UTF-8 and fits the schema: known keys, each once;
 * mappings, lists and single values where they belong; nothing too long; no aliases. Returns 0, or
 * -EINVAL after a log line with file, line and key, or -ENOMEM. ret_is_empty: nothing is said.
 */
int outline_check(const struct outline *outline, bool *ret_is_empty);

/*
 * Logs "FILE:LINE: KEY: MESSAGE" for a value of a text that passed the check, where key is such as
 * "services[1].stop_signals[0]". Returns -EINVAL.
 */
int outline_fault(const struct outline *outline, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
