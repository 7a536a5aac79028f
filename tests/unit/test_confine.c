/* SPDX-License-Identifier: GPL-2.0-only */
/* What a confined process may do, and what not. Each case is a child: there is no way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/cli/confine.h"
#include "tests/unit/plain.h"

#define KEPT (1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_PTRACE)
#define NOBODY 65534

/* In a child: ends it with the line that failed. */
#define EXPECT(holds)                                                                              \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			dprintf(STDERR_FILENO, "%s:%d: %s (errno %d)\n", __FILE__, __LINE__,       \
				#holds, errno);                                                    \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
#define EXPECT_REFUSED(call, error) EXPECT((errno = 0, (call) < 0) && errno == (error))

/* The wait status of a child that does this. */
static int status_of(void (*body)(void))
{
	const struct rlimit no_core = {};
	int status;
	pid_t child = fork();

	if (child == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* --- capabilities --------------------------------------------------------------------------- */

static void need_root(void)
{
	static const unsigned int needed[] = { CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_SETPCAP,
					       CAP_SETUID };

	capng_get_caps_process();
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i]))
			skip();
	}
}

static uint64_t status_field(const char *name)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/status", "re");
	size_t size = strlen(name);
	char line[256];

	EXPECT(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, size) && line[size] == ':')
			return strtoull(line + size + 1, NULL, 16);
	}
	EXPECT(!"no such line in /proc/self/status");
	return 0;
}

static void have_just_these(void)
{
	EXPECT(confine_capabilities() == 0);
	EXPECT(status_field("CapEff") == KEPT);
	EXPECT(status_field("CapPrm") == KEPT);
	EXPECT(status_field("CapBnd") == KEPT);
	EXPECT(status_field("CapInh") == 0);
	EXPECT(status_field("CapAmb") == 0);
	EXPECT(status_field("NoNewPrivs") == 1);
}

static void *have_them_too(void *context)
{
	(void)context;
	EXPECT(status_field("CapEff") == KEPT);
	EXPECT(status_field("NoNewPrivs") == 1);
	return NULL;
}

static void pass_them_to_threads(void)
{
	pthread_t thread;

	EXPECT(confine_capabilities() == 0);
	EXPECT(pthread_create(&thread, NULL, have_them_too, NULL) == 0);
	pthread_join(thread, NULL);
}

static void lack_setpcap(void)
{
	capng_get_caps_process();
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SETPCAP);
	EXPECT(capng_apply(CAPNG_SELECT_CAPS) == 0);
	EXPECT(confine_capabilities() == 0);
	EXPECT(status_field("CapPrm") == KEPT);
	EXPECT(status_field("NoNewPrivs") == 1);
}

static void drop_too(unsigned int capability)
{
	capng_get_caps_process();
	capng_update(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
	EXPECT(capng_apply(CAPNG_SELECT_CAPS) == 0);
}

static void need_ptrace(void)
{
	char path[64], exe[256];
	int ends[2];
	pid_t other;

	EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	other = fork();
	if (other == 0) { /* lives until we are gone, who may not kill it */
		close(ends[0]);
		EXPECT(setresuid(NOBODY, NOBODY, NOBODY) == 0);
		EXPECT(write(ends[1], "", 1) == 1);
		EXPECT(read(ends[1], exe, 1) == 0);
		_exit(0);
	}
	EXPECT(read(ends[0], exe, 1) == 1);
	EXPECT(confine_capabilities() == 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", other);
	EXPECT(readlink(path, exe, sizeof(exe)) > 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", other);
	EXPECT(open(path, O_RDONLY | O_CLOEXEC) >= 0);
	drop_too(CAP_SYS_PTRACE);
	EXPECT_REFUSED(open(path, O_RDONLY | O_CLOEXEC), EACCES);
	snprintf(path, sizeof(path), "/proc/%d/exe", other);
	EXPECT_REFUSED(readlink(path, exe, sizeof(exe)), EACCES);
}

static void need_sys_admin(void)
{
	int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	EXPECT(unshare(CLONE_NEWNET) == 0);
	EXPECT(confine_capabilities() == 0);
	EXPECT(setns(host, CLONE_NEWNET) == 0);
	drop_too(CAP_SYS_ADMIN);
	EXPECT_REFUSED(setns(host, CLONE_NEWNET), EPERM);
}

static void test_capabilities(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(status_of(have_just_these), 0);
	assert_int_equal(status_of(pass_them_to_threads), 0);
	assert_int_equal(status_of(lack_setpcap), 0);
}

static void test_no_capability_is_superfluous(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(status_of(need_ptrace), 0);
	assert_int_equal(status_of(need_sys_admin), 0);
}

/* --- system calls --------------------------------------------------------------------------- */

static void are_refused(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(confine_syscalls() == 0);
	EXPECT_REFUSED(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), EPERM);
	EXPECT_REFUSED(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), EPERM);
	EXPECT_REFUSED(symlink("/", "x"), EPERM);
	EXPECT_REFUSED(kill(getppid(), 0), EPERM);
	EXPECT_REFUSED(fork(), EPERM);
	EXPECT_REFUSED(setns(-1, CLONE_NEWNS), EPERM);
	EXPECT_REFUSED(setns(-1, CLONE_NEWNET), EBADF);
	EXPECT(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED);
	EXPECT_REFUSED(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM);
}

static void start_a_program(void)
{
	char *argv[] = { "true", NULL };

	EXPECT(confine_syscalls() == 0);
	execv("/bin/true", argv);
}

static void trace_somebody(void)
{
	EXPECT(confine_syscalls() == 0);
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void mount_something(void)
{
	EXPECT(confine_syscalls() == 0);
	mount("x", "/nowhere", "tmpfs", 0, NULL);
}

static void abort_as_ever(void)
{
	EXPECT(confine_syscalls() == 0);
	signal(SIGABRT, SIG_DFL); /* the sanitizers' handler */
	abort();
}

static void test_refused(void **state)
{
	(void)state;
	skip_under_valgrind("it makes system calls of its own");
	assert_int_equal(status_of(are_refused), 0);
}

static void assert_killed_by(int status, int signal)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signal);
}

static void test_deadly(void **state)
{
	(void)state;
	skip_under_valgrind("it makes system calls of its own");
	assert_killed_by(status_of(start_a_program), SIGSYS);
	assert_killed_by(status_of(trace_somebody), SIGSYS);
	assert_killed_by(status_of(mount_something), SIGSYS);
	assert_killed_by(status_of(abort_as_ever), SIGABRT);
}

/* Started before the filter, woken after it. */
static void *try_after(void *context)
{
	char byte;

	EXPECT(read(*(int *)context, &byte, 1) == 1);
	EXPECT_REFUSED(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), EPERM);
	return NULL;
}

static void *do_nothing(void *context)
{
	return context;
}

static void hold_for_all_threads(void)
{
	pthread_t before, after;
	int ends[2];

	EXPECT(pipe2(ends, O_CLOEXEC) == 0);
	EXPECT(pthread_create(&before, NULL, try_after, &ends[0]) == 0);
	EXPECT(confine_syscalls() == 0);
	EXPECT(write(ends[1], "", 1) == 1);
	EXPECT(pthread_join(before, NULL) == 0);
	EXPECT(pthread_create(&after, NULL, do_nothing, NULL) == 0);
	EXPECT(pthread_join(after, NULL) == 0);
}

static void test_threads(void **state)
{
	(void)state;
	skip_under_valgrind("it makes system calls of its own");
	assert_int_equal(status_of(hold_for_all_threads), 0);
}

/* The store's way of writing: WAL, a checkpoint, space given back. */
static void write_a_database(void)
{
	char directory[] = "/tmp/test_confine.XXXXXX", path[64];
	sqlite3 *database;

	EXPECT(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/x.db", directory);
	EXPECT(confine_syscalls() == 0);
	EXPECT(sqlite3_open(path, &database) == SQLITE_OK);
	EXPECT(sqlite3_exec(database,
			    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			    "CREATE TABLE t(x); INSERT INTO t VALUES(randomblob(100000));"
			    "PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM t; VACUUM;",
			    NULL, NULL, NULL) == SQLITE_OK);
	EXPECT(sqlite3_close(database) == SQLITE_OK);
	EXPECT(unlink(path) == 0);
	EXPECT(rmdir(directory) == 0);
}

static void talk_over_sockets(void)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX };
	int pair[2];

	EXPECT(confine_syscalls() == 0);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		EXPECT(close(socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0)) == 0 ||
		       errno == EAFNOSUPPORT);
	EXPECT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
	EXPECT(send(pair[0], "READY=1", 7, MSG_NOSIGNAL) == 7);
}

static void test_allowed(void **state)
{
	(void)state;
	skip_under_valgrind("it makes system calls of its own");
	assert_int_equal(status_of(write_a_database), 0);
	assert_int_equal(status_of(talk_over_sockets), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_no_capability_is_superfluous),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_deadly),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
