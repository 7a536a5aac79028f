/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preloaded into shutwatch, makes its world a worse one. By environment:
 *
 *   FAULTY_MAP=NAME:ENTRIES   the BPF map NAME is created with that many entries (bytes of a ring)
 *   FAULTY_ALLOC=N or N+      the Nth allocation fails, or all from the Nth on; 0: none
 *   FAULTY_ALLOC_GATE=PATH    allocations count only once this file is there
 *   FAULTY_ALLOC_COUNT=PATH   where the number of allocations is written at the end
 *   FAULTY_TICK_US=N          a signal with a handler so often, without SA_RESTART
 *   FAULTY_CLOCK=PATH         CLOCK_REALTIME is off by the seconds in this file, as soon as it is
 *                             there; the other clocks are not
 *   FAULTY_DISK=CALLS:PATH    these calls (write, sync or all) on files whose names begin with PATH
 *   FAULTY_DISK_GATE=PATH     fail with EIO, as long as this file is there
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

/* --- maps ----------------------------------------------------------------------------------- */

static void shrink(union bpf_attr *attr)
{
	const char *wanted = getenv("FAULTY_MAP");
	const char *colon = wanted ? strchr(wanted, ':') : NULL;
	size_t length = colon ? (size_t)(colon - wanted) : 0;

	if (colon && strlen(attr->map_name) == length &&
	    memcmp(wanted, attr->map_name, length) == 0)
		attr->max_entries = (uint32_t)strtoul(colon + 1, NULL, 10);
}

long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long given[6];
	va_list arguments;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		given[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_bpf && (int)given[0] == BPF_MAP_CREATE)
		shrink((union bpf_attr *)given[1]);
	return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

/* --- memory --------------------------------------------------------------------------------- */

static bool has_begun; /* main() has: what the libraries do before it is not our subject */
static const char *gate;
static unsigned long failing;
static bool fails_on;
static atomic_ulong allocations;

static bool must_fail(void)
{
	unsigned long number;

	if (!has_begun || (gate && syscall(SYS_access, gate, F_OK)))
		return false;
	number = ++allocations;
	if (!failing || number < failing || (number > failing && !fails_on))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return must_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return must_fail() ? NULL : __libc_realloc(old, size);
}

static void write_count(void)
{
	const char *path = getenv("FAULTY_ALLOC_COUNT");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%lu\n", (unsigned long)allocations);
	close(fd);
}

static void begin_memory(void)
{
	const char *number = getenv("FAULTY_ALLOC");
	char *end;

	if (!number)
		return;
	gate = getenv("FAULTY_ALLOC_GATE");
	failing = strtoul(number, &end, 10);
	fails_on = *end == '+';
	atexit(write_count);
	has_begun = true;
}

/* --- signals -------------------------------------------------------------------------------- */

static void on_tick(int signal)
{
	(void)signal;
}

static void begin_ticks(void)
{
	const char *us = getenv("FAULTY_TICK_US");
	struct sigaction action = { .sa_handler = on_tick };
	struct itimerval often = {};

	if (!us)
		return;
	often.it_interval.tv_usec = often.it_value.tv_usec = strtol(us, NULL, 10);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

/* --- the clock ------------------------------------------------------------------------------ */

static long clock_step(void)
{
	static const char *path;
	static bool is_known;
	char text[32] = "";
	int fd;

	if (!is_known) {
		path = getenv("FAULTY_CLOCK");
		is_known = true;
	}
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int err = (int)syscall(SYS_clock_gettime, clock, ret_time);

	if (!err && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		ret_time->tv_sec += clock_step();
	return err;
}

/* --- the disk ------------------------------------------------------------------------------- */

enum disk_call { DISK_WRITE = 1, DISK_SYNC = 2 };

static struct {
	unsigned int failing; /* enum disk_call */
	const char *path;
	const char *gate;
} disk;

static void begin_disk(void)
{
	const char *wanted = getenv("FAULTY_DISK");

	disk.gate = getenv("FAULTY_DISK_GATE");
	disk.path = wanted ? strchr(wanted, ':') : NULL;
	if (!disk.path++)
		return;
	if (!strncmp(wanted, "all:", 4))
		disk.failing = DISK_WRITE | DISK_SYNC;
	else
		disk.failing = *wanted == 'w' ? DISK_WRITE : DISK_SYNC;
}

static bool is_broken(enum disk_call call, int fd)
{
	char link[32], path[4096];
	ssize_t length;

	if (!(disk.failing & call) || !disk.gate || syscall(SYS_access, disk.gate, F_OK))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return false;
	path[length] = '\0';
	if (strncmp(path, disk.path, strlen(disk.path)) != 0)
		return false;
	errno = EIO;
	return true;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	return is_broken(DISK_WRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	return pwrite64(fd, bytes, size, at);
}

int fsync(int fd)
{
	return is_broken(DISK_SYNC, fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return is_broken(DISK_SYNC, fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* --- the beginning -------------------------------------------------------------------------- */

static int (*real_main)(int, char **, char **);

static int begin(int argc, char **argv, char **environment)
{
	begin_ticks();
	begin_disk();
	begin_memory();
	return real_main(argc, argv, environment);
}

int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
		      void (*init)(void), void (*fini)(void), void (*loader_fini)(void),
		      void *stack)
{
	int (*real)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
		    void (*)(void), void *);

	*(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
	real_main = program;
	return real(begin, argc, argv, init, fini, loader_fini, stack);
}
