/* SPDX-License-Identifier: GPL-2.0-only */
/* One way to enter a descriptor into an epoll set: for reading, found again by its number. */
#ifndef SHUTWATCH_POLL_H
#define SHUTWATCH_POLL_H

#include <errno.h>
#include <sys/epoll.h>

/* Returns 0 or -errno. */
static inline int poll_add(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

#endif
