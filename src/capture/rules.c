// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the rule that the configuration has for a service. The rules own their strings; a subject
 * and the rule that was found are borrowed.
 */
#include "src/capture/rules.h"

#include <fnmatch.h>
#include <stdlib.h>

/*
 * An empty subject is unknown: not even "*" matches it. A backslash is one, since units have names
 * such as "a\\x2db.service"; a star matches slashes too.
 */
static bool glob_matches(const char *pattern, const char *subject)
{
	return subject[0] && fnmatch(pattern, subject, FNM_NOESCAPE) == 0;
}

static bool rule_matches(const struct service_rule *rule, const struct rule_subject *subject)
{
	size_t i;

	switch (rule->match) {
	case RULE_UNIT:
		return glob_matches(rule->pattern, subject->unit);
	case RULE_CGROUP:
		return glob_matches(rule->pattern, subject->cgroup);
	case RULE_EXE:
		return glob_matches(rule->pattern, subject->exe);
	case RULE_PORT:
		for (i = 0; i < subject->n_ports; i++) {
			if (subject->ports[i] == rule->port)
				return true;
		}
	}
	return false;
}

const struct service_rule *rules_find(const struct service_rules *rules,
				      const struct rule_subject *subject)
{
	size_t i;

	for (i = 0; rules && i < rules->count; i++) {
		if (rule_matches(&rules->items[i], subject))
			return &rules->items[i];
	}
	return NULL;
}

void rules_fini(struct service_rules *rules)
{
	size_t i;

	for (i = 0; i < rules->count; i++) {
		free(rules->items[i].pattern);
		free(rules->items[i].name);
	}
	free(rules->items);
	*rules = (struct service_rules){};
}
