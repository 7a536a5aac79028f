/* SPDX-License-Identifier: GPL-2.0-only */
/* A result file is whole or not there, and nothing else is left in its folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cli/output.h"

#define NOBODY 65534

static char folder[] = "/tmp/shutwatch-output-XXXXXX";
static char path[64];

static int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/record.json", folder);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void put(const char *text)
{
	_cleanup_fclose_ FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void assert_holds(const char *expected)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char text[64] = "";

	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), strlen(expected));
	assert_string_equal(text, expected);
}

static void assert_files(size_t expected)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	assert_int_equal(count, expected + 2); /* "." and ".." */
}

static void test_new_file(void **state)
{
	struct output output;
	struct stat status;
	mode_t mask = umask(0027);

	(void)state;
	assert_int_equal(output_open(path, &output), 0);
	assert_int_equal(access(path, F_OK), -1); /* not before it is whole */
	assert_int_equal(output_commit(&output, "{}\n"), 0);
	assert_holds("{}\n");
	assert_files(1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
	assert_int_equal(umask(mask), 0027);
	assert_null(output.file);
	assert_null(output.temporary);
	output_abandon(&output);
	unlink(path);
}

static void test_replaces(void **state)
{
	struct output output;

	(void)state;
	put("something older, and longer");
	assert_int_equal(output_open(path, &output), 0);
	assert_holds("something older, and longer");
	assert_int_equal(output_commit(&output, "new"), 0);
	assert_holds("new");
	assert_files(1);
	unlink(path);
}

static void test_abandon(void **state)
{
	struct output output = {};

	(void)state;
	output_abandon(&output);
	put("old");
	assert_int_equal(output_open(path, &output), 0);
	assert_files(2);
	output_abandon(&output);
	assert_files(1);
	assert_holds("old");
	output_abandon(&output);
	unlink(path);
}

/* The place is taken by a folder meanwhile. */
static void test_commit_fails(void **state)
{
	struct output output;

	(void)state;
	assert_int_equal(output_open(path, &output), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(output_commit(&output, "{}"), -EISDIR);
	assert_files(1);
	assert_int_equal(rmdir(path), 0);
}

static void assert_refused(const char *where, int err)
{
	struct output output, before;

	memset(&output, 0xa5, sizeof(output));
	before = output;
	assert_int_equal(output_open(where, &output), err);
	assert_memory_equal(&output, &before, sizeof(output));
}

static void test_not_a_place(void **state)
{
	char below[80], link[80];

	(void)state;
	assert_refused(folder, -EISDIR);
	assert_refused("/nowhere/at/all", -ENOENT);
	put("a file");
	snprintf(below, sizeof(below), "%s/x", path);
	assert_refused(below, -ENOTDIR);
	snprintf(link, sizeof(link), "%s/link", folder);
	assert_int_equal(symlink(folder, link), 0);
	assert_refused(link, -EISDIR);
	unlink(link);
	unlink(path);
	assert_files(0);
}

static void test_not_writable(void **state)
{
	bool is_root = geteuid() == 0;

	(void)state;
	assert_int_equal(chmod(folder, 0555), 0);
	if (is_root)
		assert_int_equal(seteuid(NOBODY), 0);
	assert_refused(path, -EACCES);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_files(0);
}

/* What is no file is written directly, and never replaced. */
static void test_devices(void **state)
{
	struct output output;
	struct stat status;

	(void)state;
	assert_int_equal(output_open("/dev/null", &output), 0);
	assert_null(output.temporary);
	assert_int_equal(output_commit(&output, "{}"), 0);
	assert_int_equal(output_open("/dev/null", &output), 0);
	output_abandon(&output);
	assert_int_equal(stat("/dev/null", &status), 0);
	assert_true(S_ISCHR(status.st_mode));
	assert_int_equal(output_open("/dev/full", &output), 0);
	assert_int_equal(output_commit(&output, "{}"), -ENOSPC);
}

static void test_pipe(void **state)
{
	struct output output;
	char text[16] = "", place[32];
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	snprintf(place, sizeof(place), "/dev/fd/%d", ends[1]);
	assert_int_equal(output_open(place, &output), 0);
	assert_int_equal(output_commit(&output, "{}\n"), 0);
	assert_int_equal(read(ends[0], text, sizeof(text)), 3);
	assert_string_equal(text, "{}\n");
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_file),     cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_abandon),	     cmocka_unit_test(test_commit_fails),
		cmocka_unit_test(test_not_a_place),  cmocka_unit_test(test_devices),
		cmocka_unit_test(test_not_writable), cmocka_unit_test(test_pipe),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
