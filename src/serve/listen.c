/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The listening socket. Owns it until it is returned. A name may be resolved here, so this is
 * called once, before anything is served.
 */
#include "src/serve/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"

#define BACKLOG 64

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned int port = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5 || text[digits])
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		port = port * 10 + (unsigned int)(text[i] - '0');
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

int listen_parse(const char *text, struct listen_address *ret_address)
{
	const char *colon = strrchr(text, ':');
	struct listen_address address = {};
	size_t size;

	if (!colon || parse_port(colon + 1, &address.port))
		return -EINVAL;
	size = (size_t)(colon - text);
	if (text[0] == '[') {
		if (size < 3 || text[size - 1] != ']')
			return -EINVAL;
		text++;
		size -= 2;
		if (!memchr(text, ':', size))
			return -EINVAL;
	} else if (memchr(text, ':', size)) {
		return -EINVAL; /* an IPv6 address needs its brackets */
	}
	if (size >= sizeof(address.host) || memchr(text, '[', size) || memchr(text, ']', size))
		return -EINVAL;
	memcpy(address.host, text, size);
	*ret_address = address;
	return 0;
}

static int open_one(int family, const struct sockaddr *address, socklen_t size, bool is_any)
{
	_cleanup_close_ int fd =
		socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int v6_only = !is_any;
	int yes = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)))
		return -errno;
	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only)))
		return -errno;
	if (bind(fd, address, size) || listen(fd, BACKLOG))
		return -errno;
	return TAKE_FD(fd);
}

/* Both families through one socket; IPv4 alone where the kernel has no IPv6. */
static int open_any(uint16_t port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = open_one(AF_INET6, (struct sockaddr *)&v6, sizeof(v6), true);

	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)
		fd = open_one(AF_INET, (struct sockaddr *)&v4, sizeof(v4), true);
	return fd;
}

/* The first address of the host that can be bound. */
static int open_host(const char *text, const struct listen_address *address)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char port[8];
	int fd = -EADDRNOTAVAIL;
	int err;

	snprintf(port, sizeof(port), "%u", address->port);
	err = getaddrinfo(address->host, port, &hints, &found);
	if (err) {
		log_error("cannot listen on %s: %s", text, gai_strerror(err));
		return -EADDRNOTAVAIL;
	}
	for (struct addrinfo *each = found; each && fd < 0; each = each->ai_next)
		fd = open_one(each->ai_family, each->ai_addr, each->ai_addrlen, false);
	freeaddrinfo(found);
	if (fd < 0)
		log_error("cannot listen on %s: %s", text, strerror(-fd));
	return fd;
}

int listen_open(const char *text)
{
	struct listen_address address;
	int fd;

	if (listen_parse(text, &address)) {
		log_error("cannot listen on %s: not HOST:PORT, [IPv6]:PORT or :PORT", text);
		return -EINVAL;
	}
	if (address.host[0])
		return open_host(text, &address);
	fd = open_any(address.port);
	if (fd < 0)
		log_error("cannot listen on %s: %s", text, strerror(-fd));
	return fd;
}

const char *listen_text(int fd, char buffer[LISTEN_TEXT_BYTES])
{
	struct sockaddr_storage address = {};
	socklen_t size = sizeof(address);
	char host[48];
	char port[8];

	if (getsockname(fd, (struct sockaddr *)&address, &size) ||
	    getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return strcpy(buffer, "?");
	snprintf(buffer, LISTEN_TEXT_BYTES, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		 host, port);
	return buffer;
}
