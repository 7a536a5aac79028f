// SPDX-License-Identifier: GPL-2.0-only
/*
 * One run of an iterator: link, open, read to the end, close. The kernel works while we read, and
 * stops when our buffer is full: nothing can overflow.
 */
#include "src/capture/iterate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "src/base/cleanup.h"

static int open_in_netns(int link_fd, int netns_fd)
{
	_cleanup_close_ int own = -1;
	int fd, err;

	if (netns_fd < 0) {
		fd = bpf_iter_create(link_fd);
		return fd < 0 ? -errno : fd;
	}
	own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0 || setns(netns_fd, CLONE_NEWNET))
		return -errno;
	fd = bpf_iter_create(link_fd);
	err = fd < 0 ? -errno : 0;
	if (setns(own, CLONE_NEWNET)) { /* we must not stay there */
		err = -errno;
		if (fd >= 0)
			close(fd);
	}
	return err ? err : fd;
}

/* Feeds the whole events in the buffer to the sink; returns how many bytes these were. */
static ssize_t feed(const char *buffer, size_t size, probe_sink sink, void *context)
{
	size_t at = 0;

	while (size - at >= sizeof(struct event_header)) {
		struct event_header header;
		int err;

		memcpy(&header, buffer + at, sizeof(header));
		if (header.size < sizeof(header))
			return -EBADMSG;
		if (header.size > size - at)
			break;
		err = sink(context, buffer + at, header.size);
		if (err)
			return err;
		at += header.size;
	}
	return (ssize_t)at;
}

static int read_events(int fd, probe_sink sink, void *context)
{
	char buffer[16384];
	size_t kept = 0;

	for (;;) {
		ssize_t got = read(fd, buffer + kept, sizeof(buffer) - kept);
		ssize_t fed;

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return kept ? -EBADMSG : 0;
		kept += (size_t)got;
		fed = feed(buffer, kept, sink, context);
		if (fed < 0)
			return (int)fed;
		kept -= (size_t)fed;
		memmove(buffer, buffer + fed, kept);
	}
}

int iterate(struct bpf_program *program, const struct iterate_options *options, probe_sink sink,
	    void *context)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, attach);
	union bpf_iter_link_info info = {};
	_cleanup_close_ int fd = -1;
	struct bpf_link *link;
	int err;

	info.task.pid = options->pid;
	attach.link_info = &info;
	attach.link_info_len = sizeof(info);
	link = bpf_program__attach_iter(program, options->pid ? &attach : NULL);
	if (!link)
		return -errno;
	fd = open_in_netns(bpf_link__fd(link), options->netns_fd);
	err = fd < 0 ? fd : read_events(fd, sink, context);
	bpf_link__destroy(link);
	return err;
}
