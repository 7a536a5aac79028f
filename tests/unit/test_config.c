/* SPDX-License-Identifier: GPL-2.0-only */
/* What a configuration file comes to. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/config/config.h"
#include "src/model/model.h"
#include "tests/unit/loading.h"

#define BIT(signal) (1ULL << ((signal)-1))
#define DAY_NS (86400 * NSEC_PER_SEC)

static void assert_defaults(const struct config *config)
{
	assert_int_equal(config->targets.count, 0);
	assert_int_equal(config->exclusions.count, 0);
	assert_int_equal(config->services.count, 0);
	assert_false(config->services.records_arguments);
	assert_int_equal(config->settle_ns, NSEC_PER_SEC);
	assert_int_equal(config->reopen_window_ns, 60 * NSEC_PER_SEC);
	assert_int_equal(config->patience_ns, 600 * NSEC_PER_SEC);
	assert_int_equal(config->details_limit, DETAILS_DEFAULT);
	assert_string_equal(config->store_path, "/var/lib/shutwatch/shutwatch.db");
	assert_int_equal(config->retention.age_ns, 90 * DAY_NS);
	assert_int_equal(config->retention.count, 100000);
	assert_int_equal(config->retention.bytes, 1 << 30);
	assert_string_equal(config->listen_address, "127.0.0.1:9942");
	assert_null(config->web_config_path);
	assert_false(config->is_log_json);
}

static void test_defaults(void **state)
{
	static const char *const texts[] = {
		"",
		"# nothing\n",
		"---\n",
		"~\n",
		"null",
		"{}",
		"\xef\xbb\xbf", /* a byte order mark */
		"targets: ~\nexclusions:\nservices: null\nsettle: ~\nreopen_window:\npatience: ~\n"
		"details: ~\nstore: ~\nweb:\nlog: ~\nprivacy: ~\n",
		"targets: []\nservices: []\nstore: {}\nweb: {}\nlog: {}\nprivacy: {}\n",
		"store: {path: ~, retention: ~}\nweb: {listen_address: ~, config_file: ~}\n"
		"log: {format: ~}\nprivacy: {record_arguments: ~}\n",
		"store: {retention: {age: ~, count: ~, size: ~}}\n",
		"settle: &unused 1s\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct config config;
		int err = load_text(texts[i], &config);

		if (err)
			print_error("'%s': %s", texts[i], said);
		assert_int_equal(err, 0);
		assert_string_equal(said, "");
		assert_defaults(&config);
		config_fini(&config);
		config_fini(&config);
	}
}

static void test_missing(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(load("/proc/self/fd/none", &config), -ENOENT);
	assert_string_equal(said, "");
	assert_defaults(&config);
	config_fini(&config);
}

/* A key or an item in comments, and no prose. */
static bool is_example(const char *line)
{
	return line[0] == '#' && (line[1] != ' ' || line[2] == ' ');
}

/* Its defaults are ours; and so is every example in it. */
static void test_example(void **state)
{
	_cleanup_free_ char *text = calloc(1, 1 << 16);
	_cleanup_fclose_ FILE *file = fopen("tools/shutwatch.yaml", "re");
	struct config config;
	char line[256];
	int err;

	(void)state;
	assert_non_null(text);
	assert_non_null(file);
	assert_int_equal(load("tools/shutwatch.yaml", &config), 0);
	assert_string_equal(said, "");
	assert_defaults(&config);
	config_fini(&config);
	while (fgets(line, sizeof(line), file))
		strcat(text, is_example(line) ? line + 1 : line);
	err = load_text(text, &config);
	if (err)
		print_error("%s", said);
	assert_int_equal(err, 0);
	assert_int_equal(config.targets.count, 5);
	assert_int_equal(config.exclusions.count, 1);
	assert_int_equal(config.services.count, 2);
	assert_int_equal(config.services.items[0].stop_signals, BIT(SIGUSR1));
	assert_true(config.services.items[1].is_multiplexed);
	config_fini(&config);
}

static void test_selectors(void **state)
{
	static const struct selector expected[] = {
		{ SELECT_UNIT, 0, "a@b\\x2dc.service" },
		{ SELECT_CGROUP, 0, "/x" },
		{ SELECT_EXE, 0, "/usr/bin/x y" },
		{ SELECT_COMM, 0, "fifteen-letters" },
		{ SELECT_PORT, 65535, NULL },
		{ SELECT_PORT, 1, NULL },
	};
	struct config config;

	(void)state;
	assert_int_equal(
		load_text("targets:\n"
			  "- unit: a@b\\x2dc.service\n- cgroup: /x\n- {exe: /usr/bin/x y}\n"
			  "- comm: fifteen-letters\n- port: 65535\n- {port: '1', exe: ~}\n"
			  "exclusions: [{comm: \"null?\"}]\n",
			  &config),
		0);
	assert_int_equal(config.targets.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(config.targets.items[i].kind, expected[i].kind);
		assert_int_equal(config.targets.items[i].number, expected[i].number);
		if (expected[i].text)
			assert_string_equal(config.targets.items[i].text, expected[i].text);
		else
			assert_null(config.targets.items[i].text);
	}
	assert_int_equal(config.exclusions.count, 1);
	assert_string_equal(config.exclusions.items[0].text, "null?");
	config_fini(&config);
}

static void test_services(void **state)
{
	struct config config;
	const struct service_rule *rules;

	(void)state;
	assert_int_equal(
		load_text("services:\n"
			  "- match: {unit: 'haproxy*.service'}\n  name: lb\n  grace: 30s\n"
			  "  stop_signals: [USR1, SIGWINCH, hup, 34, SIG64, RTMIN+2, rtmax-1]\n"
			  "- match: {cgroup: '/kubepods*'}\n  protocol: multiplexed\n"
			  "- match: {exe: /usr/sbin/x}\n  protocol: request-response\n"
			  "  stop_signals: []\n"
			  "- match:\n    port: 443\n",
			  &config),
		0);
	rules = config.services.items;
	assert_int_equal(config.services.count, 4);
	assert_int_equal(rules[0].match, RULE_UNIT);
	assert_string_equal(rules[0].pattern, "haproxy*.service");
	assert_string_equal(rules[0].name, "lb");
	assert_int_equal(rules[0].grace_ns, 30 * NSEC_PER_SEC);
	assert_int_equal(rules[0].stop_signals, BIT(SIGUSR1) | BIT(SIGWINCH) | BIT(SIGHUP) |
							BIT(34) | BIT(64) | BIT(SIGRTMIN + 2) |
							BIT(SIGRTMAX - 1));
	assert_false(rules[0].is_multiplexed);
	assert_int_equal(rules[1].match, RULE_CGROUP);
	assert_string_equal(rules[1].pattern, "/kubepods*");
	assert_null(rules[1].name);
	assert_true(rules[1].is_multiplexed);
	assert_int_equal(rules[1].grace_ns, 0);
	assert_int_equal(rules[2].match, RULE_EXE);
	assert_false(rules[2].is_multiplexed);
	assert_int_equal(rules[2].stop_signals, 0);
	assert_int_equal(rules[3].match, RULE_PORT);
	assert_int_equal(rules[3].port, 443);
	assert_null(rules[3].pattern);
	config_fini(&config);
}

static void test_values(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(load_text("settle: 0\nreopen_window: 1.5s\npatience: 2h\ndetails: all\n"
				   "store:\n  path: /x y\n  retention: {age: 7d, count: 0,"
				   " size: 500MiB}\n"
				   "web: {listen_address: '[::1]:0', config_file: /etc/web.yml}\n"
				   "log: {format: json}\nprivacy: {record_arguments: true}\n",
				   &config),
			 0);
	assert_int_equal(config.settle_ns, 0);
	assert_int_equal(config.reopen_window_ns, 1500000000);
	assert_int_equal(config.patience_ns, 7200 * NSEC_PER_SEC);
	assert_true(config.details_limit == SIZE_MAX);
	assert_string_equal(config.store_path, "/x y");
	assert_int_equal(config.retention.age_ns, 7 * DAY_NS);
	assert_int_equal(config.retention.count, 0);
	assert_int_equal(config.retention.bytes, 500 << 20);
	assert_string_equal(config.listen_address, "[::1]:0");
	assert_string_equal(config.web_config_path, "/etc/web.yml");
	assert_true(config.is_log_json);
	assert_true(config.services.records_arguments);
	config_fini(&config);
	assert_int_equal(load_text("store: {path: none, retention: {size: 0}}\n"
				   "web: {listen_address: none, config_file: none}\ndetails: 0\n",
				   &config),
			 0);
	assert_null(config.store_path);
	assert_null(config.listen_address);
	assert_null(config.web_config_path);
	assert_int_equal(config.retention.bytes, 0);
	assert_int_equal(config.details_limit, 0);
	config_fini(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_missing),
		cmocka_unit_test(test_example),	 cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_services), cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
