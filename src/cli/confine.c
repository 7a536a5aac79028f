// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities and system calls of the daemon. What is on the lists was seen in use (strace of
 * real shutdowns) or follows from the libraries: libbpf, SQLite in WAL mode, libmicrohttpd with
 * GnuTLS, sd_notify(). Owns nothing.
 */
#include "src/cli/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

/* --- capabilities --------------------------------------------------------------------------- */

/*
 * CAP_BPF and CAP_PERFMON are for loading: who holds the descriptors of maps, programs and links
 * needs neither ("bpf: refine kernel.unprivileged_bpf_disabled behaviour", Linux 5.19; tried on
 * 6.18). No CAP_DAC_*: pins, store and configuration are root's.
 */
static const unsigned int kept[] = {
	CAP_SYS_ADMIN,	/* setns(): accept queues are listed in the service's own namespace */
	CAP_SYS_PTRACE, /* /proc/PID/exe and ns/net of other users, and of those with more */
};

static int keep_only(capng_select_t sets)
{
	size_t i;

	capng_clear(CAPNG_SELECT_BOTH);
	for (i = 0; i < ARRAY_SIZE(kept); i++) {
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				 kept[i]))
			return -EINVAL;
	}
	errno = 0;
	return capng_apply(sets) ? -(errno ? errno : EPERM) : 0;
}

int confine_capabilities(void)
{
	int err = 0;

	/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes it moot. */
	if (capng_get_caps_process())
		err = -EPERM;
	else if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		err = keep_only(CAPNG_SELECT_BOUNDS);
	if (!err)
		err = keep_only(CAPNG_SELECT_CAPS);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (err)
		log_error("cannot give up capabilities: %s", strerror(-err));
	return err;
}

/* --- system calls --------------------------------------------------------------------------- */

/* clang-format off */
static const char *const allowed[] = {
	/* memory and threads; mmap, mprotect and clone are below */
	"brk", "madvise", "mremap", "munmap", "futex", "get_robust_list", "set_robust_list",
	"rseq", "membarrier", "sched_getaffinity", "sched_yield", "getcpu", "exit", "exit_group",
	"restart_syscall",
	/* time, signals */
	"clock_getres", "clock_gettime", "clock_nanosleep", "gettimeofday", "nanosleep", "time",
	"timerfd_create", "timerfd_gettime", "timerfd_settime", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "signalfd4",
	/* who and where we are */
	"capget", "getegid", "geteuid", "getgid", "getpid", "getppid", "getrandom", "getrlimit",
	"getrusage", "gettid", "getuid", "sysinfo", "uname",
	/* files: /proc, /sys, pins; the store and its WAL; the journal */
	"access", "chmod", "close", "close_range", "dup", "dup2", "dup3", "faccessat",
	"faccessat2", "fadvise64", "fallocate", "fchmod", "fchmodat", "fchown", "fcntl",
	"fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate", "getcwd", "getdents64",
	"link", "linkat", "lseek", "lstat", "mkdir", "mkdirat", "msync", "newfstatat", "open",
	"openat", "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat",
	"readv", "rename", "renameat", "renameat2", "rmdir", "stat", "statfs", "statx",
	"sync_file_range", "umask", "unlink", "unlinkat", "utimensat", "write", "writev",
	/* waiting */
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2",
	"pipe2", "poll", "ppoll", "pselect6", "select",
	/* HTTP, sd_notify(); socket is below */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt",
	"listen", "recvfrom", "recvmsg", "sendfile", "sendmmsg", "sendmsg", "sendto", "setsockopt",
	"shutdown",
	/* maps, iterators, syscall programs */
	"bpf",
};

/* No mistake of ours leads here: somebody else steers the process. */
static const char *const deadly[] = {
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
	"pidfd_getfd", "init_module", "finit_module", "delete_module", "kexec_load",
	"kexec_file_load", "reboot", "mount", "umount2", "pivot_root", "chroot", "move_mount",
	"open_tree", "fsopen", "fsmount", "mount_setattr", "swapon", "swapoff", "unshare",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
	"capset", "iopl", "ioperm", "acct", "quotactl", "settimeofday", "clock_settime",
	"adjtimex", "clock_adjtime", "sethostname", "setdomainname", "personality",
	"perf_event_open", "userfaultfd", "io_uring_setup", "add_key", "keyctl", "request_key",
	"open_by_handle_at", "syslog", "mknod", "mknodat", "vhangup",
};
/* clang-format on */

/* Allowed when `argument & mask` is `value`. A call may have several such rules. */
struct conditional {
	const char *name;
	unsigned int argument;
	uint64_t mask;
	uint64_t value;
};

#define WHOLE UINT64_MAX
#define INT 0xffffffffULL /* of an int, the upper half is not defined */

static const struct conditional conditionals[] = {
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "clone", 0, CLONE_THREAD, CLONE_THREAD },
	{ "setns", 1, INT, CLONE_NEWNET },
	{ "socket", 0, INT, AF_UNIX },
	{ "socket", 0, INT, AF_INET },
	{ "socket", 0, INT, AF_INET6 },
	{ "socketpair", 0, INT, AF_UNIX },
	{ "ioctl", 1, INT, FIONBIO },
	{ "ioctl", 1, INT, FIONREAD },
	{ "ioctl", 1, INT, TCGETS }, /* isatty() */
	{ "ioctl", 1, INT, TIOCGWINSZ },
	{ "prctl", 0, INT, PR_SET_NAME },
	{ "prctl", 0, INT, PR_GET_NAME },
	{ "prlimit64", 2, WHOLE, 0 }, /* only asks */
};

static int add_rule(scmp_filter_ctx filter, uint32_t action, const char *name,
		    const struct scmp_arg_cmp *condition)
{
	int number = seccomp_syscall_resolve_name(name);

	/* One that the library is too old to know, nobody can have built against it. */
	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, action, number, condition ? 1 : 0, condition);
}

static int add_conditionals(scmp_filter_ctx filter)
{
	/* abort() */
	const struct scmp_arg_cmp is_own = SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)getpid());
	size_t i;
	int err = add_rule(filter, SCMP_ACT_ALLOW, "tgkill", &is_own);

	for (i = 0; !err && i < ARRAY_SIZE(conditionals); i++) {
		const struct conditional *rule = &conditionals[i];
		const struct scmp_arg_cmp condition =
			SCMP_CMP64(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value);

		err = add_rule(filter, SCMP_ACT_ALLOW, rule->name, &condition);
	}
	return err;
}

static int add_rules(scmp_filter_ctx filter)
{
	size_t i;
	/* Its flags are in memory, where no filter sees them: the C library then takes clone. */
	int err = add_rule(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL);

	for (i = 0; !err && i < ARRAY_SIZE(allowed); i++)
		err = add_rule(filter, SCMP_ACT_ALLOW, allowed[i], NULL);
	for (i = 0; !err && i < ARRAY_SIZE(deadly); i++)
		err = add_rule(filter, SCMP_ACT_KILL_PROCESS, deadly[i], NULL);
	return err ? err : add_conditionals(filter);
}

/* A call that we forgot must not end a recorder: EPERM, and CTL_LOG tells which it was. */
int confine_syscalls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = filter ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = add_rules(filter);
	if (!err)
		err = seccomp_load(filter);
	if (err)
		log_error("cannot give up system calls: %s", strerror(-err));
	seccomp_release(filter);
	return err;
}
