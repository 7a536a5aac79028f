/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every victim shares: the clock, the truth it tells, its listening socket.
 *
 * The truth is one JSON object a line on stdout, {"event":…,"pid":…,"at_ns":…,…}, times on
 * CLOCK_BOOTTIME. It is kept in memory, so that telling it does not disturb what is measured, and
 * written by truth_flush() when the victim is about to wait or to end. Lines of several processes
 * on one pipe stay whole: no write is longer than PIPE_BUF.
 *
 * Header-only, because each victim is one .c file compiled alone.
 */
#ifndef SHUTWATCH_VICTIM_H
#define SHUTWATCH_VICTIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PEER_BYTES 64
#define TRUTH_BYTES (4 << 20)
#define TRUTH_LINE_BYTES 512

static char truth[TRUTH_BYTES];
static size_t truth_used;
static bool truth_is_untold; /* of very many connections: only "ready" is said */
static pthread_mutex_t truth_lock = PTHREAD_MUTEX_INITIALIZER;

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline void fail(const char *what)
{
	fprintf(stderr, "victim: cannot %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline void write_whole(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return; /* nobody listens any more: the truth has no reader */
		bytes += written;
		length -= (size_t)written;
	}
}

/* The longest run of whole lines that one atomic write can carry. */
static inline size_t truth_chunk(const char *bytes, size_t length)
{
	const char *end;

	if (length <= PIPE_BUF)
		return length;
	end = memrchr(bytes, '\n', PIPE_BUF);
	return (size_t)(end - bytes) + 1;
}

static inline void truth_write(void)
{
	size_t done = 0;

	while (done < truth_used) {
		size_t chunk = truth_chunk(truth + done, truth_used - done);

		write_whole(truth + done, chunk);
		done += chunk;
	}
	truth_used = 0;
}

static inline void truth_flush(void)
{
	pthread_mutex_lock(&truth_lock);
	truth_write();
	pthread_mutex_unlock(&truth_lock);
}

/* One line of truth. "fields" is printf-formatted JSON members. Not for signal handlers. */
__attribute__((format(printf, 3, 4))) static inline void say_at(uint64_t at_ns, const char *event,
								const char *fields, ...)
{
	char line[TRUTH_LINE_BYTES];
	va_list args;
	int used;

	if (truth_is_untold)
		return;
	used = snprintf(line, sizeof(line), "{\"event\":\"%s\",\"pid\":%d,\"at_ns\":%llu,", event,
			getpid(), (unsigned long long)at_ns);
	va_start(args, fields);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used, fields, args);
	va_end(args);
	used += snprintf(line + used, sizeof(line) - (size_t)used, "}\n");

	pthread_mutex_lock(&truth_lock);
	if (truth_used + (size_t)used > sizeof(truth))
		truth_write();
	memcpy(truth + truth_used, line, (size_t)used);
	truth_used += (size_t)used;
	pthread_mutex_unlock(&truth_lock);
}

#define say(event, ...) say_at(now_ns(), event, __VA_ARGS__)

/* The kit waits for this line. */
static inline void say_ready(int port)
{
	char line[32];
	int used = snprintf(line, sizeof(line), "ready %d\n", port);

	truth_flush();
	write_whole(line, (size_t)used);
}

/* "127.0.0.1:4711", "[::1]:4711"; an IPv4 client of a dual-stack listener shows as IPv4. */
static inline void name_address(const struct sockaddr_storage *address, char name[PEER_BYTES])
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
	char text[INET6_ADDRSTRLEN];

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text));
		snprintf(name, PEER_BYTES, "%s:%d", text, ntohs(four->sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], text, sizeof(text));
		snprintf(name, PEER_BYTES, "%s:%d", text, ntohs(six->sin6_port));
	} else {
		inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text));
		snprintf(name, PEER_BYTES, "[%s]:%d", text, ntohs(six->sin6_port));
	}
}

static inline socklen_t parse_address(const char *text, int port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
		fail("understand the address");
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	return sizeof(*six);
}

/* What more is asked of a listening socket. */
struct listening {
	bool is_shared; /* SO_REUSEPORT */
	int send_bytes; /* room for what is not acknowledged yet; 0: the kernel's */
};

/* A non-blocking listening socket; "::" takes IPv4 clients too. */
static inline int listen_with(const char *address, int port, int backlog,
			      const struct listening *more)
{
	struct sockaddr_storage where;
	socklen_t length = parse_address(address, port, &where);
	int on = 1, off = 0;
	int fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		fail("make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (more->is_shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (more->send_bytes && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &more->send_bytes,
					   sizeof(more->send_bytes)) < 0)
		fail("enlarge the send buffer");
	if (where.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&where, length) < 0)
		fail("bind");
	if (listen(fd, backlog) < 0)
		fail("listen");
	return fd;
}

/* Whichever the kernel chose, for --port=0; at the same place in both families. */
static inline int port_of(int listener)
{
	struct sockaddr_storage where;
	socklen_t length = sizeof(where);

	if (getsockname(listener, (struct sockaddr *)&where, &length) < 0)
		fail("ask for the port");
	return ntohs(((const struct sockaddr_in *)&where)->sin_port);
}

static inline int listen_on(const char *address, int port, int backlog)
{
	return listen_with(address, port, backlog, &(struct listening){ 0 });
}

/* Closes fd and says when: the kernel acted between before_ns and after_ns. */
static inline void close_saying(int fd, const char *event, const char *peer)
{
	uint64_t before = now_ns();

	close(fd);
	say(event, "\"peer\":\"%s\",\"before_ns\":%llu,\"after_ns\":%llu", peer,
	    (unsigned long long)before, (unsigned long long)now_ns());
}

static inline void sleep_ms(unsigned int ms)
{
	struct timespec left = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

#endif
