// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks libyaml's events beside libcyaml's schema, with a stack of the open mappings and lists.
 * The schema bounds the stack: what it does not know is refused before anything below is read, so
 * depth and memory do not depend on the file. Aliases are refused at their event, unexpanded.
 */
#include "src/config/outline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/text.h"

#define DEPTH_MAX 8

/* An open mapping or list. */
struct level {
	const struct cyaml_schema_value *schema;
	const struct cyaml_schema_field *field; /* whose value comes; NULL: a key comes */
	uint32_t seen;				/* a bit for each field of a mapping */
	size_t items;				/* of a list, the one that comes included */
};

struct walk {
	const struct outline *outline;
	const char *wanted; /* the key whose line is asked for; NULL: check */
	yaml_parser_t parser;
	struct level levels[DEPTH_MAX];
	size_t depth;
	size_t documents;
	size_t line; /* of the event, or where wanted was found */
	bool is_empty;
	bool is_found;
};

/* Where the walk is, such as "services[1].stop_signals[0]"; "" at the top. */
static char *walk_key(const struct walk *walk)
{
	struct text key;

	text_init(&key);
	for (size_t i = 0; i < walk->depth; i++) {
		const struct level *level = &walk->levels[i];

		if (level->schema->type == CYAML_SEQUENCE)
			text_addf(&key, "[%zu]", level->items ? level->items - 1 : 0);
		else if (level->field)
			text_addf(&key, "%s%s", i ? "." : "", level->field->key);
	}
	return text_take(&key);
}

static void tell(const struct outline *outline, size_t line, const char *key, const char *message)
{
	log_error("%s:%zu: %s%s%s", outline->name, line, key, key[0] ? ": " : "", message);
}

static int fault(const struct walk *walk, const char *message)
{
	_cleanup_free_ char *key = walk_key(walk);

	if (!key)
		return -ENOMEM;
	tell(walk->outline, walk->line, key, message);
	return -EINVAL;
}

/* A fault of the key itself, which is not on the stack (yet). */
static int key_fault(struct walk *walk, const char *name, const char *message)
{
	_cleanup_free_ char *parent = walk_key(walk);
	_cleanup_free_ char *key = NULL;

	if (!parent || asprintf(&key, "%s%s%s", parent, parent[0] ? "." : "", name) < 0)
		return -ENOMEM;
	tell(walk->outline, walk->line, key, message);
	return -EINVAL;
}

static int on_key(struct walk *walk, const yaml_event_t *event)
{
	struct level *level = &walk->levels[walk->depth - 1];
	const struct cyaml_schema_field *field = level->schema->mapping.fields;
	const char *name = (const char *)event->data.scalar.value;
	uint32_t bit = 1;

	if (event->type != YAML_SCALAR_EVENT)
		return fault(walk, "a key is expected here");
	while (field->key && strcmp(field->key, name) != 0) {
		field++;
		bit <<= 1;
	}
	if (!field->key || strlen(name) != event->data.scalar.length)
		return key_fault(walk, name, "there is no such key");
	if (level->seen & bit)
		return key_fault(walk, name, "is given twice");
	level->seen |= bit;
	level->field = field;
	return 0;
}

static const char *expected(const struct cyaml_schema_value *schema)
{
	switch (schema->type) {
	case CYAML_MAPPING:
		return "keys with values are expected here";
	case CYAML_SEQUENCE:
		return "a list is expected here";
	default:
		return "a single value is expected here";
	}
}

/* What libcyaml takes for nothing, quoted or not. */
static bool is_nothing(const char *value)
{
	return !value[0] || !strcmp(value, "~") || !strcmp(value, "null") ||
	       !strcmp(value, "Null") || !strcmp(value, "NULL");
}

static int check_scalar(const struct walk *walk, const struct cyaml_schema_value *schema,
			const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	char message[64];

	if (strlen(value) != length)
		return fault(walk, "holds a NUL");
	if (is_plain && is_nothing(value) &&
	    (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL)
		return 0;
	if (schema->type != CYAML_STRING)
		return fault(walk, expected(schema));
	if (is_nothing(value))
		return fault(walk, "says nothing");
	snprintf(message, sizeof(message), "is longer than %u bytes", schema->string.max);
	return length > schema->string.max ? fault(walk, message) : 0;
}

static int open_level(struct walk *walk, const struct cyaml_schema_value *schema,
		      enum cyaml_type type)
{
	if (schema->type != type || walk->depth == DEPTH_MAX)
		return fault(walk, expected(schema));
	walk->levels[walk->depth++] = (struct level){ .schema = schema };
	return 0;
}

/* A value, or the start of one. */
static int on_value(struct walk *walk, const yaml_event_t *event)
{
	struct level *level = walk->depth ? &walk->levels[walk->depth - 1] : NULL;
	const struct cyaml_schema_value *schema = walk->outline->schema;
	int err;

	if (level && level->schema->type == CYAML_MAPPING) {
		schema = &level->field->value;
	} else if (level) {
		schema = level->schema->sequence.entry;
		if (level->items++ == level->schema->sequence.max)
			return fault(walk, "is one item too many");
	}
	if (walk->wanted) {
		_cleanup_free_ char *key = walk_key(walk);

		walk->is_found = key && !strcmp(key, walk->wanted);
	}
	if (event->type == YAML_MAPPING_START_EVENT)
		return open_level(walk, schema, CYAML_MAPPING);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return open_level(walk, schema, CYAML_SEQUENCE);
	err = check_scalar(walk, schema, event);
	if (!err && !level)
		walk->is_empty = true;
	if (!err && level)
		level->field = NULL;
	return err;
}

static int on_event(struct walk *walk, const yaml_event_t *event)
{
	struct level *level = walk->depth ? &walk->levels[walk->depth - 1] : NULL;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return walk->documents++ ? fault(walk, "one document is expected") : 0;
	case YAML_ALIAS_EVENT:
		return fault(walk, "aliases are not taken");
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		if (--walk->depth)
			walk->levels[walk->depth - 1].field = NULL;
		return 0;
	case YAML_SCALAR_EVENT:
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		if (level && level->schema->type == CYAML_MAPPING && !level->field)
			return on_key(walk, event);
		return on_value(walk, event);
	default:
		return 0;
	}
}

/* libyaml's reader gives an offset instead of a line. */
static int on_syntax_fault(struct walk *walk)
{
	const yaml_parser_t *parser = &walk->parser;
	const char *what = parser->problem ? parser->problem : "this is no YAML";
	size_t i;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	walk->line = parser->problem_mark.line + 1;
	if (parser->error == YAML_READER_ERROR) {
		walk->line = 1;
		for (i = 0; i < parser->problem_offset && i < walk->outline->size; i++)
			walk->line += walk->outline->text[i] == '\n';
	}
	return fault(walk, what);
}

static int walk_run(struct walk *walk)
{
	const struct outline *outline = walk->outline;
	bool is_over = false;
	int err = 0;

	if (!yaml_parser_initialize(&walk->parser))
		return -ENOMEM;
	/* Not UTF-16, which libyaml would recognise: lines are counted in these bytes. */
	yaml_parser_set_encoding(&walk->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&walk->parser, (const unsigned char *)outline->text,
				     outline->size);
	while (!err && !is_over && !walk->is_found) {
		yaml_event_t event;

		if (!yaml_parser_parse(&walk->parser, &event)) {
			err = on_syntax_fault(walk);
			break;
		}
		walk->line = event.start_mark.line + 1;
		is_over = event.type == YAML_STREAM_END_EVENT;
		err = on_event(walk, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&walk->parser);
	return err;
}

int outline_check(const struct outline *outline, bool *ret_is_empty)
{
	struct walk walk = { .outline = outline };
	int err = walk_run(&walk);

	if (!err)
		*ret_is_empty = walk.is_empty || !walk.documents;
	return err;
}

int outline_fault(const struct outline *outline, const char *key, const char *format, ...)
{
	struct walk walk = { .outline = outline, .wanted = key };
	_cleanup_free_ char *message = NULL;
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vasprintf(&message, format, arguments);
	va_end(arguments);
	if (size < 0) {
		message = NULL;
		return -ENOMEM;
	}
	walk_run(&walk);
	tell(outline, walk.line, key, message);
	return -EINVAL;
}
