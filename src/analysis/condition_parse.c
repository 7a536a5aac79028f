// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads conditions as people write them. Owns the names of fields, short ones and those of JSON;
 * those of outcomes, severities and findings are the record's own. Any byte may be hostile: what
 * is quoted is made safe and cut.
 */
#include "src/analysis/condition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/analysis/findings.h"
#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/base/duration.h"

#define QUOTED_COLUMNS 64
#define FINDING "finding"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_."
#define OPERATOR_CHARACTERS "<>=!"
#define SPACES " \t\r\n"

struct field {
	const char *name;
	const char *path; /* in JSON; what stands before its last dot may be left out */
	enum condition_kind kind;
	size_t offset;
};

/* clang-format off */
#define WHOLE(member) offsetof(struct record, member)
#define EACH(member) offsetof(struct record_direction, member)

static const struct field fields[] = {
	{ "outcome", "outcome", CONDITION_OUTCOME, 0 },
	{ "complete", "complete", CONDITION_COMPLETE, 0 },
	{ "severity", NULL, CONDITION_SEVERITY, 0 },
	{ "react", "timing.react_s", CONDITION_TIME, WHOLE(timing.react_ns) },
	{ "first_action", "timing.first_action_s", CONDITION_TIME, WHOLE(timing.first_action_ns) },
	{ "accepting", "timing.accepting_s", CONDITION_TIME, WHOLE(timing.accepting_ns) },
	{ "in_flight_time", "timing.in_flight_s", CONDITION_TIME, WHOLE(timing.in_flight_ns) },
	{ "drain", "timing.drain_s", CONDITION_TIME, WHOLE(timing.drain_ns) },
	{ "cleanup", "timing.cleanup_s", CONDITION_TIME, WHOLE(timing.cleanup_ns) },
	{ "total", "timing.total_s", CONDITION_TIME, WHOLE(timing.total_ns) },
	{ "dark", "timing.dark_s", CONDITION_TIME, WHOLE(timing.dark_ns) },
	{ "refused", "connections.inbound.refused", CONDITION_COUNT, WHOLE(refused) },
	{ "refused_handshakes", "connections.inbound.refused_handshakes", CONDITION_COUNT,
	  WHOLE(refused_handshakes) },
	{ "late_closes", "connections.inbound.late_closes", CONDITION_COUNT, WHOLE(late_closes) },
};

/* Of each direction: "aborted" is "inbound.aborted", and "connections.inbound.aborted". */
static const struct field direction_fields[] = {
	{ "aborted", "aborted", CONDITION_COUNT, EACH(aborted) },
	{ "late", "late", CONDITION_COUNT, EACH(late) },
	{ "in_flight", "in_flight_at_signal", CONDITION_COUNT, EACH(in_flight_at_signal) },
	{ "open", "open_at_signal", CONDITION_COUNT, EACH(open_at_signal) },
	{ "undecided", "undecided", CONDITION_COUNT, EACH(undecided) },
	/* As an outcome it has the longer name: "open" means at the signal. */
	{ "still_open", NULL, CONDITION_COUNT, EACH(outcomes[OUTCOME_OPEN]) },
};

static const struct {
	const char *text;
	enum condition_operator comparison;
	bool is_order; /* no use for words */
} operators[] = {
	{ ">", OPERATOR_MORE, true },
	{ ">=", OPERATOR_AT_LEAST, true },
	{ "<", OPERATOR_LESS, true },
	{ "<=", OPERATOR_AT_MOST, true },
	{ "=", OPERATOR_EQUAL, false },
	{ "==", OPERATOR_EQUAL, false },
	{ "!=", OPERATOR_UNEQUAL, false },
};
/* clang-format on */

/* One part of an expression on its way; the strings are copies, without spaces around them. */
struct part {
	size_t number;
	char *name;
	char *comparison;
	char *value;
	struct text wrong;
};

static int complain(struct part *part, const char *quoted, const char *what)
{
	text_addf(&part->wrong, "part %zu: '", part->number);
	text_add_safe(&part->wrong, quoted, QUOTED_COLUMNS);
	text_addf(&part->wrong, "' %s", what);
	return -EINVAL;
}

static void add_known(struct text *text, const struct field *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_addf(text, "%s, ", table[i].name);
}

static int complain_name(struct part *part)
{
	struct text *wrong = &part->wrong;

	complain(part, part->name, "is not known; known are ");
	add_known(wrong, fields, ARRAY_SIZE(fields));
	add_known(wrong, direction_fields, ARRAY_SIZE(direction_fields));
	for (int i = OUTCOME_COMPLETED; i < OUTCOMES; i++) {
		if (i != OUTCOME_OPEN && i != OUTCOME_UNDECIDED)
			text_addf(wrong, "%s, ", outcome_name((enum connection_outcome)i));
	}
	text_add(wrong, "each of a direction also as outbound.NAME; all as in JSON, too, such as "
			"timing.drain_s; and finding:ID");
	return -EINVAL;
}

/* "timing.drain_s" and "drain_s" for "timing.drain_s". */
static bool is_path(const char *path, const char *name)
{
	size_t length = strlen(path), tail = strlen(name);

	return tail <= length && strcmp(path + length - tail, name) == 0 &&
	       (tail == length || path[length - tail - 1] == '.');
}

static bool find_field(const char *name, const struct field *table, size_t count,
		       struct condition *condition)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0 ||
		    (table[i].path && is_path(table[i].path, name))) {
			condition->kind = table[i].kind;
			condition->offset = table[i].offset;
			return true;
		}
	}
	return false;
}

/* Takes the beginning off the name, if it begins so and goes on after a dot. */
static bool skip(const char **name, const char *beginning)
{
	size_t length = strlen(beginning);

	if (strncmp(*name, beginning, length) != 0 || (*name)[length] != '.')
		return false;
	*name += length + 1;
	return true;
}

static bool find_outcome(const char *name, struct condition *condition)
{
	bool is_whole = skip(&name, "outcomes"); /* there, "open" is no other thing */

	for (int i = OUTCOME_COMPLETED; i < OUTCOMES; i++) {
		if ((i != OUTCOME_OPEN || is_whole) &&
		    strcmp(outcome_name((enum connection_outcome)i), name) == 0) {
			condition->kind = CONDITION_COUNT;
			condition->offset = offsetof(struct record_direction, outcomes) +
					    (size_t)i * sizeof(uint64_t);
			return true;
		}
	}
	return false;
}

static int parse_name(struct part *part, struct condition *condition)
{
	const char *name = part->name;
	bool is_whole, has_direction = false;
	int direction = DIRECTION_INBOUND;

	if (find_field(name, fields, ARRAY_SIZE(fields), condition))
		return 0;
	is_whole = skip(&name, "connections");
	for (int i = 0; i < DIRECTIONS && !has_direction; i++) {
		has_direction = skip(&name, direction_name((enum direction)i));
		if (has_direction)
			direction = i;
	}
	if ((is_whole && !has_direction) ||
	    (!find_field(name, direction_fields, ARRAY_SIZE(direction_fields), condition) &&
	     !find_outcome(name, condition)))
		return complain_name(part);
	condition->offset += offsetof(struct record, directions) +
			     (size_t)direction * sizeof(struct record_direction);
	return 0;
}

static int parse_operator(struct part *part, struct condition *condition)
{
	bool is_word =
		condition->kind == CONDITION_OUTCOME || condition->kind == CONDITION_COMPLETE;

	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (strcmp(operators[i].text, part->comparison) != 0)
			continue;
		if (is_word && operators[i].is_order)
			return complain(part, part->comparison,
					"has no meaning for a word; use = or !=");
		condition->comparison = operators[i].comparison;
		return 0;
	}
	if (!part->comparison[0])
		return complain(part, part->name,
				"is compared with nothing; use > >= < <= = or !=");
	return complain(part, part->comparison, "is no operator; known are > >= < <= = == !=");
}

static int parse_outcome(struct part *part, struct condition *condition)
{
	enum verdict verdict;

	if (verdict_from_name(part->value, &verdict)) {
		complain(part, part->value, "is no outcome; known are ");
		for (int i = 0; i < VERDICTS; i++)
			text_addf(&part->wrong, "%s%s", i ? ", " : "",
				  verdict_name((enum verdict)i));
		return -EINVAL;
	}
	condition->value = verdict;
	return 0;
}

static int parse_count(struct part *part, struct condition *condition)
{
	char *end;

	errno = 0;
	condition->value = strtoull(part->value, &end, 10);
	if (part->value[0] < '0' || part->value[0] > '9' || *end)
		return complain(part, part->value, "is no number of connections");
	return errno ? complain(part, part->value, "is too large a number") : 0;
}

/* "10 s" as "10s": between a number and its unit there may be spaces. */
static void join_unit(char *value)
{
	size_t number = strspn(value, "0123456789.");
	size_t spaces = strspn(value + number, " ");

	if (number && value[number + spaces] >= 'a' && value[number + spaces] <= 'z')
		memmove(value + number, value + number + spaces,
			strlen(value + number + spaces) + 1);
}

static int parse_time(struct part *part, struct condition *condition)
{
	int err;

	join_unit(part->value);
	err = duration_parse(part->value, &condition->value);

	if (err == -ERANGE)
		return complain(part, part->value, "is too long a time");
	return err ? complain(part, part->value, "is not " DURATION_EXAMPLES) : 0;
}

static int parse_value(struct part *part, struct condition *condition)
{
	enum severity severity;

	switch (condition->kind) {
	case CONDITION_OUTCOME:
		return parse_outcome(part, condition);
	case CONDITION_COMPLETE:
		condition->value = strcmp(part->value, "true") == 0;
		if (!condition->value && strcmp(part->value, "false") != 0)
			return complain(part, part->value, "is neither true nor false");
		return 0;
	case CONDITION_SEVERITY:
		if (severity_from_name(part->value, &severity))
			return complain(part, part->value,
					"is no severity; known are info, warning, error");
		condition->value = severity;
		return 0;
	case CONDITION_TIME:
		return parse_time(part, condition);
	default:
		return parse_count(part, condition);
	}
}

static int parse_finding(struct part *part, struct condition *condition)
{
	if (strcmp(part->comparison, ":") != 0)
		return complain(part, FINDING, "takes an id, as in finding:requests_cut");
	condition->kind = CONDITION_FINDING;
	condition->row = finding_row_find(part->value);
	if (!condition->row)
		return complain(part, part->value, "is no finding; `shutwatch explain` lists them");
	if (!condition->row->holds)
		return complain(
			part, part->value,
			"is a finding of `shutwatch audit` only, and never one of a record");
	return 0;
}

/* Takes `length` bytes, and the spaces after them, from the text. */
static char *take(const char **text, size_t length)
{
	char *taken = strndup(*text, length);

	*text += length;
	*text += strspn(*text, SPACES);
	return taken;
}

/* "aborted > 0 " -> "aborted", ">", "0". */
static int split(const char *text, struct part *part)
{
	size_t length;

	text += strspn(text, SPACES);
	part->name = take(&text, strspn(text, NAME_CHARACTERS));
	length = *text == ':' ? 1 : strspn(text, OPERATOR_CHARACTERS);
	part->comparison = take(&text, length);
	length = strlen(text);
	while (length && strchr(SPACES, text[length - 1]))
		length--;
	part->value = take(&text, length);
	return part->name && part->comparison && part->value ? 0 : -ENOMEM;
}

static int parse_part(const char *text, struct part *part, struct condition *condition)
{
	int err = split(text, part);

	if (err)
		return err;
	if (!part->name[0] && !part->comparison[0] && !part->value[0]) {
		text_addf(&part->wrong, "part %zu is empty", part->number);
		return -EINVAL;
	}
	if (!part->name[0])
		return complain(part, text, "does not begin with a name");
	if (strcmp(part->name, FINDING) == 0)
		return parse_finding(part, condition);
	err = parse_name(part, condition);
	if (!err && !part->comparison[0] && part->value[0])
		return complain(part, part->value, "is no operator; known are > >= < <= = == !=");
	if (!err)
		err = parse_operator(part, condition);
	return err ? err : parse_value(part, condition);
}

static int append(const char *text, size_t number, struct conditions *conditions, char **ret_wrong)
{
	struct part part = { .number = number };
	struct condition condition = {};
	int err = array_reserve((void **)&conditions->items, &conditions->capacity,
				conditions->count, sizeof(*conditions->items));

	if (!err)
		err = parse_part(text, &part, &condition);
	if (!err && asprintf(&condition.text, "%s%s%s", part.name, part.comparison, part.value) < 0)
		err = -ENOMEM;
	if (!err) {
		condition.name_length = strlen(part.name);
		conditions->items[conditions->count++] = condition;
	}
	if (err == -EINVAL)
		*ret_wrong = text_take(&part.wrong);
	text_fini(&part.wrong);
	free(part.name);
	free(part.comparison);
	free(part.value);
	return err;
}

int conditions_parse(const char *expression, struct conditions *conditions, char **ret_wrong)
{
	size_t before = conditions->count, number = 1;
	int err = 0;

	for (;; number++) {
		size_t length = strcspn(expression, ",");
		_cleanup_free_ char *text = strndup(expression, length);

		err = text ? append(text, number, conditions, ret_wrong) : -ENOMEM;
		if (err || !expression[length])
			break;
		expression += length + 1;
	}
	while (err && conditions->count > before)
		free(conditions->items[--conditions->count].text);
	return err;
}
