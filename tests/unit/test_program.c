/* SPDX-License-Identifier: GPL-2.0-only */
/* Which well-known program a process is, whatever it calls itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "src/analysis/program.h"
#include "src/base/cleanup.h"

#define PYTHON "/usr/bin/python3.11"
#define ARGS(words) words, sizeof(words)

static const struct {
	const char *comm;
	const char *exe;
	const char *args;
	size_t args_size;
	enum program program;
} cases[] = {
	{ "python3", PYTHON, ARGS("python3\0-m\0uvicorn\0app:app"), PROGRAM_UVICORN },
	{ "python3", PYTHON, ARGS("python3\0-X\0dev\0-m\0hypercorn.__main__"), PROGRAM_HYPERCORN },
	{ "uvicorn", PYTHON, ARGS("/usr/bin/python3\0/usr/bin/uvicorn\0app:app"), PROGRAM_UVICORN },
	{ "uvicorn", PYTHON, NULL, 0, PROGRAM_UVICORN },
	{ "gunicorn: maste", PYTHON, ARGS("gunicorn: master [app:app]"), PROGRAM_GUNICORN },
	{ "python3", PYTHON, ARGS("python3\0-u\0/opt/venv/bin/gunicorn"), PROGRAM_GUNICORN },
	{ "python3", PYTHON, ARGS("python3\0main.py\0uvicorn"), PROGRAM_PYTHON },
	{ "python3", PYTHON, ARGS("python3\0-c\0uvicorn"), PROGRAM_PYTHON },
	{ "python3", PYTHON, ARGS("python3\0-m\0nginx"), PROGRAM_PYTHON },
	{ "python", NULL, NULL, 0, PROGRAM_PYTHON },
	{ "pythonista", NULL, NULL, 0, PROGRAM_UNKNOWN },
	{ "nginx", "/usr/sbin/nginx (deleted)", NULL, 0, PROGRAM_NGINX },
	{ "nginx", "/usr/bin/liar", NULL, 0, PROGRAM_UNKNOWN },
	{ "apache2", NULL, NULL, 0, PROGRAM_APACHE },
	{ "httpd", "/usr/sbin/httpd", NULL, 0, PROGRAM_APACHE },
	{ "haproxy", NULL, NULL, 0, PROGRAM_HAPROXY },
	{ "MainThread", "/usr/bin/node", NULL, 0, PROGRAM_NODE },
	{ "main", "/tmp/go-build12/b001/exe/main", NULL, 0, PROGRAM_GO },
	{ "java", "/usr/lib/jvm/bin/java", ARGS("java\0-jar\0a.jar"), PROGRAM_JAVA },
	{ "java", NULL, ARGS("java\0-Dspring.profiles.active=x\0-jar\0a.jar"), PROGRAM_SPRING },
	{ "java", NULL, ARGS("java\0-cp\0.\0org.springframework.boot.loader.JarLauncher"),
	  PROGRAM_SPRING },
	{ "postgres", "/usr/lib/postgresql/15/bin/postgres", NULL, 0, PROGRAM_POSTGRESQL },
	{ "redis-server", NULL, NULL, 0, PROGRAM_REDIS },
	{ "redis-server", "/usr/bin/redis-check-rdb", NULL, 0, PROGRAM_REDIS },
	{ "sh", "/usr/bin/dash", NULL, 0, PROGRAM_SHELL },
	{ "sh", "/bin/busybox", NULL, 0, PROGRAM_SHELL },
	{ "httpd", "/bin/busybox", NULL, 0, PROGRAM_UNKNOWN },
	{ "", NULL, NULL, 0, PROGRAM_UNKNOWN },
	{ "", "", "", 0, PROGRAM_UNKNOWN },
	{ "", "/", ARGS(""), PROGRAM_UNKNOWN },
	{ "", " (deleted)", NULL, 0, PROGRAM_UNKNOWN },
};

static void test_recognised(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum program program = program_recognise(cases[i].comm, cases[i].exe, cases[i].args,
							 cases[i].args_size);

		if (program != cases[i].program)
			fail_msg("row %zu (%s) is %d", i, cases[i].comm, (int)program);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_null(program_name(PROGRAM_UNKNOWN));
	assert_null(program_name((enum program)PROGRAMS));
	assert_string_equal(program_name(PROGRAM_POSTGRESQL), "postgresql");
	for (int i = PROGRAM_UNKNOWN + 1; i < PROGRAMS; i++)
		assert_int_equal(program_from_name(program_name((enum program)i)), i);
	assert_int_equal(program_from_name(""), PROGRAM_UNKNOWN);
	assert_int_equal(program_from_name("nginx "), PROGRAM_UNKNOWN);
}

/* Each prefix, in memory of exactly its size: nothing behind it is read. */
static void test_cut_command_lines(void **state)
{
	static const char whole[] = "python3\0-X\0dev\0-m\0uvicorn\0\xff\xfe\0-W";

	(void)state;
	for (size_t size = 0; size <= sizeof(whole); size++) {
		char *args = malloc(size ? size : 1);

		memcpy(args, whole, size);
		program_recognise("python3", PYTHON, args, size);
		assert_int_equal(program_recognise("python3", PYTHON, args, size),
				 size >= 25 ? PROGRAM_UVICORN : PROGRAM_PYTHON);
		free(args);
	}
}

static void test_any_bytes(void **state)
{
	unsigned int seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char bytes[64];
		size_t size = (size_t)rand_r(&seed) % sizeof(bytes);

		for (size_t i = 0; i < size; i++)
			bytes[i] = "python3-m\0\0/.uvicorn\xff\x80 {"[rand_r(&seed) % 24];
		assert_in_range(program_recognise("python3", NULL, bytes, size), PROGRAM_UVICORN,
				PROGRAM_SHELL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recognised),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cut_command_lines),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
