/* SPDX-License-Identifier: GPL-2.0-only */
/* Which rule a service gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/capture/rules.h"

static const uint16_t ports[] = { 80, 443 };

static const struct rule_subject web = {
	.unit = "web@a\\x2db.service",
	.cgroup = "/system.slice/system-web.slice/web@a\\x2db.service",
	.exe = "/usr/sbin/web",
	.ports = ports,
	.n_ports = ARRAY_SIZE(ports),
};
static const struct rule_subject unknown = { .unit = "", .cgroup = "", .exe = "" };

static bool matches(struct service_rule rule, const struct rule_subject *subject)
{
	const struct service_rules rules = { .items = &rule, .count = 1 };

	return rules_find(&rules, subject) == &rule;
}

static bool glob_matches(enum rule_match match, char *pattern)
{
	return matches((struct service_rule){ .match = match, .pattern = pattern }, &web);
}

static bool port_matches(uint32_t port, const struct rule_subject *subject)
{
	return matches((struct service_rule){ .match = RULE_PORT, .port = port }, subject);
}

static void test_globs(void **state)
{
	(void)state;
	assert_true(glob_matches(RULE_UNIT, "web@*.service"));
	assert_true(glob_matches(RULE_UNIT, "*"));
	assert_true(glob_matches(RULE_UNIT, "w?b@[ab]*"));
	/* As systemd shows the name: a backslash is a backslash. */
	assert_true(glob_matches(RULE_UNIT, "web@a\\x2db.service"));
	assert_false(glob_matches(RULE_UNIT, "web"));
	assert_false(glob_matches(RULE_UNIT, "WEB*"));
	assert_false(glob_matches(RULE_UNIT, "web@*.service "));
	assert_false(glob_matches(RULE_UNIT, "[")); /* no glob, and no match */
	assert_true(glob_matches(RULE_CGROUP, "/system.slice/*"));
	assert_true(glob_matches(RULE_CGROUP, "*/web@*"));
	assert_false(glob_matches(RULE_CGROUP, "/system.slice"));
	assert_true(glob_matches(RULE_EXE, "/usr/*/web"));
	assert_true(glob_matches(RULE_EXE, "*/web"));
	assert_false(glob_matches(RULE_EXE, "web"));
	assert_false(glob_matches(RULE_EXE, "web@*"));
}

static void test_ports(void **state)
{
	(void)state;
	assert_true(port_matches(80, &web));
	assert_true(port_matches(443, &web));
	assert_false(port_matches(8080, &web));
	assert_false(port_matches(80 + 65536, &web));
	assert_false(port_matches(0, &unknown));
}

/* What is unknown matches nothing, not even "*". */
static void test_unknown(void **state)
{
	char star[] = "*";

	(void)state;
	for (enum rule_match match = RULE_UNIT; match <= RULE_EXE; match++)
		assert_false(matches((struct service_rule){ .match = match, .pattern = star },
				     &unknown));
}

static void test_first_wins(void **state)
{
	char other[] = "db.service", some[] = "web@*", all[] = "*";
	struct service_rule items[] = {
		{ .match = RULE_UNIT, .pattern = other },
		{ .match = RULE_UNIT, .pattern = some },
		{ .match = RULE_UNIT, .pattern = all },
		{ .match = RULE_PORT, .port = 80 },
	};
	struct service_rules rules = { .items = items, .count = ARRAY_SIZE(items) };

	(void)state;
	assert_ptr_equal(rules_find(&rules, &web), &items[1]);
	rules.count = 1;
	assert_null(rules_find(&rules, &web));
	rules.count = 0;
	assert_null(rules_find(&rules, &web));
	assert_null(rules_find(NULL, &web));
}

/* Many stars, and a name that nearly fits: the name is a stranger's, and must not cost minutes. */
static void test_hostile_name(void **state)
{
	char name[256], pattern[] = "*a*a*a*a*a*a*a*a*a*a*a*a*b";
	const struct rule_subject subject = { .unit = name, .cgroup = "", .exe = "" };

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(
		matches((struct service_rule){ .match = RULE_UNIT, .pattern = pattern }, &subject));
}

static void test_fini(void **state)
{
	struct service_rules rules = { .items = calloc(2, sizeof(*rules.items)),
				       .count = 2,
				       .capacity = 2,
				       .records_arguments = true };

	(void)state;
	assert_non_null(rules.items);
	rules.items[0].pattern = strdup("x");
	rules.items[1].name = strdup("y");
	rules_fini(&rules);
	assert_null(rules.items);
	assert_int_equal(rules.count, 0);
	rules_fini(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs),	     cmocka_unit_test(test_ports),
		cmocka_unit_test(test_unknown),	     cmocka_unit_test(test_first_wins),
		cmocka_unit_test(test_hostile_name), cmocka_unit_test(test_fini),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
