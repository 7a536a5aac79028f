// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of a guest (tools/vm/guest.py). Makes a root out of the host's own, read-only by 9p,
 * with a tmpfs over it; runs the script that it finds in the one directory that it shares with the
 * host for writing; leaves its exit status there, and turns the machine off. In C, because a shell
 * that starts a program for each step takes a second of an emulated boot.
 *
 * The kernel hands over words that it does not know as the environment: vm_share=DIR (on both
 * sides), vm_modules=DIR (of the kernel, on the host).
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define NINEP "trans=virtio,version=9p2000.L,msize=262144,"
#define KERNEL (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define OPEN_FILES 65536

/* To the console, which the host shows when there is no exit status. */
static _Noreturn void die(const char *what)
{
	printf("init: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void make(const char *directory)
{
	if (mkdir(directory, 0755) && errno != EEXIST)
		die(directory);
}

static void mount_at(const char *source, const char *directory, const char *type,
		     unsigned long flags, const char *options)
{
	make(directory);
	if (mount(source, directory, type, flags, options))
		die(directory);
}

/* In the order in which they need each other: /modules/00-…, 01-… */
static void load_modules(void)
{
	char path[64];
	int i, fd;

	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "/modules/%02d.ko", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
			die(path);
		close(fd);
	}
}

static void mount_kernel(void)
{
	mount_at("proc", "/proc", "proc", KERNEL, NULL);
	mount_at("sysfs", "/sys", "sysfs", KERNEL, NULL);
	mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
	mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=666");
	mount_at("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	mount_at("cgroup2", "/sys/fs/cgroup", "cgroup2", KERNEL, NULL);
	mount_at("bpf", "/sys/fs/bpf", "bpf", KERNEL, "mode=700");
	mount_at("tracefs", "/sys/kernel/tracing", "tracefs", KERNEL, NULL);
	if (symlink("/proc/self/fd", "/dev/fd"))
		die("/dev/fd");
}

static void move(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_MOVE, NULL))
		die(to);
}

static void mount_root(const char *share, const char *modules)
{
	char path[4096], source[4096];
	struct utsname kernel;

	mount_at("root", "/host", "9p", MS_RDONLY, NINEP "cache=loose");
	mount_at("tmpfs", "/over", "tmpfs", 0, "mode=755,size=60%");
	make("/over/upper");
	make("/over/work");
	mount_at("overlay", "/new", "overlay", 0,
		 "lowerdir=/host,upperdir=/over/upper,workdir=/over/work");
	snprintf(path, sizeof(path), "/new%s", share);
	mount_at("share", path, "9p", 0, NINEP "cache=none");
	uname(&kernel);
	mount_at("tmpfs", "/new/lib/modules", "tmpfs", 0, "mode=755");
	snprintf(path, sizeof(path), "/new/lib/modules/%s", kernel.release);
	snprintf(source, sizeof(source), "/new%s", modules);
	mount_at(source, path, NULL, MS_BIND, NULL);
	move("/proc", "/new/proc");
	move("/sys", "/new/sys");
	move("/dev", "/new/dev");
	if (chdir("/new"))
		die("/new");
	move(".", "/");
	if (chroot(".") || chdir("/"))
		die("chroot");
	mount_at("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
}

static void set_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		die("lo");
	close(fd);
}

/* Writes reach the host before they return: this directory has no cache. */
static _Noreturn void run_script(void)
{
	int null = open("/dev/null", O_RDONLY), out = open("output", O_WRONLY | O_CREAT, 0644);

	if (null < 0 || out < 0 || setsid() < 0)
		_exit(126);
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	execl("/bin/sh", "sh", "./script", NULL);
	_exit(127);
}

/* Process 1 inherits everybody's orphans. */
static int wait_for(pid_t child)
{
	int status;
	pid_t pid;

	do {
		pid = wait(&status);
		if (pid < 0 && errno != EINTR)
			die("wait");
	} while (pid != child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	const char *share = getenv("vm_share"), *modules = getenv("vm_modules");
	struct rlimit files = { OPEN_FILES, OPEN_FILES }, core = { 0, RLIM_INFINITY };
	FILE *file;
	pid_t child;
	int status;

	if (!share || !modules)
		die("vm_share, vm_modules");
	mount_kernel();
	load_modules();
	mount_root(share, modules);
	set_up_loopback();
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &core);
	if (chdir(share))
		die(share);
	child = fork();
	if (child == 0)
		run_script();
	status = wait_for(child);
	file = fopen("status", "w");
	if (!file || fprintf(file, "%d\n", status) < 0 || fclose(file))
		die("status");
	reboot(RB_POWER_OFF);
	return 1;
}
