/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose linker made a program: this one, none at all, and one that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/capture/elf.h"
#include "tests/unit/plain.h"

/* A copy of a small program in which one section has another name: runs, and ends with its pipe. */
static pid_t run_renamed(const char *from, const char *to)
{
	_cleanup_close_ int file = memfd_create("program", MFD_CLOEXEC);
	_cleanup_fclose_ FILE *program = fopen("/bin/sleep", "re");
	static char bytes[1 << 20];
	size_t size = fread(bytes, 1, sizeof(bytes), program);
	char *at = memmem(bytes, size, from, strlen(from) + 1);
	pid_t pid;

	assert_non_null(at);
	assert_true(strlen(to) <= strlen(from));
	strcpy(at, to);
	assert_int_equal(write(file, bytes, size), size);
	pid = fork();
	if (!pid) {
		fexecve(file, (char *[]){ "sleep", "60", NULL }, (char *[]){ NULL });
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void assert_go(pid_t pid, bool is_go)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	while (!strstr(target, "memfd:program")) /* until it has been exec()ed */
		assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	assert_int_equal(elf_is_go((uint32_t)pid), is_go);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_go(void **state)
{
	(void)state;
	skip_under_valgrind("the child has its executable");
	assert_go(run_renamed(".gnu_debuglink", ".go.buildinfo"), true);
	assert_go(run_renamed(".gnu_debuglink", ".go.buildinfX"), false);
}

static void test_not_go(void **state)
{
	(void)state;
	assert_false(elf_is_go((uint32_t)getpid()));
	assert_false(elf_is_go(UINT32_MAX));
	assert_false(elf_is_go(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go),
		cmocka_unit_test(test_not_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
