// SPDX-License-Identifier: GPL-2.0-only
/* The lists of the file: which services are watched, and what is known of them. */
#include "src/config/services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/array.h"
#include "src/base/cleanup.h"
#include "src/config/fields.h"
#include "src/config/values.h"

/* "services[999]", "services[999].stop_signals[63]": room for any number. */
#define ITEM_BYTES 40
#define KEY_BYTES 80

/* A key of a selector or of a match, and what the file says of it. */
struct choice {
	enum selector_kind kind;
	enum rule_match match;
	const char *text;
};

/* The one that is given, and its number if it is a port. */
static int read_choice(const struct outline *outline, const char *key, const char *names,
		       const struct said_selector *said, struct choice *ret_choice,
		       uint32_t *ret_port)
{
	const struct choice choices[] = {
		{ SELECT_UNIT, RULE_UNIT, said->unit },
		{ SELECT_CGROUP, RULE_CGROUP, said->cgroup },
		{ SELECT_EXE, RULE_EXE, said->exe },
		{ SELECT_PORT, RULE_PORT, said->port },
		{ .kind = SELECT_COMM, .text = said->comm },
	};
	char below[KEY_BYTES];
	uint64_t port = 0;
	size_t given = 0;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		if (!choices[i].text)
			continue;
		*ret_choice = choices[i];
		given++;
	}
	if (given != 1)
		return outline_fault(outline, key, "one of %s is expected", names);
	snprintf(below, sizeof(below), "%s.port", key);
	err = read_number(outline, below, said->port, 1, UINT16_MAX, &port);
	if (!err)
		*ret_port = (uint32_t)port;
	return err;
}

int read_selectors(const struct outline *outline, const char *key, const struct said_selector *said,
		   size_t count, struct selectors *selectors)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		struct choice choice = {};
		char item[ITEM_BYTES];
		uint32_t port = 0;

		snprintf(item, sizeof(item), "%s[%zu]", key, i);
		err = read_choice(outline, item, "unit, cgroup, exe, comm and port", &said[i],
				  &choice, &port);
		if (!err)
			err = array_reserve((void **)&selectors->items, &selectors->capacity,
					    selectors->count, sizeof(*selectors->items));
		if (!err)
			selectors->items[selectors->count++] =
				(struct selector){ .kind = choice.kind,
						   .number = port,
						   .text = port ? NULL : choice.text };
	}
	return err;
}

static int read_stop_signals(const struct outline *outline, const char *key,
			     const struct said_service *said, uint64_t *ret_signals)
{
	for (size_t i = 0; i < said->stop_signals_count; i++) {
		char item[KEY_BYTES];
		int signal;

		snprintf(item, sizeof(item), "%s.stop_signals[%zu]", key, i);
		if (signal_parse(said->stop_signals[i], &signal))
			return outline_fault(outline, item, "'%s' is not " SIGNAL_EXAMPLES,
					     said->stop_signals[i]);
		*ret_signals |= 1ULL << (signal - 1);
	}
	return 0;
}

static int read_match(const struct outline *outline, const char *key,
		      const struct said_service *said, struct service_rule *rule)
{
	struct choice choice = {};
	char below[KEY_BYTES];
	int err;

	if (!said->match)
		return outline_fault(outline, key, "match is missing");
	snprintf(below, sizeof(below), "%s.match", key);
	err = read_choice(outline, below, "unit, cgroup, exe and port", said->match, &choice,
			  &rule->port);
	if (err)
		return err;
	rule->match = choice.match;
	if (rule->match != RULE_PORT)
		rule->pattern = strdup(choice.text);
	return rule->match == RULE_PORT || rule->pattern ? 0 : -ENOMEM;
}

static int read_rule(const struct outline *outline, const char *key,
		     const struct said_service *said, struct service_rule *rule)
{
	char below[KEY_BYTES];
	int err = read_match(outline, key, said, rule);

	if (!err && said->name) {
		rule->name = strdup(said->name);
		err = rule->name ? 0 : -ENOMEM;
	}
	if (!err)
		err = read_stop_signals(outline, key, said, &rule->stop_signals);
	snprintf(below, sizeof(below), "%s.protocol", key);
	if (!err)
		err = read_word(outline, below, said->protocol, "request-response", "multiplexed",
				&rule->is_multiplexed);
	snprintf(below, sizeof(below), "%s.grace", key);
	if (!err)
		err = read_duration(outline, below, said->grace, &rule->grace_ns);
	return err;
}

int read_rules(const struct outline *outline, const struct said *said, struct service_rules *rules)
{
	int err = 0;

	for (size_t i = 0; !err && i < said->services_count; i++) {
		char key[ITEM_BYTES];

		err = array_reserve((void **)&rules->items, &rules->capacity, rules->count,
				    sizeof(*rules->items));
		if (err)
			break;
		/* Counted at once, so that rules_fini() frees what a failure leaves. */
		rules->items[rules->count] = (struct service_rule){};
		snprintf(key, sizeof(key), "services[%zu]", i);
		err = read_rule(outline, key, &said->services[i], &rules->items[rules->count++]);
	}
	return err;
}
