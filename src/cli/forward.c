// SPDX-License-Identifier: GPL-2.0-only
/* A short queue of signals and one timer. */
#include "src/cli/forward.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "src/base/clock.h"

#define WAIT_NS 10000000ULL   /* between the two kills of one sender lie microseconds */
#define BEFORE_NS 50000000ULL /* how long ago the command may have got its copy */

int forward_init(struct forward *forward)
{
	memset(forward, 0, sizeof(*forward));
	forward->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return forward->timer_fd < 0 ? -errno : 0;
}

void forward_fini(struct forward *forward)
{
	if (forward->timer_fd >= 0)
		close(forward->timer_fd);
	forward->timer_fd = -1;
}

static void set_timer(const struct forward *forward)
{
	struct itimerspec timer = {};

	if (forward->count) { /* in the order in which they came */
		timer.it_value.tv_sec = (time_t)(forward->waiting[0].due_ns / NSEC_PER_SEC);
		timer.it_value.tv_nsec = (long)(forward->waiting[0].due_ns % NSEC_PER_SEC);
	}
	timerfd_settime(forward->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void forward_note(struct forward *forward, const struct signalfd_siginfo *info)
{
	uint64_t now_ns = clock_boot_ns();

	if (info->ssi_code > 0 || forward->count == FORWARD_MAX)
		return; /* from the kernel: the terminal has signalled the command as well */
	forward->waiting[forward->count++] = (struct forward_waiting){
		.signal = (int)info->ssi_signo,
		.sender_pid = info->ssi_pid,
		.since_ns = now_ns - BEFORE_NS,
		.due_ns = now_ns + WAIT_NS,
	};
	set_timer(forward);
}

void forward_due(struct forward *forward, const struct session *session, pid_t command)
{
	uint64_t now_ns = clock_boot_ns();
	uint64_t expirations;

	if (read(forward->timer_fd, &expirations, sizeof(expirations)) < 0)
		return;
	while (forward->count && forward->waiting[0].due_ns <= now_ns) {
		const struct forward_waiting *first = &forward->waiting[0];

		if (!session_saw_signal(session, first->signal, first->sender_pid, first->since_ns))
			kill(command, first->signal);
		forward->count--;
		memmove(&forward->waiting[0], &forward->waiting[1],
			forward->count * sizeof(forward->waiting[0]));
	}
	set_timer(forward);
}
