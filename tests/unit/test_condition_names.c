/* SPDX-License-Identifier: GPL-2.0-only */
/* The names that fields have in JSON: each means what the short one does, and no others do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <cmocka.h>

#include "src/analysis/condition.h"
#include "src/base/cleanup.h"

static const struct {
	const char *path;
	const char *name;
} paths[] = {
	{ "react_s", "react" },
	{ "timing.react_s", "react" },
	{ "timing.first_action_s", "first_action" },
	{ "timing.accepting_s", "accepting" },
	{ "timing.in_flight_s", "in_flight_time" },
	{ "in_flight_s", "in_flight_time" },
	{ "timing.drain_s", "drain" },
	{ "drain_s", "drain" },
	{ "cleanup_s", "cleanup" },
	{ "timing.total_s", "total" },
	{ "dark_s", "dark" },
	{ "connections.inbound.aborted", "aborted" },
	{ "connections.outbound.aborted", "outbound.aborted" },
	{ "connections.inbound.open_at_signal", "open" },
	{ "open_at_signal", "open" },
	{ "outbound.open_at_signal", "outbound.open" },
	{ "in_flight_at_signal", "in_flight" },
	{ "connections.inbound.late", "late" },
	{ "inbound.undecided", "undecided" },
	{ "connections.inbound.refused", "refused" },
	{ "inbound.refused_handshakes", "refused_handshakes" },
	{ "connections.inbound.late_closes", "late_closes" },
	{ "connections.inbound.outcomes.cut", "cut" },
	{ "outcomes.cut", "cut" },
	{ "outbound.outcomes.left_open", "outbound.left_open" },
	{ "connections.inbound.outcomes.open", "still_open" },
};

static struct condition parsed(const char *name)
{
	_cleanup_free_ char *wrong = NULL;
	struct conditions conditions = {};
	struct condition condition;
	char expression[64];

	snprintf(expression, sizeof(expression), "%s>10", name);
	if (conditions_parse(expression, &conditions, &wrong))
		fail_msg("%s: %s", expression, wrong);
	condition = conditions.items[0];
	conditions_fini(&conditions);
	return condition;
}

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct condition by_path = parsed(paths[i].path);
		struct condition by_name = parsed(paths[i].name);

		if (by_path.kind != by_name.kind || by_path.offset != by_name.offset ||
		    by_path.value != by_name.value)
			fail_msg("%s is not %s", paths[i].path, paths[i].name);
	}
}

static void test_no_paths(void **state)
{
	static const char *const names[] = {
		"rain_s",
		"_s",
		"timing",
		"timing.",
		"timing.timing.drain_s",
		"inbound.drain_s",
		"outbound.refused",
		"connections.aborted",
		"connections.inbound.outbound.cut",
		"outcomes.aborted",
		"outcomes.still_open",
		"outcomes.",
		"connections.",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *wrong = NULL;
		struct conditions conditions = {};
		char expression[64];

		snprintf(expression, sizeof(expression), "%s>10", names[i]);
		if (conditions_parse(expression, &conditions, &wrong) != -EINVAL)
			fail_msg("%s is accepted", expression);
		conditions_fini(&conditions);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_no_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
