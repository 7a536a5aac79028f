// SPDX-License-Identifier: GPL-2.0-only
/*
 * One table. Calls that never wait are not in it: they show by their number. A newer machine lacks
 * some of the old calls, and an older C library knows some of the new ones not yet.
 */
#include "src/capture/wait_calls.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "src/base/cleanup.h"

struct wait_call_row {
	int32_t number;
	const char *name;
	enum wait_call what;
};

#define ROW(call, what)                                                                            \
	{                                                                                          \
		SYS_##call, #call, what                                                            \
	}

/* clang-format off */
static const struct wait_call_row rows[] = {
	ROW(read, CALL_ON_DESCRIPTOR), ROW(write, CALL_ON_DESCRIPTOR),
	ROW(readv, CALL_ON_DESCRIPTOR), ROW(writev, CALL_ON_DESCRIPTOR),
	ROW(pread64, CALL_ON_DESCRIPTOR), ROW(pwrite64, CALL_ON_DESCRIPTOR),
	ROW(preadv, CALL_ON_DESCRIPTOR), ROW(pwritev, CALL_ON_DESCRIPTOR),
	ROW(preadv2, CALL_ON_DESCRIPTOR), ROW(pwritev2, CALL_ON_DESCRIPTOR),
	ROW(recvfrom, CALL_ON_DESCRIPTOR), ROW(sendto, CALL_ON_DESCRIPTOR),
	ROW(recvmsg, CALL_ON_DESCRIPTOR), ROW(sendmsg, CALL_ON_DESCRIPTOR),
	ROW(recvmmsg, CALL_ON_DESCRIPTOR), ROW(sendmmsg, CALL_ON_DESCRIPTOR),
	ROW(accept, CALL_ON_DESCRIPTOR), ROW(accept4, CALL_ON_DESCRIPTOR),
	ROW(connect, CALL_ON_DESCRIPTOR), ROW(sendfile, CALL_ON_DESCRIPTOR),
	ROW(splice, CALL_ON_DESCRIPTOR), ROW(copy_file_range, CALL_ON_DESCRIPTOR),
	ROW(fsync, CALL_ON_DESCRIPTOR), ROW(fdatasync, CALL_ON_DESCRIPTOR),
	ROW(syncfs, CALL_ON_DESCRIPTOR), ROW(sync_file_range, CALL_ON_DESCRIPTOR),
	ROW(fallocate, CALL_ON_DESCRIPTOR), ROW(ftruncate, CALL_ON_DESCRIPTOR),
	ROW(flock, CALL_ON_DESCRIPTOR), ROW(fcntl, CALL_ON_DESCRIPTOR),
	ROW(ioctl, CALL_ON_DESCRIPTOR), ROW(getdents64, CALL_ON_DESCRIPTOR),
	ROW(fstat, CALL_ON_DESCRIPTOR),
	ROW(futex, CALL_ON_FUTEX),
#ifdef SYS_futex_waitv
	ROW(futex_waitv, CALL_ON_FUTEX),
#endif
	ROW(nanosleep, CALL_ON_TIMER), ROW(clock_nanosleep, CALL_ON_TIMER),
	ROW(wait4, CALL_ON_CHILD), ROW(waitid, CALL_ON_CHILD_BY_ID),
#ifdef SYS_epoll_wait
	ROW(epoll_wait, CALL_ON_EPOLL),
#endif
	ROW(epoll_pwait, CALL_ON_EPOLL),
#ifdef SYS_epoll_pwait2
	ROW(epoll_pwait2, CALL_ON_EPOLL),
#endif
#ifdef SYS_poll
	ROW(poll, CALL_PLAIN), ROW(select, CALL_PLAIN), ROW(pause, CALL_PLAIN),
	ROW(open, CALL_PLAIN), ROW(unlink, CALL_PLAIN), ROW(rename, CALL_PLAIN),
	ROW(stat, CALL_PLAIN), ROW(fork, CALL_PLAIN), ROW(vfork, CALL_PLAIN),
#endif
	ROW(ppoll, CALL_PLAIN), ROW(pselect6, CALL_PLAIN), ROW(close, CALL_PLAIN),
	ROW(openat, CALL_PLAIN), ROW(unlinkat, CALL_PLAIN), ROW(renameat2, CALL_PLAIN),
	ROW(rt_sigsuspend, CALL_PLAIN), ROW(rt_sigtimedwait, CALL_PLAIN),
	ROW(sync, CALL_PLAIN), ROW(msync, CALL_PLAIN), ROW(munmap, CALL_PLAIN),
	ROW(mmap, CALL_PLAIN), ROW(madvise, CALL_PLAIN), ROW(clone, CALL_PLAIN),
	ROW(execve, CALL_PLAIN), ROW(exit, CALL_PLAIN), ROW(exit_group, CALL_PLAIN),
	ROW(msgsnd, CALL_PLAIN), ROW(msgrcv, CALL_PLAIN), ROW(semop, CALL_PLAIN),
	ROW(semtimedop, CALL_PLAIN), ROW(io_getevents, CALL_PLAIN),
	ROW(io_uring_enter, CALL_PLAIN), ROW(restart_syscall, CALL_PLAIN),
	ROW(umount2, CALL_PLAIN), ROW(mq_timedreceive, CALL_PLAIN),
};
/* clang-format on */

void wait_calls_fill(uint8_t ret_calls[WAIT_CALLS_MAX])
{
	size_t i;

	memset(ret_calls, CALL_PLAIN, WAIT_CALLS_MAX);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].number < WAIT_CALLS_MAX)
			ret_calls[rows[i].number] = (uint8_t)rows[i].what;
	}
}

const char *wait_call_name(int32_t number)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].number == number)
			return rows[i].name;
	}
	return NULL;
}
