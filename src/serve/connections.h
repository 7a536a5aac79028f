/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is connected: how many at all and from one address, and until when each must have been
 * answered. Time is passed in.
 */
#ifndef SHUTWATCH_CONNECTIONS_H
#define SHUTWATCH_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "src/serve/tls.h"

#define CONNECTIONS_MAX 128
#define CONNECTIONS_PER_PEER_MAX 32
/* From the accept, or the end of the last answer, to the end of the next answer. */
#define CONNECTION_TOTAL_NS 20000000000ULL

struct connection {
	int fd;		   /* libmicrohttpd's */
	uint8_t peer[16];  /* IPv6 or mapped IPv4 */
	size_t peer_bytes; /* how many of them tell one peer from another */
	uint64_t deadline_ns;
	bool is_cut;	 /* shut down; libmicrohttpd will notice */
	struct tls *tls; /* the version it began with, or NULL */
	struct connection *next;
};

struct connections {
	struct connection *first;
	size_t count;
};

/* Is there room for one more from there? */
bool connections_has_room(const struct connections *connections, const struct sockaddr *peer);

/* Owned by the table until connections_remove(). NULL: out of memory. Takes a reference to tls. */
struct connection *connections_add(struct connections *connections, const struct sockaddr *peer,
				   int fd, struct tls *tls, uint64_t now_ns);
void connections_remove(struct connections *connections, struct connection *connection);

/* Its request was answered: its time begins anew. */
void connection_answered(struct connection *connection, uint64_t now_ns);

/* Shuts down those whose time is over. Returns when the next one's is; UINT64_MAX: none. */
uint64_t connections_sweep(struct connections *connections, uint64_t now_ns);

#endif
