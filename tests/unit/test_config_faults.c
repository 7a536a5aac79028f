/* SPDX-License-Identifier: GPL-2.0-only */
/* What a configuration file may not be: each fault with line and key, and files made to hurt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/base/clock.h"
#include "src/config/config.h"
#include "tests/unit/loading.h"

#define SERVICE "services:\n- match: {port: 1}\n"

static const struct {
	const char *text;
	const char *fault; /* what follows the file's name, or how that starts */
} rows[] = {
	/* keys */
	{ "settle: 1s\n\nfoo: 3\n", "3: foo: there is no such key" },
	{ "store:\n  retention:\n    age: 1d\n    ages: 1d\n",
	  "4: store.retention.ages: there is no such key" },
	{ "targets:\n- unit: a\n- pid: 3\n", "3: targets[1].pid: there is no such key" },
	{ "Settle: 1s\n", "1: Settle: there is no such key" },
	{ "\"settle\\0x\": 1s\n", "1: settle: there is no such key" },
	{ "'': 1s\n", "1: there is no such key" },
	{ "<<: {settle: 1s}\n", "1: <<: there is no such key" },
	{ "? {a: b}\n: 1\n", "1: a key is expected here" },
	{ "? [settle]\n: 1\n", "1: a key is expected here" },
	{ "settle: 1s\npatience: 1s\nsettle: 1s\n", "3: settle: is given twice" },
	{ "targets: [{unit: a}]\n\ntargets: [{unit: b}]\n", "3: targets: is given twice" },
	{ "targets:\n- unit: a\n  unit: b\n", "3: targets[0].unit: is given twice" },
	/* shapes */
	{ "- a\n", "1: keys with values are expected here" },
	{ "a\n", "1: keys with values are expected here" },
	{ "settle: [1s]\n", "1: settle: a single value is expected here" },
	{ "settle:\n  a: 1s\n", "2: settle: a single value is expected here" },
	{ "store: /x\n", "1: store: keys with values are expected here" },
	{ "store: ''\n", "1: store: keys with values are expected here" },
	{ "store:\n- path: x\n", "2: store: keys with values are expected here" },
	{ "targets: {unit: a}\n", "1: targets: a list is expected here" },
	{ "targets: a\n", "1: targets: a list is expected here" },
	{ "targets: nuLL\n", "1: targets: a list is expected here" },
	{ "targets:\n- unit: a\n-\n", "3: targets[1]: keys with values are expected here" },
	{ "targets:\n- unit: a\n- [b]\n", "3: targets[1]: keys with values are expected here" },
	{ "settle: 1s\n---\nsettle: 2s\n", "2: one document is expected" },
	/* values */
	{ "settle: ''\n", "1: settle: says nothing" },
	{ "settle: 'null'\n", "1: settle: says nothing" },
	{ "settle: soon\n", "1: settle: 'soon' is not a time such as" },
	{ "\nsettle: -1s\n", "2: settle: '-1s' is not a time such as" },
	{ "settle:\n  >-\n  1 s\n", "2: settle: '1 s' is not a time such as" },
	{ "patience: 4000d\n", "1: patience: '4000d' is more than ten years" },
	{ "reopen_window: inf\n", "1: reopen_window: 'inf' is not a time such as" },
	{ "details: 1.5\n", "1: details: '1.5' is no number from 0 to 100000000" },
	{ "details: 100000001\n", "1: details: '100000001' is no number from 0 to" },
	{ "store:\n  path: x/y\n", "2: store.path: 'x/y' is no absolute path" },
	{ "store: {retention: {\n size: 1G}}\n",
	  "2: store.retention.size: '1G' is not a size such as" },
	{ "store: {retention: {size: 1kB}}\n",
	  "1: store.retention.size: '1kB' is neither 0 nor at least 1048576 bytes" },
	{ "store: {retention: {count: -1}}\n",
	  "1: store.retention.count: '-1' is no number from 0 to" },
	{ "store: {retention: {age: 1w}}\n", "1: store.retention.age: '1w' is not a time" },
	{ "web: {listen_address: localhost}\n",
	  "1: web.listen_address: 'localhost' is no address such as" },
	{ "web: {listen_address: '::1:80'}\n",
	  "1: web.listen_address: '::1:80' is no address such as" },
	{ "web: {listen_address: '[]:80'}\n", "1: web.listen_address: '[]:80' is no" },
	{ "web: {listen_address: 'a:65536'}\n", "1: web.listen_address: 'a:65536' is no" },
	{ "web: {config_file: web.yml}\n", "1: web.config_file: 'web.yml' is no absolute" },
	{ "log: {format: text}\n", "1: log.format: 'text' is neither logfmt nor json" },
	{ "privacy:\n  record_arguments: maybe\n",
	  "2: privacy.record_arguments: 'maybe' is neither false nor true" },
	/* targets and services */
	{ "targets:\n- {}\n", "2: targets[0]: one of unit, cgroup, exe, comm and port is" },
	{ "exclusions:\n- unit: a\n  comm: b\n", "2: exclusions[0]: one of unit, cgroup," },
	{ "targets:\n- port: 8080\n- port: 0\n",
	  "3: targets[1].port: '0' is no number from 1 to 65535" },
	{ "targets: [{port: 0x50}]\n", "1: targets[0].port: '0x50' is no number from" },
	{ "targets: [{port: 65536}]\n", "1: targets[0].port: '65536' is no number from" },
	{ "targets: [{comm: sixteen-letters!}]\n", "1: targets[0].comm: is longer than 15 bytes" },
	{ "services:\n- name: x\n", "2: services[0]: match is missing" },
	{ "services:\n- match: {}\n", "2: services[0]" },
	{ "services:\n- match: {comm: x}\n", "2: services[0].match.comm: there is no such" },
	{ "services:\n- match:\n    port: 1\n    exe: x\n",
	  "3: services[0].match: one of unit, cgroup, exe and port is expected" },
	{ "services:\n- match:\n    port: x\n", "3: services[0].match.port: 'x' is no number" },
	{ SERVICE SERVICE, "3: services: is given twice" },
	{ SERVICE "- match: {port: 2}\n  stop_signals:\n  - USR1\n  - FOO\n",
	  "6: services[1].stop_signals[1]: 'FOO' is not a signal such as" },
	{ SERVICE "  stop_signals: USR1\n", "3: services[0].stop_signals: a list is" },
	{ SERVICE "  stop_signals: [~]\n", "3: services[0].stop_signals[0]: says nothing" },
	{ SERVICE "  protocol: http\n",
	  "3: services[0].protocol: 'http' is neither request-response nor multiplexed" },
	{ SERVICE "  grace: x\n", "3: services[0].grace: 'x' is not a time such as" },
	/* no YAML */
	{ "settle: 1s\npatience: b: c\n", "2: mapping values are not allowed" },
	{ "settle: 1s\n\tpatience: 1s\n", "2: " },
	{ "store: {path: /x\n", "2: store: " },
	{ "settle: \"1s\n", "2: settle: found unexpected end of stream" },
	{ "%YAML 1.3\n---\nsettle: 1s\n", "1: found incompatible YAML document" },
	{ "settle: @x\n", "1: settle: found character that cannot start any token" },
	{ "settle: 1s\nsettle: \xff\xfe\n", "2: invalid leading UTF-8 octet" },
	{ "\xff\xfes\0e\0", "1: invalid leading UTF-8 octet" },
	{ "settle: '\x1b[31m'\n", "1: control characters are not allowed" },
	{ "settle: \"a\\0b\"\n", "1: settle: holds a NUL" },
	{ "settle: \"\\0\"\n", "1: settle: holds a NUL" },
	/* aliases */
	{ "settle: &a 1s\npatience: *a\n", "2: patience: aliases are not taken" },
	{ "settle: &a 1s\n*a : 1s\n", "2: aliases are not taken" },
	{ "targets: &a\n- *a\n", "2: targets[0]: aliases are not taken" },
};

static void test_faults(void **state)
{
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[LOADED_NAME_BYTES], expected[512];
		struct config config, before;
		int err;

		memset(&config, 0xa5, sizeof(config));
		before = config;
		err = load_bytes(rows[i].text, strlen(rows[i].text), &config, name);
		snprintf(expected, sizeof(expected), "shutwatch: %s:%s", name, rows[i].fault);
		if (err != -EINVAL || strncmp(said, expected, strlen(expected)) != 0 ||
		    strchr(said, '\n') != said + strlen(said) - 1 ||
		    memcmp(&config, &before, sizeof(config)) != 0) {
			print_error("%s\n%d %s%s expected\n", rows[i].text, err, said, expected);
			failed++;
		}
	}
	assert_int_equal(failed, 0);
}

/* --- files made to hurt --------------------------------------------------------------------- */

static void test_raw_nul(void **state)
{
	static const char text[] = "settle: 1s\n\0patience: 1s\n";
	struct config config;
	char name[LOADED_NAME_BYTES];

	(void)state;
	assert_int_equal(load_bytes(text, sizeof(text) - 1, &config, name), -EINVAL);
	assert_non_null(strstr(said, ":2: control characters are not allowed"));
}

/* Each line ten times the one above it: a billion, if anyone followed. */
static void test_alias_bomb(void **state)
{
	char text[2048] = "targets: &a [{unit: x}]\n";
	struct config config;

	(void)state;
	for (char c = 'b'; c < 'k'; c++) {
		char line[128] = "exclusions: &? [";

		line[13] = c;
		for (int i = 0; i < 10; i++)
			sprintf(line + strlen(line), "*%c,", c - 1);
		strcat(strcat(text, line), "]\n");
	}
	assert_int_equal(load_text(text, &config), -EINVAL);
	assert_non_null(strstr(said, ":2: exclusions[0]: aliases are not taken"));
}

/* A megabyte of one thing, wherever it stands: refused, and soon. */
static void test_megabytes(void **state)
{
	static const char *const heads[] = {
		"", "targets: ", "settle: ", "services: [{match: ", "? ", "store:\n  retention: "
	};
	static const char *const pieces[] = {
		"[",   "{", "- ", "? ", "{a: ",		"a",	       "\"", "a: 1\n",
		"&a ", "!", "*",  ",",	"[{unit: a}, ", "- unit: a\n", " ",  "\n "
	};
	_cleanup_free_ char *text = malloc(1 << 20);
	uint64_t begun_ns = clock_boot_ns();

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(heads) * ARRAY_SIZE(pieces); i++) {
		const char *head = heads[i / ARRAY_SIZE(pieces)];
		const char *piece = pieces[i % ARRAY_SIZE(pieces)];
		size_t size = strlen(head);
		struct config config;
		char name[LOADED_NAME_BYTES];
		uint64_t at = clock_boot_ns();

		memcpy(text, head, size);
		for (; size + strlen(piece) <= 1 << 20; size += strlen(piece))
			memcpy(text + size, piece, strlen(piece));
		if (!load_bytes(text, size, &config, name))
			config_fini(&config);
		else
			assert_string_not_equal(said, "");
		if (clock_boot_ns() - at > NSEC_PER_SEC)
			print_error("'%s' '%s'...: %d ms\n", head, piece,
				    (int)((clock_boot_ns() - at) / 1000000));
	}
	assert_true(clock_boot_ns() - begun_ns < 60 * NSEC_PER_SEC);
}

static void test_too_many(void **state)
{
	_cleanup_free_ char *text = malloc(1 << 16);
	struct config config;
	size_t size = 9;

	(void)state;
	assert_non_null(text);
	strcpy(text, "targets:\n");
	for (size_t i = 0; i < 1000; i++)
		size += (size_t)sprintf(text + size, "- port: %zu\n", i + 1);
	assert_int_equal(load_text(text, &config), 0);
	assert_int_equal(config.targets.count, 1000);
	assert_int_equal(config.targets.items[999].number, 1000);
	config_fini(&config);
	strcpy(text + size, "- port: 1001\n");
	assert_int_equal(load_text(text, &config), -EINVAL);
	assert_non_null(strstr(said, ":1002: targets[1000]: is one item too many"));
}

/* At the limit, and above it. */
static void test_size(void **state)
{
	_cleanup_free_ char *text = malloc((1 << 20) + 1);
	struct config config;
	char name[LOADED_NAME_BYTES];

	(void)state;
	assert_non_null(text);
	memset(text, '#', (1 << 20) + 1);
	assert_int_equal(load_bytes(text, 1 << 20, &config, name), 0);
	config_fini(&config);
	assert_int_equal(load_bytes(text, (1 << 20) + 1, &config, name), -EFBIG);
	assert_non_null(strstr(said, "it is larger than 1048576 bytes"));
}

static void test_no_files(void **state)
{
	char folder[] = "/tmp/test_config.XXXXXX", fifo[64];
	struct config config;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(load(fifo, &config), -EINVAL);
	assert_non_null(strstr(said, "fifo: this is no regular file"));
	assert_int_equal(unlink(fifo), 0);
	assert_int_equal(load(folder, &config), -EINVAL);
	assert_non_null(strstr(said, ": this is no regular file"));
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(load("/dev/zero", &config), -EINVAL);
	assert_int_equal(load("/dev/null/x", &config), -ENOTDIR);
	assert_non_null(strstr(said, "cannot read /dev/null/x: Not a directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),	   cmocka_unit_test(test_raw_nul),
		cmocka_unit_test(test_alias_bomb), cmocka_unit_test(test_megabytes),
		cmocka_unit_test(test_too_many),   cmocka_unit_test(test_size),
		cmocka_unit_test(test_no_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
