/* SPDX-License-Identifier: GPL-2.0-only */
/* Which line of /proc/PID/cgroup counts: cgroup v2, v1, hybrid hosts, and texts made to hurt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/capture/cgroup.h"
#include "src/capture/procfs.h"

#define ID "3f4e1d2c5b6a79880123456789abcdef3f4e1d2c5b6a79880123456789abcdef"
#define POD "6d3c7f0a-1b2c-4d5e-8f90-a1b2c3d4e5f6"
#define POD_ "6d3c7f0a_1b2c_4d5e_8f90_a1b2c3d4e5f6"
#define SESSION "/user.slice/user-1000.slice/session-3.scope"
#define USER_UNIT "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service"

static const struct {
	const char *text;
	const char *path;
} rows[] = {
	/* v2 alone */
	{ "0::/\n", "/" },
	{ "0::/system.slice/ssh.service\n", "/system.slice/ssh.service" },
	{ "0::" SESSION "\n", SESSION },
	{ "0::" USER_UNIT "\n", USER_UNIT },
	{ "0::/system.slice/docker-" ID ".scope\n", "/system.slice/docker-" ID ".scope" },
	{ "0::/docker/" ID "\n", "/docker/" ID },
	{ "0::/../../system.slice/ssh.service\n", "/../../system.slice/ssh.service" },
	{ "0::/..\n", "/.." },
	{ "0::/system.slice/web.service (deleted)\n", "/system.slice/web.service" },
	{ "0::/web (deleted) (deleted)\n", "/web (deleted)" },
	{ "0::/a:b:c\n", "/a:b:c" },
	{ "0::/system.slice/containerd.service/kubepods-burstable-pod" POD_
	  ".slice:cri-containerd:" ID "\n",
	  "/system.slice/containerd.service/kubepods-burstable-pod" POD_
	  ".slice:cri-containerd:" ID },
	/* v1: systemd's hierarchy among those of the controllers */
	{ "11:cpuset:/\n10:pids:/system.slice/ssh.service\n9:freezer:/\n"
	  "8:cpu,cpuacct:/system.slice/ssh.service\n7:memory:/system.slice\n"
	  "1:name=systemd:/system.slice/ssh.service\n",
	  "/system.slice/ssh.service" },
	{ "11:memory:/user.slice\n10:cpuset:/\n3:pids:" SESSION "\n1:name=systemd:" SESSION "\n",
	  SESSION },
	{ "12:pids:/docker/" ID "\n11:hugetlb:/docker/" ID "\n4:cpu,cpuacct:/docker/" ID
	  "\n1:name=systemd:/docker/" ID "\n",
	  "/docker/" ID },
	{ "11:freezer:/kubepods/burstable/pod" POD "/" ID "\n2:cpuset:/kubepods/burstable/pod" POD
	  "/" ID "\n1:name=systemd:/kubepods/burstable/pod" POD "/" ID "\n",
	  "/kubepods/burstable/pod" POD "/" ID },
	/* v1 without systemd: a container shows in the controllers' hierarchies alone */
	{ "6:devices:/\n5:net_cls:/\n4:cpu,cpuacct:/docker/" ID "\n3:cpuset:/docker/" ID "\n",
	  "/docker/" ID },
	{ "3:memory:/docker/" ID "\n1:name=systemd:/system.slice/docker.service\n", "/docker/" ID },
	{ "2:cpu:/system.slice/web.service\n1:cpuset:/\n", "/system.slice/web.service" },
	/* what a controller limits is no group of processes */
	{ "9:name=systemd:/\n4:memory:/limited\n1:cpu:/\n0::/\n", "/" },
	{ "4:memory:/limited\n1:name=systemd:/web\n", "/web" },
	{ "4:memory:" SESSION "\n", "/" },
	/* hybrid */
	{ "12:pids:/system.slice/web.service\n1:name=systemd:/system.slice/web.service\n"
	  "0::/system.slice/web.service\n",
	  "/system.slice/web.service" },
	{ "1:name=systemd:/system.slice/web.service\n0::/\n", "/system.slice/web.service" },
	{ "1:name=systemd:/\n0::/tests/web\n", "/tests/web" },
	{ "1:name=systemd:/one\n0::/two\n", "/two" },
	{ "0::/two\n1:name=systemd:/one\n", "/two" },
	{ "1:name=systemd:" SESSION "\n0::/web\n", "/web" },
	{ "1:name=systemd:/system.slice/web.service\n0::/web\n", "/system.slice/web.service" },
	{ "2:memory:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/system.slice/"
	  "containerd.service\n",
	  "/docker/" ID },
	/* made to hurt */
	{ "", "/" },
	{ "\n\n\n", "/" },
	{ "0", "/" },
	{ "0:", "/" },
	{ "0::", "/" },
	{ ":::\n", "/" },
	{ "0::/web", "/web" },
	{ "0\n::/web\n", "/web" },
	{ "1:name=systemd\n:/web\n", "/" },
	{ "0:: (deleted)\n", "/" },
	{ "0::relative\n", "/" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[PATH_BYTES] = "untouched";

		cgroup_pick(rows[i].text, path, sizeof(path));
		if (strcmp(path, rows[i].path) != 0)
			print_error("%s", rows[i].text);
		assert_string_equal(path, rows[i].path);
	}
}

/* Cut, never past the buffer, whatever the length. */
static void test_long(void **state)
{
	_cleanup_free_ char *text = malloc(20000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 20000);
	memcpy(text, "0::/", 4);
	for (size_t size = 4; size < 19999; size += 7) {
		_cleanup_free_ char *path = malloc(32);
		char kept = text[size];

		assert_non_null(path);
		text[size] = '\0';
		cgroup_pick(text, path, 32);
		assert_int_equal(strlen(path), size - 3 < 31 ? size - 3 : 31);
		text[size] = kept;
	}
}

static void test_own(void **state)
{
	char path[PATH_BYTES] = "";

	(void)state;
	assert_int_equal(procfs_cgroup((uint32_t)getpid(), path, sizeof(path)), 0);
	assert_int_equal(path[0], '/');
	/* Above the largest pid (PID_MAX_LIMIT, 4194304). */
	assert_true(procfs_cgroup(4194305, path, sizeof(path)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
