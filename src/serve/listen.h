/* SPDX-License-Identifier: GPL-2.0-only */
/* The listening socket: "HOST:PORT" -> a descriptor. */
#ifndef SHUTWATCH_LISTEN_H
#define SHUTWATCH_LISTEN_H

#include <stdint.h>

#define LISTEN_HOST_BYTES 254 /* a DNS name and a NUL */

struct listen_address {
	char host[LISTEN_HOST_BYTES]; /* "": any address, of IPv6 and IPv4 */
	uint16_t port;		      /* 0: the kernel chooses */
};

/* "HOST:PORT", "[::1]:9942", ":9942". Returns 0, or -EINVAL when it is none of these. */
int listen_parse(const char *text, struct listen_address *ret_address);

/* "127.0.0.1:9942": where the socket listens. Writes into buffer and returns it. */
#define LISTEN_TEXT_BYTES 64
const char *listen_text(int fd, char buffer[LISTEN_TEXT_BYTES]);

/* Returns a listening, non-blocking socket, or -errno after a line in the log. */
int listen_open(const char *text);

#endif
